// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Accumulator, Accumulators} from "./Accumulator.sol";
import {Factor} from "./Factor.sol";

/// @notice Exact sums of products of binary32 numbers, eight lanes of 32 bits a word.
/// @dev A finite binary32 is +-M * 2^(E - 149) with M < 2^24 and E = max(exponent field, 1) - 1. So a product is
/// M * M' * 2^(E + E') units of 2^-298, where E + E' <= 506: bin (E + E') / 128 of the accumulator, shifted by the rest.
library DotF32 {
  uint256 private constant LOW_BITS = 0x0000000100000001000000010000000100000001000000010000000100000001;
  uint256 private constant NINTH_BITS = 0x0000010000000100000001000000010000000100000001000000010000000100;
  uint256 private constant SIGNS = 0x8000000080000000800000008000000080000000800000008000000080000000;
  uint256 private constant EXPONENTS = 0x000000ff000000ff000000ff000000ff000000ff000000ff000000ff000000ff;
  uint256 private constant FRACTIONS = 0x007fffff007fffff007fffff007fffff007fffff007fffff007fffff007fffff;
  uint256 private constant BELOW_2_24 = 0x00ffffff00ffffff00ffffff00ffffff00ffffff00ffffff00ffffff00ffffff;
  uint256 private constant MAGNITUDES = 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff;
  /// @dev Added to a magnitude: carries into the sign bit from infinity on.
  uint256 private constant FROM_INFINITY = 0x0080000000800000008000000080000000800000008000000080000000800000;
  uint256 private constant SHIFTS = 0x0000007f0000007f0000007f0000007f0000007f0000007f0000007f0000007f;
  uint256 private constant BIN_OFFSETS = 0x0000006000000060000000600000006000000060000000600000006000000060;
  uint256 private constant EVEN_LANES = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
  uint256 private constant EVEN_LOW_BITS = 0x0000000000000001000000000000000100000000000000010000000000000001;
  uint256 private constant ODD_BYTES = 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
  uint256 private constant ODD_PAIRS = 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff;
  uint256 private constant ALL = 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff;

  /// @notice Adds the sum of x[i] * y[i] over i < count.
  function add(Accumulator memory sum, Factor memory x, Factor memory y, uint256 count) internal pure {
    if (_addFinite(sum, x, y, count)) _addClasses(sum, x, y, count);
  }

  /// @dev Writes only bins 0 to 3: a lane's offset is at most 96 whatever its bits. Reads the operands and at most 28
  /// bytes behind them, which it masks. Products are formed in lanes of 64 bits, modulo 2^64, of operands whose left one
  /// is negated where the product is negative, and sign-extended.
  /// @return special Whether there was an infinity or NaN: the bins are meaningless then.
  function _addFinite(
    Accumulator memory sum,
    Factor memory p,
    Factor memory q,
    uint256 count
  ) private pure returns (bool special) {
    assembly ("memory-safe") {
      // In scratch space. Both steps: one variable more would move others from the stack to memory. The mask: as a constant
      // the optimiser would apply it anew, shifted, to each lane.
      mstore(0, EVEN_LANES)
      mstore(32, or(shl(128, mload(add(p, 32))), mload(add(q, 32))))
      let a := mload(p)
      let b := mload(q)
      let bins := mload(sum)
      let carries := 0
      for {} count {} {
        let x := mload(a)
        let y := mload(b)
        switch lt(count, 8)
        case 1 {
          let mask := not(shr(shl(5, count), ALL))
          x := and(x, mask)
          y := and(y, mask)
          count := 0
        }
        default {
          a := add(a, shr(128, mload(32)))
          b := add(b, and(mload(32), 0xff))
          count := sub(count, 8)
        }
        // to big-endian lanes
        x := or(shl(8, and(x, ODD_BYTES)), and(shr(8, x), ODD_BYTES))
        y := or(shl(8, and(y, ODD_BYTES)), and(shr(8, y), ODD_BYTES))
        x := or(shl(16, and(x, ODD_PAIRS)), and(shr(16, x), ODD_PAIRS))
        y := or(shl(16, and(y, ODD_PAIRS)), and(shr(16, y), ODD_PAIRS))
        let shifts
        let offsets
        let signs := shr(31, and(xor(x, y), SIGNS))
        {
          let ex := and(shr(23, x), EXPONENTS)
          let ey := and(shr(23, y), EXPONENTS)
          // the ninth bit of a lane: exponent field 255
          carries := or(carries, or(add(ex, LOW_BITS), add(ey, LOW_BITS)))
          // the ninth bit of a lane: exponent field not 0, so a normal number
          let nx := and(add(ex, EXPONENTS), NINTH_BITS)
          let ny := and(add(ey, EXPONENTS), NINTH_BITS)
          x := or(and(x, FRACTIONS), shl(15, nx))
          y := or(and(y, FRACTIONS), shl(15, ny))
          let exponents := sub(add(ex, ey), shr(8, add(nx, ny)))
          shifts := and(exponents, SHIFTS)
          offsets := and(shr(2, exponents), BIN_OFFSETS) // 32 * (exponent / 128)
          // a zero has no negative: its two's complement would run over its lane
          signs := and(signs, shr(24, add(x, BELOW_2_24)))
        }
        {
          let s := and(signs, EVEN_LOW_BITS)
          let u := add(xor(and(x, mload(0)), mul(s, 0xffffffffffffffff)), s)
          let v := and(y, mload(0))
          let bin := add(bins, byte(31, offsets))
          mstore(bin, add(mload(bin), shl(byte(31, shifts), signextend(7, mul(u, v)))))
          bin := add(bins, byte(23, offsets))
          mstore(bin, add(mload(bin), shl(byte(23, shifts), signextend(7, mul(shr(64, u), shr(64, v))))))
          bin := add(bins, byte(15, offsets))
          mstore(bin, add(mload(bin), shl(byte(15, shifts), signextend(7, mul(shr(128, u), shr(128, v))))))
          bin := add(bins, byte(7, offsets))
          mstore(bin, add(mload(bin), shl(byte(7, shifts), signextend(7, mul(shr(192, u), shr(192, v))))))
        }
        {
          let s := and(shr(32, signs), EVEN_LOW_BITS)
          let u := add(xor(and(shr(32, x), mload(0)), mul(s, 0xffffffffffffffff)), s)
          let v := and(shr(32, y), mload(0))
          let bin := add(bins, byte(27, offsets))
          mstore(bin, add(mload(bin), shl(byte(27, shifts), signextend(7, mul(u, v)))))
          bin := add(bins, byte(19, offsets))
          mstore(bin, add(mload(bin), shl(byte(19, shifts), signextend(7, mul(shr(64, u), shr(64, v))))))
          bin := add(bins, byte(11, offsets))
          mstore(bin, add(mload(bin), shl(byte(11, shifts), signextend(7, mul(shr(128, u), shr(128, v))))))
          bin := add(bins, byte(3, offsets))
          mstore(bin, add(mload(bin), shl(byte(3, shifts), signextend(7, mul(shr(192, u), shr(192, v))))))
        }
      }
      special := iszero(iszero(and(carries, NINTH_BITS)))
    }
  }

  /// @dev Adds the classes of the products that are not finite. Lane tests end in the sign bit: a magnitude plus 2^31 - 1
  /// reaches it from 1 on, plus 2^23 from infinity on, plus 2^23 - 1 for NaN.
  function _addClasses(Accumulator memory sum, Factor memory p, Factor memory q, uint256 count) private pure {
    uint256 nan;
    uint256 positive;
    uint256 negative;
    assembly ("memory-safe") {
      let a := mload(p)
      let b := mload(q)
      for {} count {} {
        let x := mload(a)
        let y := mload(b)
        switch lt(count, 8)
        case 1 {
          let mask := not(shr(shl(5, count), ALL))
          x := and(x, mask)
          y := and(y, mask)
          count := 0
        }
        default {
          a := add(a, mload(add(p, 32)))
          b := add(b, mload(add(q, 32)))
          count := sub(count, 8)
        }
        x := or(shl(8, and(x, ODD_BYTES)), and(shr(8, x), ODD_BYTES))
        y := or(shl(8, and(y, ODD_BYTES)), and(shr(8, y), ODD_BYTES))
        x := or(shl(16, and(x, ODD_PAIRS)), and(shr(16, x), ODD_PAIRS))
        y := or(shl(16, and(y, ODD_PAIRS)), and(shr(16, y), ODD_PAIRS))
        let sign := xor(x, y)
        x := and(x, MAGNITUDES)
        y := and(y, MAGNITUDES)
        let infinite := or(add(x, FROM_INFINITY), add(y, FROM_INFINITY)) // or NaN
        let nans := or(add(x, FRACTIONS), add(y, FRACTIONS))
        // where one factor is infinite or NaN: the other is 0
        nans := or(nans, and(infinite, not(and(add(x, MAGNITUDES), add(y, MAGNITUDES)))))
        nan := or(nan, nans)
        infinite := and(infinite, not(nans))
        positive := or(positive, and(infinite, not(sign)))
        negative := or(negative, and(infinite, sign))
      }
    }
    if (nan & SIGNS != 0) sum.classes |= Accumulators.NAN;
    if (positive & SIGNS != 0) sum.classes |= Accumulators.POS_INF;
    if (negative & SIGNS != 0) sum.classes |= Accumulators.NEG_INF;
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Values} from "./Value.sol";

library Rounding {
  /// @dev The bits of the float nearest to +-(w * 2^e), ties to even; overflow gives an infinity, zero is never negative.
  /// @param dtype f32, f16 or bf16.
  /// @param w Any; below 2^255 if `sticky`.
  /// @param e Any within +-2^250.
  /// @param sticky The magnitude is larger than w * 2^e by a positive amount below 2^e. The result is then right if w
  /// has at least 26 bits or 2^e is at most a quarter of the smallest subnormal.
  function round(uint256 dtype, bool neg, uint256 w, int256 e, bool sticky) internal pure returns (uint256) {
    unchecked {
      // Any odd continuation rounds alike, as no neighbour and no midpoint lies inside the last unit.
      return sticky ? nearest(dtype, neg, (w << 1) | 1, e - 1) : nearest(dtype, neg, w, e);
    }
  }

  /// @dev round without a sticky part. Callers avoid literal arguments, for each of which the optimiser would make a copy.
  function nearest(uint256 dtype, bool neg, uint256 w, int256 e) internal pure returns (uint256 bits) {
    unchecked {
      if (w == 0) return 0;
      (uint256 fraction, uint256 exponents) = Values.floatFormat(dtype);
      // The exponent field of the value as if unbounded: floor(log2) plus the bias.
      int256 field = int256(msb(w) + (exponents >> 1)) + e;
      if (field >= int256(exponents)) return Values.infinity(dtype, neg);
      bool normal = field > 0;
      // The spacing of floats around the value is 2^(e + drop).
      int256 drop = (normal ? field : int256(1)) - int256((exponents >> 1) + fraction) - e;
      if (drop <= 0) {
        bits = w << uint256(-drop); // below 2^(fraction + 1): the leading bit moves to `fraction` at most
      } else if (drop <= 256) {
        uint256 half = 1 << uint256(drop - 1);
        uint256 rest = w & ((half << 1) - 1); // half << 1 is 0 for a drop of 256, and rest all of w
        bits = w >> uint256(drop);
        if (rest > half || (rest == half && bits & 1 == 1)) ++bits;
      } // else the value is below half the spacing
      // Encodings of consecutive floats are consecutive: a carry moves on into the exponent, at last to infinity.
      if (normal) bits += uint256(field - 1) << fraction;
      if (neg && bits != 0) bits |= (exponents + 1) << fraction;
    }
  }

  /// @dev Index of the most significant set bit; 0 for 0.
  function msb(uint256 x) internal pure returns (uint256 r) {
    assembly ("memory-safe") {
      r := shl(7, lt(0xffffffffffffffffffffffffffffffff, x))
      r := or(r, shl(6, lt(0xffffffffffffffff, shr(r, x))))
      r := or(r, shl(5, lt(0xffffffff, shr(r, x))))
      r := or(r, shl(4, lt(0xffff, shr(r, x))))
      r := or(r, shl(3, lt(0xff, shr(r, x))))
      r := or(r, shl(2, lt(0xf, shr(r, x))))
      r := or(r, byte(and(0xf, shr(r, x)), 0x0000010102020202030303030303030300000000000000000000000000000000))
    }
  }
}

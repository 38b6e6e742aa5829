// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Factor} from "./Factor.sol";

/// @notice Exact sums of products of 8-bit integers, 32 a word: one multiplication of two words of eight lanes of 32 bits
/// gives, in its highest lane, the sum of the eight products of a lane with its mirror image.
library DotInt8 {
  uint256 private constant BYTES = 0x000000ff000000ff000000ff000000ff000000ff000000ff000000ff000000ff;
  uint256 private constant LOW_BITS = 0x0000000100000001000000010000000100000001000000010000000100000001;
  uint256 private constant EVEN_LANES = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
  uint256 private constant EVEN_PAIRS = 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
  uint256 private constant ALL = 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff;
  /// @dev No lane overflows: 2^15 products below 2^16 stay below 2^31.
  uint256 private constant CHUNK = 2 ** 15;

  /// @notice Sum of (x[i] - zero of x) * (y[i] - zero of y) over i < count, the elements made unsigned; count <= 2^20.
  function dot(Factor memory x, Factor memory y, uint256 count) internal pure returns (int256 total) {
    unchecked {
      // Zero points are below 2^32: nothing overflows.
      (uint256 a, uint256 b) = (x.ptr, y.ptr);
      while (count != 0) {
        uint256 n = count < CHUNK ? count : CHUNK;
        (uint256 products, uint256 sumX, uint256 sumY) = _sums(x, y, a, b, n);
        total += int256(products) - y.zero * int256(sumX) - x.zero * int256(sumY) + int256(n) * x.zero * y.zero;
        // whole words, but for the last chunk
        a += (n * x.step) / 32;
        b += (n * y.step) / 32;
        count -= n;
      }
    }
  }

  /// @dev Reads count <= CHUNK elements at `a` and `b` and at most 31 bytes behind them, which it masks.
  function _sums(
    Factor memory p,
    Factor memory q,
    uint256 a,
    uint256 b,
    uint256 count
  ) private pure returns (uint256 products, uint256 sumA, uint256 sumB) {
    assembly ("memory-safe") {
      let flipA := mload(add(p, 64))
      let flipB := mload(add(q, 64))
      // in scratch space, to keep the other variables on the stack
      mstore(0, mload(add(p, 32)))
      mstore(32, mload(add(q, 32)))
      for {} count {} {
        let x := xor(mload(a), flipA)
        let y := xor(mload(b), flipB)
        switch lt(count, 32)
        case 1 {
          let mask := not(shr(shl(3, count), ALL))
          x := and(x, mask)
          y := and(y, mask)
          count := 0
        }
        default {
          a := add(a, mload(0))
          b := add(b, mload(32))
          count := sub(count, 32)
        }
        let x0 := and(x, BYTES)
        let x1 := and(shr(8, x), BYTES)
        let x2 := and(shr(16, x), BYTES)
        let x3 := and(shr(24, x), BYTES)
        sumA := add(sumA, add(add(x0, x1), add(x2, x3)))
        // mirror the lanes
        y := or(shl(128, y), shr(128, y))
        y := or(shl(64, and(y, EVEN_PAIRS)), and(shr(64, y), EVEN_PAIRS))
        y := or(shl(32, and(y, EVEN_LANES)), and(shr(32, y), EVEN_LANES))
        let y0 := and(y, BYTES)
        let y1 := and(shr(8, y), BYTES)
        let y2 := and(shr(16, y), BYTES)
        let y3 := and(shr(24, y), BYTES)
        sumB := add(sumB, add(add(y0, y1), add(y2, y3)))
        products := add(products, add(add(mul(x0, y0), mul(x1, y1)), add(mul(x2, y2), mul(x3, y3))))
      }
      products := shr(224, products)
      sumA := shr(224, mul(sumA, LOW_BITS))
      sumB := shr(224, mul(sumB, LOW_BITS))
    }
  }
}

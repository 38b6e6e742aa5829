// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Rounding} from "./Rounding.sol";
import {Value, Values} from "./Value.sol";

/// @notice An exact sum of floats, products of two floats and accs.
/// @param bins The finite terms add up to sum over k of bins[k] * 2^(128 k - 298).
/// @param classes Set of the classes, as bits, of the terms that are not finite.
struct Accumulator {
  int256[8] bins;
  uint256 classes;
}

/// @dev No bin overflows: a term adds to a bin at most a product below 2^48 shifted by at most 127, or a digit of an acc
/// below 2^128; so 2^20 terms stay below 2^195. Arithmetic is unchecked for that reason.
library Accumulators {
  /// @notice Products of floats are whole multiples of 2^-298, the square of the smallest binary32.
  int256 private constant UNIT = 298;
  uint256 private constant DIGIT = 128;
  uint256 private constant DIGIT_MASK = 2 ** 128 - 1;
  uint256 private constant BINS = 8;
  /// @dev The upper digit of an acc's last word: 96 bits of N; above them its class.
  uint256 private constant TOP_BITS = 96;

  uint256 internal constant NAN = 1 << Values.NAN;
  uint256 internal constant POS_INF = 1 << Values.POS_INF;
  uint256 internal constant NEG_INF = 1 << Values.NEG_INF;

  function add(Accumulator memory sum, Value memory a) internal pure {
    if (a.class != Values.FINITE) sum.classes |= 1 << a.class;
    else _addAt(sum, a.m, a.e + UNIT);
  }

  function addProduct(Accumulator memory sum, Value memory a, Value memory b) internal pure {
    unchecked {
      if (a.class == Values.FINITE && b.class == Values.FINITE) return _addAt(sum, a.m * b.m, a.e + b.e + UNIT);
      bool invalid = a.class == Values.NAN || b.class == Values.NAN;
      invalid = invalid || (a.class == Values.FINITE && a.m == 0) || (b.class == Values.FINITE && b.m == 0);
      if (invalid) sum.classes |= NAN;
      else sum.classes |= _negative(a) == _negative(b) ? POS_INF : NEG_INF;
    }
  }

  /// @notice Adds the acc element in memory at `ptr`.
  function addStored(Accumulator memory sum, uint256 ptr) internal pure {
    unchecked {
      uint256[4] memory words;
      for (uint256 k = 0; k < 4; ++k) {
        uint256 word;
        assembly ("memory-safe") {
          word := mload(add(ptr, shl(5, k)))
        }
        words[k] = reverse(word);
      }
      uint256 class = words[3] >> (DIGIT + TOP_BITS);
      if (class != Values.FINITE) {
        sum.classes |= class > Values.NEG_INF ? NAN : 1 << class;
        return;
      }
      for (uint256 k = 0; k < 4; ++k) {
        sum.bins[2 * k] += int256(words[k] & DIGIT_MASK);
        if (k < 3) sum.bins[2 * k + 1] += int256(words[k] >> DIGIT);
        else sum.bins[2 * k + 1] += int96(uint96(words[k] >> DIGIT));
      }
    }
  }

  /// @notice The sum, rounded once, as bits of a float dtype.
  function round(Accumulator memory sum, uint256 dtype) internal pure returns (uint256) {
    unchecked {
      uint256 class = _class(sum);
      if (class == Values.NAN) return Values.nan(dtype);
      if (class != Values.FINITE) return Values.infinity(dtype, class == Values.NEG_INF);
      (uint256[8] memory digits, bool neg) = _magnitude(sum);
      uint256 top = BINS - 1;
      while (top != 1 && digits[top] == 0) --top;
      uint256 rest = 0;
      for (uint256 k = 0; k + 1 < top; ++k) rest |= digits[k];
      uint256 w = (digits[top] << DIGIT) | digits[top - 1];
      int256 e = int256(DIGIT * (top - 1)) - UNIT;
      // With a digit above them, the lower ones are dropped: w has more than 128 bits then.
      if (digits[top] >> (DIGIT - 1) == 0) return Rounding.round(dtype, neg, w, e, rest != 0);
      return Rounding.round(dtype, neg, w >> 1, e + 1, rest != 0 || w & 1 != 0);
    }
  }

  /// @notice The sum as an acc element, 128 bytes.
  function store(Accumulator memory sum) internal pure returns (uint256[4] memory element) {
    unchecked {
      uint256 class = _class(sum);
      _carry(sum.bins);
      for (uint256 k = 0; k < 4; ++k) {
        uint256 word = uint256(sum.bins[2 * k]) | (uint256(sum.bins[2 * k + 1]) << DIGIT);
        if (class != Values.FINITE) word = 0;
        // the class stands above the 992 bits of N
        if (k == 3) word = (word & (2 ** (DIGIT + TOP_BITS) - 1)) | (class << (DIGIT + TOP_BITS));
        element[k] = reverse(word);
      }
    }
  }

  /// @notice Whether the sum, of finite terms, is below zero.
  function negative(Accumulator memory sum) internal pure returns (bool) {
    _carry(sum.bins);
    return sum.bins[BINS - 1] < 0;
  }

  /// @notice The bytes of a word in opposite order.
  function reverse(uint256 word) internal pure returns (uint256) {
    unchecked {
      uint256 mask = 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
      word = ((word >> 8) & mask) | ((word & mask) << 8);
      mask = 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff;
      word = ((word >> 16) & mask) | ((word & mask) << 16);
      mask = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
      word = ((word >> 32) & mask) | ((word & mask) << 32);
      mask = 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
      word = ((word >> 64) & mask) | ((word & mask) << 64);
      return (word >> 128) | (word << 128);
    }
  }

  /// @dev Adds m * 2^(shift - 298), 0 <= shift < 556: values of floats and products of two are such multiples.
  function _addAt(Accumulator memory sum, int256 m, int256 shift) private pure {
    unchecked {
      uint256 offset = (uint256(shift) / DIGIT) * 32;
      m = m << (uint256(shift) % DIGIT);
      // shift < 8 * 128: the offset is that of one of the eight bins
      assembly ("memory-safe") {
        let bin := add(mload(sum), offset)
        mstore(bin, add(mload(bin), m))
      }
    }
  }

  function _class(Accumulator memory sum) private pure returns (uint256) {
    uint256 classes = sum.classes;
    if (classes == 0) return Values.FINITE;
    if (classes == POS_INF) return Values.POS_INF;
    return classes == NEG_INF ? Values.NEG_INF : Values.NAN;
  }

  /// @dev Moves carries up: all bins but the last become digits 0..2^128-1, the last keeps the sign.
  function _carry(int256[8] memory bins) private pure {
    unchecked {
      for (uint256 k = 0; k + 1 < BINS; ++k) {
        bins[k + 1] += bins[k] >> DIGIT;
        bins[k] = int256(uint256(bins[k]) & DIGIT_MASK);
      }
    }
  }

  /// @dev The digits of the magnitude of the sum.
  function _magnitude(Accumulator memory sum) private pure returns (uint256[8] memory digits, bool neg) {
    unchecked {
      neg = negative(sum);
      int256[8] memory bins;
      for (uint256 k = 0; k < BINS; ++k) bins[k] = neg ? -sum.bins[k] : sum.bins[k];
      _carry(bins);
      for (uint256 k = 0; k < BINS; ++k) digits[k] = uint256(bins[k]);
    }
  }

  function _negative(Value memory a) private pure returns (bool) {
    return a.class == Values.NEG_INF || (a.class == Values.FINITE && a.m < 0);
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice A binary floating-point format of IEEE 754-2019 §3.4: bits of the stored significand, then bits of the exponent above it.
type Format is uint256;

Format constant F32 = Format.wrap((8 << 8) | 23);
Format constant F16 = Format.wrap((5 << 8) | 10);
Format constant BF16 = Format.wrap((8 << 8) | 7);

/// @notice Fixed-point integers to and from floats, exact results rounded once: to nearest, ties to even (IEEE 754-2019 §4.3.1).
/// @dev A fixed-point integer n of d decimals stands for n / 10^d; d is any number. A float is its bits. `index` is the element that
/// errors name. A result of zero has no sign.
library Floats {
  error TooLargeForFloat(uint256 index, bool negative, uint256 magnitude, uint256 decimals);
  error TooLargeForInteger(uint256 index, uint256 bits, uint256 decimals);
  error NegativeNumber(uint256 index, uint256 bits);
  error NotANumber(uint256 index);
  error Infinite(uint256 index, uint256 bits);

  uint256 private constant HALF = 1 << 255;
  /// @dev 5^94 < 2^219: a quotient of a number of 256 bits by it has at least 37 bits.
  uint256 private constant DECIMALS_AT_ONCE = 94;
  /// @dev 2^256 / 10^123 is less than half of the least number of any format.
  uint256 private constant VANISHING_DECIMALS = 123;
  /// @dev 2^24 * 5^99 < 2^254.
  uint256 private constant SHORT_DECIMALS = 99;
  /// @dev 2^-149 * 10^122, the least positive number with so many decimals, is above 2^256.
  uint256 private constant EXCESSIVE_DECIMALS = 122;

  function fromInt(Format format, uint256 index, int256 value, uint256 decimals) internal pure returns (uint256 bits) {
    return _encode(format, index, value < 0, _magnitude(value), decimals);
  }

  function fromUint(Format format, uint256 index, uint256 value, uint256 decimals) internal pure returns (uint256) {
    return _encode(format, index, false, value, decimals);
  }

  function toInt(Format format, uint256 index, uint256 bits, uint256 decimals) internal pure returns (int256 value) {
    (bool negative, uint256 significand, int256 exponent) = _decode(format, index, bits);
    (bool fits, uint256 magnitude) = _scale(significand, exponent, decimals);
    unchecked {
      if (!fits || magnitude > (negative ? HALF : HALF - 1)) revert TooLargeForInteger(index, bits, decimals);
      return negative ? int256(0 - magnitude) : int256(magnitude);
    }
  }

  /// @dev A negative number is refused even if it would round to zero.
  function toUint(Format format, uint256 index, uint256 bits, uint256 decimals) internal pure returns (uint256) {
    (bool negative, uint256 significand, int256 exponent) = _decode(format, index, bits);
    if (negative && significand != 0) revert NegativeNumber(index, bits);
    (bool fits, uint256 magnitude) = _scale(significand, exponent, decimals);
    if (!fits) revert TooLargeForInteger(index, bits, decimals);
    return magnitude;
  }

  /// @notice An integer that is larger for a larger float, infinities included; both zeros have the same.
  function order(Format format, uint256 index, uint256 bits) internal pure returns (int256 key) {
    unchecked {
      (uint256 stored, uint256 width) = _layout(format);
      uint256 magnitude = bits & ((1 << (stored + width)) - 1);
      if (magnitude > ((1 << width) - 1) << stored) revert NotANumber(index);
      return magnitude == bits ? int256(magnitude) : -int256(magnitude);
    }
  }

  function _layout(Format format) private pure returns (uint256 stored, uint256 width) {
    return (Format.unwrap(format) & 0xff, Format.unwrap(format) >> 8);
  }

  /// @dev Exponent of the least positive number.
  function _leastExponent(uint256 stored, uint256 width) private pure returns (int256) {
    unchecked {
      return 2 - int256((1 << (width - 1)) + stored);
    }
  }

  function _magnitude(int256 value) private pure returns (uint256) {
    unchecked {
      return value < 0 ? 0 - uint256(value) : uint256(value);
    }
  }

  /// @dev Cannot overflow: exponents are within ±1000, and each shift says what bounds it.
  function _encode(
    Format format,
    uint256 index,
    bool negative,
    uint256 magnitude,
    uint256 decimals
  ) private pure returns (uint256 bits) {
    unchecked {
      if (magnitude == 0 || decimals >= VANISHING_DECIMALS) return 0;
      uint256 lead = 255 - _log2(magnitude);
      uint256 significand = magnitude << lead;
      int256 exponent = -int256(lead) - int256(decimals);
      uint256 top = 255;
      if (decimals != 0) (significand, exponent, top) = _divide(significand, exponent, decimals);
      (uint256 stored, uint256 width) = _layout(format);
      int256 least = _leastExponent(stored, width);
      int256 last = exponent + int256(top) - int256(stored);
      if (last < least) last = least;
      // The significand has at least 37 bits, so some are cut off.
      uint256 cut = uint256(last - exponent);
      bits = (uint256(last - least) << stored) + _cutToEven(0, significand, cut);
      if (bits >= ((1 << width) - 1) << stored) revert TooLargeForFloat(index, negative, magnitude, decimals);
      if (negative && bits != 0) bits |= 1 << (stored + width);
    }
  }

  /// @notice significand * 2^exponent / 5^decimals, of at least 37 bits; the last bit is set if it is a little more than that.
  /// @param significand At least 2^255.
  /// @return quotient Its significand.
  /// @return scale Its exponent.
  /// @return top Position of the quotient's highest bit.
  function _divide(
    uint256 significand,
    int256 exponent,
    uint256 decimals
  ) private pure returns (uint256 quotient, int256 scale, uint256 top) {
    unchecked {
      bool isLong = decimals > DECIMALS_AT_ONCE;
      uint256 divisor = 5 ** (isLong ? DECIMALS_AT_ONCE : decimals);
      uint256 rest = significand % divisor;
      quotient = significand / divisor;
      scale = exponent;
      if (!isLong) {
        // The divisor has this many bits: 9511 / 4096 is log2(5), near enough for 5^122.
        uint256 size = ((decimals * 9511) >> 12) + 1;
        top = 255 - size + (quotient >> (256 - size));
      } else {
        // Twice 37 bits more, which leave 46 after a division by at most 5^28.
        for (uint256 i = 0; i < 2; ++i) {
          quotient = (quotient << 37) | ((rest << 37) / divisor);
          rest = (rest << 37) % divisor;
        }
        scale -= 74;
        divisor = 5 ** (decimals - DECIMALS_AT_ONCE);
        rest |= quotient % divisor;
        quotient /= divisor;
        top = _log2(quotient);
      }
      if (rest != 0) quotient |= 1;
    }
  }

  /// @dev |bits| = significand * 2^exponent.
  function _decode(
    Format format,
    uint256 index,
    uint256 bits
  ) private pure returns (bool negative, uint256 significand, int256 exponent) {
    unchecked {
      (uint256 stored, uint256 width) = _layout(format);
      uint256 field = (bits >> stored) & ((1 << width) - 1);
      significand = bits & ((1 << stored) - 1);
      negative = bits >> (stored + width) != 0;
      if (field == (1 << width) - 1) {
        if (significand != 0) revert NotANumber(index);
        revert Infinite(index, bits);
      }
      exponent = _leastExponent(stored, width);
      if (field != 0) {
        significand |= 1 << stored;
        exponent += int256(field) - 1;
      }
    }
  }

  /// @notice significand * 2^exponent * 10^decimals, rounded; `fits` if it is below 2^256.
  /// @param significand Below 2^24.
  /// @param exponent From -149 to 127.
  function _scale(
    uint256 significand,
    int256 exponent,
    uint256 decimals
  ) private pure returns (bool fits, uint256 magnitude) {
    unchecked {
      if (significand == 0) return (true, 0);
      if (decimals >= EXCESSIVE_DECIMALS) return (false, 0);
      int256 shift = exponent + int256(decimals);
      uint256 low = significand * 5 ** (decimals < SHORT_DECIMALS ? decimals : SHORT_DECIMALS);
      uint256 high = 0;
      if (decimals > SHORT_DECIMALS) (high, low) = _times(low, 5 ** (decimals - SHORT_DECIMALS));
      if (shift >= 0) return (high == 0 && shift < 256 && low >> uint256(256 - shift) == 0, low << uint256(shift));
      uint256 cut = uint256(-shift);
      if (high >> cut != 0) return (false, 0);
      magnitude = _cutToEven(high, low, cut);
      // With a part above, only a carry out of all bits gives zero.
      return (high == 0 || magnitude != 0, magnitude);
    }
  }

  /// @param small Below 2^54.
  function _times(uint256 value, uint256 small) private pure returns (uint256 high, uint256 low) {
    unchecked {
      uint256 middle = (value >> 128) * small + (((value & type(uint128).max) * small) >> 128);
      return (middle >> 128, value * small);
    }
  }

  /// @notice (high * 2^256 + low) / 2^cut, to nearest, ties to even, modulo 2^256.
  /// @param cut At least 1.
  function _cutToEven(uint256 high, uint256 low, uint256 cut) private pure returns (uint256 kept) {
    unchecked {
      // Less than half of one.
      if (cut > 256) return 0;
      kept = (high << (256 - cut)) | (low >> cut);
      uint256 lost = low << (256 - cut);
      // Half of one goes up if what is kept is odd.
      if (lost + (kept & 1) > HALF) ++kept;
    }
  }

  /// @notice Position of the highest bit of a number that is not 0.
  function _log2(uint256 value) private pure returns (uint256 result) {
    // Reads and writes no memory.
    assembly ("memory-safe") {
      result := shl(7, lt(0xffffffffffffffffffffffffffffffff, value))
      result := or(result, shl(6, lt(0xffffffffffffffff, shr(result, value))))
      result := or(result, shl(5, lt(0xffffffff, shr(result, value))))
      result := or(result, shl(4, lt(0xffff, shr(result, value))))
      result := or(result, shl(3, lt(0xff, shr(result, value))))
      result := or(result, shl(2, lt(0xf, shr(result, value))))
      result := or(result, shl(1, lt(3, shr(result, value))))
      result := or(result, lt(1, shr(result, value)))
    }
  }
}

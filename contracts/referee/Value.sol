// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev An element as an exact extended real.
/// @param class One of the classes of `Values`.
/// @param m A finite value is m * 2^e. Below 2^24 in magnitude for floats, below 2^65 for integers less a zero point.
/// @param e 0 for integers and for zero, -149..104 for floats. m = e = 0 unless finite.
/// @param dtype The dtype of the load: conversions wrap integers but saturate floats, and key reads the bits of its operand.
struct Value {
  uint256 class;
  int256 m;
  int256 e;
  uint256 dtype;
}

library Values {
  // Dtypes (docs/program.md §2).
  uint256 internal constant BOOL = 1;
  uint256 internal constant U8 = 2;
  uint256 internal constant I8 = 3;
  uint256 internal constant U16 = 4;
  uint256 internal constant I16 = 5;
  uint256 internal constant U32 = 6;
  uint256 internal constant I32 = 7;
  uint256 internal constant U64 = 8;
  uint256 internal constant I64 = 9;
  uint256 internal constant F16 = 10;
  uint256 internal constant BF16 = 11;
  uint256 internal constant F32 = 12;
  uint256 internal constant ACC = 13;

  /// @dev Byte k, counted from the right, is the size of dtype k.
  uint256 private constant BYTE_SIZES = 0x8004020208080404020201010100;

  // Classes.
  uint256 internal constant FINITE = 0;
  uint256 internal constant NAN = 1;
  uint256 internal constant POS_INF = 2;
  uint256 internal constant NEG_INF = 3;

  /// @dev The value of one element. Canonicalises: any NaN is the one NaN, -0 is 0, any nonzero bool is 1.
  /// @param dtype Not acc.
  /// @param bits Right-aligned, most significant bit first; bits above the dtype's width are ignored.
  function decode(uint256 dtype, uint256 bits) internal pure returns (Value memory v) {
    decodeInto(v, dtype, bits);
  }

  /// @dev As decode, into memory that is there already.
  function decodeInto(Value memory v, uint256 dtype, uint256 bits) internal pure {
    v.class = FINITE;
    v.m = 0;
    v.e = 0;
    v.dtype = dtype;
    if (isFloat(dtype)) {
      _decodeFloat(v, dtype, bits);
    } else if (dtype == BOOL) {
      v.m = bits & 0xff == 0 ? int256(0) : int256(1);
    } else if (isInteger(dtype)) {
      v.m = wrap(dtype, int256(bits));
    }
  }

  /// @dev An i64, as index loads are.
  function integer(int256 m) internal pure returns (Value memory) {
    return Value(FINITE, m, 0, I64);
  }

  function isDtype(uint256 dtype) internal pure returns (bool) {
    return dtype >= BOOL && dtype <= ACC;
  }

  /// @dev bool counts as an integer dtype with the values 0 and 1.
  function isInteger(uint256 dtype) internal pure returns (bool) {
    return dtype >= BOOL && dtype <= I64;
  }

  function isFloat(uint256 dtype) internal pure returns (bool) {
    return dtype >= F16 && dtype <= F32;
  }

  /// @return 0 for a code that no dtype has.
  function byteSize(uint256 dtype) internal pure returns (uint256) {
    unchecked {
      return (BYTE_SIZES >> (8 * dtype)) & 0xff;
    }
  }

  function bitWidth(uint256 dtype) internal pure returns (uint256) {
    unchecked {
      return 8 * byteSize(dtype);
    }
  }

  /// @dev Odd codes are the signed dtypes; bool has the range 0..1.
  function minOf(uint256 dtype) internal pure returns (int256) {
    unchecked {
      return dtype == BOOL || dtype & 1 == 0 ? int256(0) : -int256(1 << (bitWidth(dtype) - 1));
    }
  }

  function maxOf(uint256 dtype) internal pure returns (int256) {
    unchecked {
      return dtype == BOOL ? int256(1) : int256((1 << (bitWidth(dtype) - (dtype & 1))) - 1);
    }
  }

  /// @dev x modulo 2^bits as a value of an integer dtype; for bool, whether x is nonzero.
  function wrap(uint256 dtype, int256 x) internal pure returns (int256) {
    unchecked {
      if (dtype == BOOL) return x == 0 ? int256(0) : int256(1);
      uint256 unused = 256 - bitWidth(dtype);
      return dtype & 1 == 0 ? int256((uint256(x) << unused) >> unused) : (x << unused) >> unused;
    }
  }

  /// @dev x modulo 2^bits, right-aligned.
  function wrapBits(uint256 dtype, int256 x) internal pure returns (uint256) {
    unchecked {
      if (dtype == BOOL) return x == 0 ? 0 : 1;
      return uint256(x) & ((1 << bitWidth(dtype)) - 1);
    }
  }

  function saturate(uint256 dtype, int256 x) internal pure returns (int256) {
    int256 low = minOf(dtype);
    int256 high = maxOf(dtype);
    return
      x < low
        ? low
        : x > high
          ? high
          : x;
  }

  /// @return fraction Fraction bits: one less than the significant bits.
  /// @return exponents Exponent field of infinities and NaN: all ones. The sign bit is right above the field.
  function floatFormat(uint256 dtype) internal pure returns (uint256 fraction, uint256 exponents) {
    if (dtype == F32) return (23, 255);
    return dtype == BF16 ? (7, 255) : (10, 31);
  }

  function infinity(uint256 dtype, bool neg) internal pure returns (uint256) {
    if (dtype == F32) return neg ? 0xff800000 : 0x7f800000;
    if (dtype == BF16) return neg ? 0xff80 : 0x7f80;
    return neg ? 0xfc00 : 0x7c00;
  }

  /// @dev The one NaN.
  function nan(uint256 dtype) internal pure returns (uint256) {
    return
      dtype == F32
        ? 0x7fc00000
        : dtype == BF16
          ? 0x7fc0
          : 0x7e00;
  }

  /// @dev Whether the bits that decode to v are the ones that results have: the one NaN, no negative zero.
  function isCanonical(uint256 dtype, Value memory v, uint256 bits) internal pure returns (bool) {
    if (v.class == NAN) return bits == nan(dtype);
    return v.class != FINITE || v.m != 0 || bits == 0;
  }

  /// @dev The bits of 1.
  function one(uint256 dtype) internal pure returns (uint256) {
    return
      dtype == F32
        ? 0x3f800000
        : dtype == BF16
          ? 0x3f80
          : 0x3c00;
  }

  function _decodeFloat(Value memory v, uint256 dtype, uint256 bits) private pure {
    unchecked {
      // The last bit of a number with exponent field 1, as of a subnormal, is 2^(1 - bias).
      (uint256 width, uint256 top, int256 bias) = (23, 0xff, 150);
      if (dtype == BF16) (width, bias) = (7, 134);
      else if (dtype == F16) (width, top, bias) = (10, 0x1f, 25);
      uint256 field = (bits >> width) & top;
      uint256 fraction = bits & ((1 << width) - 1);
      bool neg = (bits >> width) & (top + 1) != 0;
      if (field == top) {
        v.class =
          fraction != 0
            ? NAN
            : neg
              ? NEG_INF
              : POS_INF;
        return;
      }
      if (field != 0) fraction |= 1 << width;
      else if (fraction == 0) return;
      else field = 1;
      v.m = neg ? -int256(fraction) : int256(fraction);
      v.e = int256(field) - bias;
    }
  }
}

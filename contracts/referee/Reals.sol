// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Body} from "./Codes.sol";
import {Rounding} from "./Rounding.sol";
import {Value, Values} from "./Value.sol";

/// @dev Algebraic bodies over the extended reals, rounded once (docs/program.md §5, column Real).
///
/// Ranges that make `unchecked` safe: |m| < 2^65 and -149 <= e <= 104, where e is 0 whenever |m| >= 2^24. A product has
/// |m| < 2^130 and -298 <= e <= 208.
library Reals {
  /// @dev Every result is correctly rounded because the exact value, or the exact value up to a sticky bit, is rounded.
  function evaluate(
    uint256 body,
    uint256 dtype,
    Value memory a,
    Value memory b,
    Value memory c
  ) internal pure returns (uint256 bits) {
    // Zero being unsigned, a product plus 0 is the product, infinities included.
    if (body == Body.ADD) return fma(dtype, a, Values.integer(1), b);
    if (body == Body.SUB) return fma(dtype, b, Values.integer(-1), a);
    if (body == Body.MUL) return mul(dtype, a, b);
    if (body == Body.FMA) return fma(dtype, a, b, c);
    if (body == Body.DIV) return div(dtype, a, b);
    if (body == Body.REM) return rem(dtype, a, b);
    if (body == Body.MIN || body == Body.MAX) {
      if (a.class == Values.NAN || b.class == Values.NAN) return Values.nan(dtype);
      return round(dtype, (compare(a, b) < 0) == (body == Body.MIN) ? a : b);
    }
    if (a.class == Values.NAN) return Values.nan(dtype);
    if (body == Body.SQRT) return sqrt(dtype, a);
    if (body == Body.SIGN) return round(dtype, Values.integer(sign(a)));
    if (body == Body.NEG || body == Body.ABS) {
      bool neg = body == Body.NEG && sign(a) > 0;
      if (a.class != Values.FINITE) return Values.infinity(dtype, neg);
      return Rounding.nearest(dtype, neg, _abs(a.m), a.e);
    }
    if (a.class != Values.FINITE) return Values.infinity(dtype, a.class == Values.NEG_INF);
    int256 m = a.m;
    if (body == Body.FLOOR) m = floor(m, a.e);
    else if (body == Body.CEIL) m = -floor(-m, a.e);
    else m = rint(m, a.e);
    return round(dtype, Values.integer(m));
  }

  /// @dev The bits of a in a float dtype.
  function round(uint256 dtype, Value memory a) internal pure returns (uint256) {
    if (a.class == Values.FINITE) return Rounding.nearest(dtype, a.m < 0, _abs(a.m), a.e);
    return a.class == Values.NAN ? Values.nan(dtype) : Values.infinity(dtype, a.class == Values.NEG_INF);
  }

  /// @return -1, 0 or 1; infinities have signs, NaN gives 0.
  function sign(Value memory a) internal pure returns (int256) {
    if (a.class == Values.FINITE)
      return
        a.m < 0
          ? int256(-1)
          : a.m == 0
            ? int256(0)
            : int256(1);
    return
      a.class == Values.NAN
        ? int256(0)
        : a.class == Values.NEG_INF
          ? int256(-1)
          : int256(1);
  }

  /// @dev Exact, across dtypes. Neither may be NaN.
  /// @return -1, 0 or 1 as a is below, equal to or above b.
  function compare(Value memory a, Value memory b) internal pure returns (int256) {
    unchecked {
      int256 s = sign(a);
      if (s != sign(b)) return s < sign(b) ? int256(-1) : int256(1);
      if (a.class != b.class) return a.class == Values.FINITE ? -s : s;
      if (a.class != Values.FINITE || s == 0) return 0;
      uint256 x = _abs(a.m);
      uint256 y = _abs(b.m);
      int256 gap = (int256(Rounding.msb(x)) + a.e) - (int256(Rounding.msb(y)) + b.e);
      if (gap == 0) {
        // Equal leading exponents: the exponents differ by no more than the lengths, below 66 bits.
        if (a.e > b.e) x <<= uint256(a.e - b.e);
        else y <<= uint256(b.e - a.e);
        if (x == y) return 0;
        gap = x < y ? int256(-1) : int256(1);
      }
      return gap < 0 ? -s : s;
    }
  }

  function mul(uint256 dtype, Value memory a, Value memory b) internal pure returns (uint256) {
    return fma(dtype, a, b, Values.integer(0));
  }

  function fma(uint256 dtype, Value memory a, Value memory b, Value memory c) internal pure returns (uint256) {
    unchecked {
      if (a.class == Values.FINITE && b.class == Values.FINITE) {
        if (c.class != Values.FINITE) return round(dtype, c);
        return _roundSum(dtype, a.m * b.m, a.e + b.e, c.m, c.e);
      }
      int256 s = sign(a) * sign(b);
      bool invalid = s == 0 || c.class == Values.NAN || (c.class != Values.FINITE && sign(c) != s);
      return invalid ? Values.nan(dtype) : Values.infinity(dtype, s < 0);
    }
  }

  function div(uint256 dtype, Value memory a, Value memory b) internal pure returns (uint256) {
    unchecked {
      if (a.class == Values.NAN || b.class == Values.NAN) return Values.nan(dtype);
      if (a.class != Values.FINITE) {
        // A zero divisor is unsigned: it keeps the sign of a.
        bool neg = (a.class == Values.NEG_INF) != (sign(b) < 0);
        return b.class != Values.FINITE ? Values.nan(dtype) : Values.infinity(dtype, neg);
      }
      if (b.class != Values.FINITE) return 0;
      if (b.m == 0) return a.m == 0 ? Values.nan(dtype) : Values.infinity(dtype, a.m < 0);
      // |a.m| < 2^65 and |b.m| < 2^65: the quotient is 0 or has at least 115 bits.
      uint256 n = _abs(a.m) << 180;
      uint256 d = _abs(b.m);
      return Rounding.round(dtype, (a.m < 0) != (b.m < 0), n / d, a.e - b.e - 180, n % d != 0);
    }
  }

  /// @dev C fmod, exact before the rounding to dtype.
  function rem(uint256 dtype, Value memory a, Value memory b) internal pure returns (uint256) {
    unchecked {
      if (a.class != Values.FINITE || b.class == Values.NAN) return Values.nan(dtype);
      if (b.class != Values.FINITE) return round(dtype, a);
      if (b.m == 0) return Values.nan(dtype);
      uint256 x = _abs(a.m);
      uint256 y = _abs(b.m);
      int256 e = b.e;
      int256 gap = a.e - e; // within -253..253
      if (gap >= 0) {
        x = mulmod(x, 1 << uint256(gap), y);
      } else {
        // From 2^65 times its unit the divisor exceeds |a| anyway.
        x %= y << uint256(gap < -66 ? int256(66) : -gap);
        e = a.e;
      }
      return Rounding.nearest(dtype, a.m < 0, x, e);
    }
  }

  /// @dev The floor of the root has at least 64 bits, so a remainder is a sticky bit. Not NaN.
  function sqrt(uint256 dtype, Value memory a) internal pure returns (uint256) {
    unchecked {
      if (sign(a) < 0) return Values.nan(dtype);
      if (a.class != Values.FINITE) return Values.infinity(dtype, false);
      uint256 odd = uint256(a.e) & 1;
      uint256 radicand = uint256(a.m) << (128 + odd); // below 2^194
      uint256 root = Math.sqrt(radicand);
      return Rounding.round(dtype, a.m < 0, root, (a.e - int256(odd)) / 2 - 64, root * root != radicand);
    }
  }

  /// @dev floor(m * 2^e), for |m| < 2^66 and e <= 104.
  function floor(int256 m, int256 e) internal pure returns (int256) {
    unchecked {
      return e >= 0 ? m << uint256(e) : m >> uint256(-e);
    }
  }

  /// @dev m * 2^e rounded toward zero.
  function trunc(int256 m, int256 e) internal pure returns (int256) {
    return m < 0 ? -floor(-m, e) : floor(m, e);
  }

  /// @dev The integer nearest to m * 2^e, ties to even.
  function rint(int256 m, int256 e) internal pure returns (int256 r) {
    unchecked {
      r = floor(m, e);
      if (e >= 0) return r;
      if (e < -100) return 0; // |m * 2^e| < 2^-34
      int256 half = int256(1 << uint256(-e - 1));
      int256 rest = m - (r << uint256(-e));
      if (rest > half || (rest == half && r & 1 == 1)) ++r;
    }
  }

  /// @dev x * 2^ex + y * 2^ey, rounded. |x|, |y| < 2^130; if the exponents differ by more than 120, one of the two is
  /// a float operand (|m| < 2^24), or 0, and the one with the smaller exponent is below 2^90.
  function _roundSum(uint256 dtype, int256 x, int256 ex, int256 y, int256 ey) private pure returns (uint256) {
    unchecked {
      if (ex < ey) (x, ex, y, ey) = (y, ey, x, ex);
      uint256 gap = uint256(ex - ey);
      bool sticky = false;
      if (gap <= 120) {
        x = (x << gap) + y; // exact, below 2^251
      } else if (x == 0) {
        x = y;
      } else {
        // x keeps 120 bits below its last; the rest of y is a sticky bit. The sum keeps over 100 bits: y is below 2^90.
        gap -= 120;
        ey = ex - 120;
        int256 kept = y >> gap; // rounded down: what is dropped is positive
        sticky = kept << gap != y;
        x = (x << 120) + kept;
      }
      bool neg = x < 0;
      // -(x + f) = (-x - 1) + (1 - f) for a dropped fraction f.
      return Rounding.round(dtype, neg, neg && sticky ? uint256(~x) : _abs(x), ey, sticky);
    }
  }

  function _abs(int256 x) private pure returns (uint256) {
    unchecked {
      return uint256(x < 0 ? -x : x);
    }
  }
}

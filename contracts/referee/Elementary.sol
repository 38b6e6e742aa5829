// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Body} from "./Codes.sol";
import {FixedPoint} from "./FixedPoint.sol";
import {Reals} from "./Reals.sol";
import {Rounding} from "./Rounding.sol";
import {Value, Values} from "./Value.sol";

/// @dev Correctly rounded exp, expm1, log, log1p, sin, cos, atan, tanh, erf of floats, by integer arithmetic.
///
/// Why the results are correctly rounded: each function computes w * 2^e with a relative error below 2^-80 (stated at each),
/// and no argument of any of the three float dtypes has a result nearer to the midpoint of two neighbours than 2^-67 relative
/// (log1p; 2^-58 for the others), apart from the arguments that are answered before any approximation. These distances come
/// from an exhaustive search over all arguments (test/vectors/search.c, measure.py). Saturated and tiny arguments are answered by
/// the bound beside them; the bounds hold for f32 and so for f16 and bf16, whose midpoints are farther from every element.
///
/// Every function returns its result as w * 2^e and an own sign, for the one rounding in `evaluate` (several calls would be
/// several copies of it). Overflow is 2^HUGE. Ranges that make `unchecked` safe: |m| < 2^24 and -149 <= e <= 104; `top` is
/// floor(log2 |m * 2^e|).
library Elementary {
  int256 private constant LN2_160 = 0x00b17217f7d1cf79abc9e3b39803f2f6af40f34326; // ln 2, in units of 2^-160
  int256 private constant LN2_124 = 0xb17217f7d1cf79abc9e3b39803f2f6a;
  // The first 512 fraction bits of 2 / pi.
  uint256 private constant TWO_OVER_PI_HIGH = 0xa2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561;
  uint256 private constant TWO_OVER_PI_LOW = 0xb7246e3a424dd2e006492eea09d1921cfe1deb1cb129a73ee88235f52ebb4484;
  uint256 private constant HALF_PI_160 = 0x001921fb54442d18469898cc51701b839a252049c11;
  int256 private constant HALF_PI_120 = 0x1921fb54442d18469898cc51701b839;
  int256 private constant QUARTER_PI_120 = 0xc90fdaa22168c234c4c6628b80dc1c;
  int256 private constant ATAN_HALF_120 = 0x76b19c1586ed3da2b7f222f65e1d46;
  uint256 private constant TWO_OVER_SQRT_PI_120 = 0x120dd750429b6d11ae3a914fed7fd86;
  uint256 private constant ONE_120 = 1 << 120;
  uint256 private constant ONE_126 = 1 << 126;

  int256 private constant HUGE = 1000; // an exponent beyond all dtypes

  /// @param body exp to erf.
  /// @param dtype The float dtype of operand and result.
  function evaluate(uint256 body, uint256 dtype, Value memory a) internal pure returns (uint256) {
    bool neg = a.m < 0 || a.class == Values.NEG_INF;
    if (a.class == Values.NAN || _undefined(body, neg, a)) return Values.nan(dtype);
    uint256 w;
    int256 e;
    if (a.class != Values.FINITE) (neg, w, e) = _atInfinity(body, neg);
    else if (a.m == 0) (neg, w, e) = _atZero(body);
    else (neg, w, e) = _finite(body, neg, uint256(neg ? -a.m : a.m), a.e);
    return Rounding.nearest(dtype, neg, w, e);
  }

  /// @dev log below 0, log1p below -1, sin and cos of infinities.
  function _undefined(uint256 body, bool neg, Value memory a) private pure returns (bool) {
    if (body == Body.LOG) return neg;
    if (body == Body.LOG1P) return neg && Reals.compare(a, Values.integer(-1)) < 0;
    return a.class != Values.FINITE && (body == Body.SIN || body == Body.COS);
  }

  function _atInfinity(uint256 body, bool neg) private pure returns (bool, uint256, int256) {
    if (body == Body.ATAN) return (neg, uint256(HALF_PI_120), -120);
    if (body == Body.TANH || body == Body.ERF) return (neg, 1, 0);
    if (!neg) return (false, 1, HUGE);
    return (true, body == Body.EXPM1 ? 1 : 0, 0); // exp: 0
  }

  function _atZero(uint256 body) private pure returns (bool, uint256, int256) {
    if (body == Body.LOG) return (true, 1, HUGE);
    return (false, body == Body.EXP || body == Body.COS ? 1 : 0, 0);
  }

  /// @dev |x| = m * 2^e, not 0.
  function _finite(uint256 body, bool neg, uint256 m, int256 e) private pure returns (bool, uint256, int256) {
    unchecked {
      int256 top = int256(Rounding.msb(m)) + e;
      if (body == Body.EXP) return _exp(neg, m, e, top);
      if (body == Body.EXPM1) return _expm1(neg, m, e, top);
      if (body == Body.LOG) return _logRatio(m, e);
      if (body == Body.LOG1P) return _log1p(neg, m, e, top);
      if (body == Body.SIN) return _sin(neg, m, e, top);
      if (body == Body.COS) return _cos(m, e, top);
      if (body == Body.ATAN) return _atan(neg, m, e, top);
      if (body == Body.TANH) return _tanh(neg, m, e, top);
      return _erf(neg, m, e, top);
    }
  }

  /// @dev Relative error below 2^-115. |x| < 2^-26 gives |exp(x) - 1| < 2^-25, where 1 is nearest; exp(128) overflows every
  /// dtype, exp(-128) < 2^-184 is far below half the smallest subnormal.
  function _exp(bool neg, uint256 m, int256 e, int256 top) private pure returns (bool, uint256, int256) {
    unchecked {
      if (top < -26) return (false, 1, 0);
      if (top >= 7) return (false, neg ? 0 : 1, HUGE);
      (uint256 p, int256 k) = _expFixed(_fixed160(neg, m, e));
      return (false, p, k - 126);
    }
  }

  /// @dev Absolute error 2^-115 * exp(x) before the subtraction, of a result of at least 2^-27: relative below 2^-87.
  /// |x| < 2^-26: x (1 + x/2 + ...) is nearer to x than half the spacing below it, 2^-25 |x|. x <= -128: see exp.
  function _expm1(bool neg, uint256 m, int256 e, int256 top) private pure returns (bool, uint256, int256) {
    unchecked {
      if (top < -26) return (neg, m, e);
      if (top >= 7) return (neg, 1, neg ? int256(0) : HUGE);
      (uint256 p, int256 k) = _expFixed(_fixed160(neg, m, e));
      if (neg) return (true, ONE_126 - (p >> uint256(-k)), -126);
      if (k >= 128) return (false, 1, HUGE);
      return (false, (p << uint256(k)) - ONE_126, -126); // below 2^255
    }
  }

  /// @dev (1 - q) / (1 + q) for q = exp(-2|x|): absolute error below 2^-113 of a result of at least 2^-14: relative below 2^-99.
  /// |x| < 2^-13: 1 - tanh(x)/x < x^2/3 < 2^-27. |x| >= 16: 1 - tanh(x) < 2^-45.
  function _tanh(bool neg, uint256 m, int256 e, int256 top) private pure returns (bool, uint256, int256) {
    unchecked {
      if (top < -13) return (neg, m, e);
      if (top >= 4) return (neg, 1, 0);
      (uint256 q, int256 k) = _expFixed(_fixed160(true, m, e + 1));
      q >>= uint256(-k);
      return (neg, ((ONE_126 - q) << 120) / (ONE_126 + q), -120);
    }
  }

  /// @dev x = m * 2^e in units of 2^-160, exact: e >= -49 as |x| >= 2^-26.
  function _fixed160(bool neg, uint256 m, int256 e) private pure returns (int256 x) {
    unchecked {
      x = int256(m << uint256(e + 160));
      return neg ? -x : x;
    }
  }

  /// @dev exp(x) = p * 2^(k - 126) for |x| < 2^7 in units of 2^-160; p within 2^125..2^127, k has the sign of x.
  /// x = k ln 2 + r, |r| < ln 2 and k < 2^8: r is known to 2^-152. exp(r / 64) by Taylor: |r / 64| < 2^-6.5, the first
  /// omitted term is below 2^-127; the floors and the truncation of r / 64 add less than 16 * 2^-126 and six squarings
  /// multiply the sum by 64 and add less than 64 * 2^-126 of their own: below 2^-115 in all.
  function _expFixed(int256 x) private pure returns (uint256 p, int256 k) {
    assembly ("memory-safe") {
      k := sdiv(x, LN2_160)
      let r := sar(40, sub(x, mul(k, LN2_160))) // r / 64 in units of 2^-126
      p := ONE_126
      for {
        let i := 14
      } i {
        i := sub(i, 1)
      } {
        p := add(ONE_126, sdiv(sar(126, mul(p, r)), i))
      }
      p := shr(126, mul(p, p))
      p := shr(126, mul(p, p))
      p := shr(126, mul(p, p))
      p := shr(126, mul(p, p))
      p := shr(126, mul(p, p))
      p := shr(126, mul(p, p))
    }
  }

  /// @dev |x| < 2^-25: 1 - log1p(x)/x is below 2^-25 in size: x is nearest. Else log of the exact 1 + x, x >= -1.
  function _log1p(bool neg, uint256 m, int256 e, int256 top) private pure returns (bool, uint256, int256) {
    unchecked {
      if (top < -25) return (neg, m, e);
      if (e >= 0) {
        m <<= uint256(e); // below 2^128
        return neg ? (true, uint256(1), HUGE) : _logRatio(m + 1, 0); // x = -1
      }
      uint256 unit = 1 << uint256(-e); // at most 2^48
      if (neg && m == unit) return (true, 1, HUGE);
      return _logRatio(neg ? unit - m : unit + m, e);
    }
  }

  /// @dev log(n * 2^e), 0 < n < 2^129. n * 2^e = (1 + t)/(1 - t) * 2^k with |t| < 0.172, log = k ln 2 + 2 atanh(t).
  /// t is known to 2^-124, the series to 2^-107 of its value. Either k is not 0: then |log| > 0.34 and the error is below
  /// 2^-106; or |t| >= 2^-26 (the operand is 1 or differs from it by 2^-25 or more): relative error below 2^-97.
  function _logRatio(uint256 n, int256 e) private pure returns (bool, uint256, int256) {
    unchecked {
      uint256 top = Rounding.msb(n);
      if (n << 8 > 362 << top) ++top; // above sqrt 2
      int256 d = int256(n) - int256(1 << top);
      int256 v = (d << 124) / int256(n + (1 << top));
      assembly ("memory-safe") {
        let t2 := sar(4, v)
        t2 := sar(120, mul(t2, t2))
        let s := 0
        for {
          let i := 43
        } sgt(i, 0) {
          i := sub(i, 2)
        } {
          s := add(div(ONE_120, i), shr(120, mul(s, t2)))
        }
        v := sar(119, mul(v, s))
      }
      v += (int256(top) + e) * LN2_124;
      return (v < 0, uint256(v < 0 ? -v : v), -124);
    }
  }

  /// @dev |x| < 2^-12: 1 - sin(x)/x < x^2/6 < 2^-26.
  function _sin(bool neg, uint256 m, int256 e, int256 top) private pure returns (bool, uint256, int256) {
    if (top < -12) return (neg, m, e);
    return _sine(neg, m, e, 0);
  }

  /// @dev cos(x) = sin(x + pi/2). |x| < 2^-13: 1 - cos(x) < x^2/2 < 2^-26, and the spacing below 1 is 2^-24.
  function _cos(uint256 m, int256 e, int256 top) private pure returns (bool, uint256, int256) {
    if (top < -13) return (false, 1, 0);
    return _sine(false, m, e, 1);
  }

  /// @dev sin(x + quarters * pi/2), or minus it. y = x * 2/pi mod 4 in units of 2^-254, with an error below 2^24 units: the
  /// product with 2/pi keeps 256 fraction bits. No argument of at least 2^-13 comes nearer to a multiple of pi/2 than
  /// 2^-30 quarter turns (continued fractions of 2^e * 2/pi), so the angle's relative error is below 2^-126.
  function _sine(bool neg, uint256 m, int256 e, uint256 quarters) private pure returns (bool, uint256, int256) {
    unchecked {
      uint256 y;
      if (e < 2) y = m * (TWO_OVER_PI_HIGH >> uint256(2 - e));
      else y = m * ((TWO_OVER_PI_HIGH << uint256(e - 2)) | (TWO_OVER_PI_LOW >> uint256(258 - e))); // a shift by 256 gives 0
      quarters += y >> 254;
      uint256 f = y & ((1 << 254) - 1);
      bool back = f > 1 << 253;
      if (back) {
        f = (1 << 254) - f; // the angle is (quarters + 1) * pi/2 - f
        ++quarters;
      }
      if (quarters & 2 != 0) neg = !neg;
      uint256 angle = FixedPoint.mulShift(f, HALF_PI_160, 254);
      if (quarters & 1 == 0) return (neg != back, _sinSeries(angle), -160);
      return (neg, _cosSeries(angle), -120);
    }
  }

  /// @dev sin of an angle within 0..pi/4, both in units of 2^-160; relative error below 2^-112: the first omitted
  /// term is below 2^-120 of the angle, fifteen floors lose less than 2^-116.
  function _sinSeries(uint256 angle) private pure returns (uint256) {
    uint256 s = ONE_120;
    assembly ("memory-safe") {
      let t2 := shr(40, angle)
      t2 := shr(120, mul(t2, t2))
      for {
        let i := 28
      } i {
        i := sub(i, 2)
      } {
        s := sub(ONE_120, div(shr(120, mul(s, t2)), mul(i, add(i, 1))))
      }
    }
    return FixedPoint.mulShift(angle, s, 120);
  }

  /// @dev cos of an angle within 0..pi/4 (units of 2^-160), in units of 2^-120; relative error below 2^-112: the first omitted
  /// term is below 2^-118.
  function _cosSeries(uint256 angle) private pure returns (uint256 s) {
    s = ONE_120;
    assembly ("memory-safe") {
      let t2 := shr(40, angle)
      t2 := shr(120, mul(t2, t2))
      for {
        let i := 28
      } i {
        i := sub(i, 2)
      } {
        s := sub(ONE_120, div(shr(120, mul(s, t2)), mul(i, sub(i, 1))))
      }
    }
  }

  /// @dev atan(n / d), n <= d after inversion, is atan(c) + atan((n - c d) / (d + c n)) for c in 0, 1/2, 1, so that the rest u
  /// has |u| <= 1/4. Absolute error below 2^-114 (series: first omitted term 2^-124, thirty floors); the result is at
  /// least 2^-13. |x| < 2^-12: 1 - atan(x)/x < x^2/3 < 2^-25, half the least spacing.
  function _atan(bool neg, uint256 m, int256 e, int256 top) private pure returns (bool, uint256, int256) {
    unchecked {
      if (top < -12) return (neg, m, e);
      uint256 n = e < 0 ? m : m << uint256(e); // below 2^128
      uint256 d = e < 0 ? 1 << uint256(-e) : 1; // at most 2^36
      bool inverse = n > d;
      if (inverse) (n, d) = (d, n);
      int256 v;
      int256 base;
      if (4 * n <= d) {
        v = int256((n << 120) / d);
      } else if (4 * n < 3 * d) {
        v = ((2 * int256(n) - int256(d)) << 120) / int256(2 * d + n);
        base = ATAN_HALF_120;
      } else {
        v = ((int256(n) - int256(d)) << 120) / int256(n + d);
        base = QUARTER_PI_120;
      }
      assembly ("memory-safe") {
        let u2 := shr(120, mul(v, v))
        let s := 0
        for {
          let i := 61
        } sgt(i, 0) {
          i := sub(i, 2)
        } {
          s := sub(div(ONE_120, i), shr(120, mul(s, u2)))
        }
        v := sar(120, mul(v, s))
      }
      v += base;
      if (inverse) v = HALF_PI_120 - v;
      return (neg, uint256(v), -120);
    }
  }

  /// @dev erf(x) = 2/sqrt(pi) * x * sum of (-x^2)^n / (n! (2n + 1)). |x| < 4, so no term exceeds 2^23 and at most 110 terms are at
  /// least one unit of 2^-112; x^2 is known to a unit. Each unit lost grows by at most e^16 < 2^24 in later terms: the sum, at least
  /// 0.2, errs by less than 2^(7 + 24 - 112), relative below 2^-80. |x| >= 4: 1 - erf(4) < 2^-25.9.
  function _erf(bool neg, uint256 m, int256 e, int256 top) private pure returns (bool, uint256, int256) {
    unchecked {
      if (top >= 2) return (neg, 1, 0);
      int256 shift = 2 * e + 112;
      uint256 x2 = shift < 0 ? (m * m) >> uint256(-shift) : (m * m) << uint256(shift);
      uint256 s = 1 << 112;
      assembly ("memory-safe") {
        let term := s
        for {
          let i := 1
        } lt(i, 111) {
          i := add(i, 1)
        } {
          term := div(shr(112, mul(term, x2)), i)
          if iszero(term) {
            break
          }
          let part := div(term, add(add(i, i), 1))
          switch and(i, 1)
          case 1 {
            s := sub(s, part)
          }
          default {
            s := add(s, part)
          }
        }
      }
      // s < 2^113 and the constant below 2^121: the product has 234 bits, and m at most 24.
      return (neg, ((s * TWO_OVER_SQRT_PI_120) >> 80) * m, e - 152);
    }
  }
}

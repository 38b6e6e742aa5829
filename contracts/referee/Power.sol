// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {FixedPoint} from "./FixedPoint.sol";
import {Reals} from "./Reals.sol";
import {Rounding} from "./Rounding.sol";
import {Value, Values} from "./Value.sol";

/// @dev Correctly rounded x^y of floats of one dtype.
///
/// Let |x| = a * 2^s with a odd, y = b * 2^t with b odd, x not 1, y not 0. When does |x|^y have at most 25 significant bits, so
/// that it is an element of a dtype or the midpoint of two?
/// - a = 1: |x|^y = 2^(s y), rational only if s y is an integer, and then a power of two.
/// - a > 1, y < 0: never. Were it c * 2^u with c odd, then with y = -|b| / 2^j: 1 = a^|b| * c^(2^j) after cancelling twos.
/// - a > 1, y > 0, t >= 0: it has exactly the significant bits of a^y, and 3^16 > 2^25, so y <= 15.
/// - a > 1, y > 0, t = -j < 0: a^b must be a 2^j-th power, so, b being odd, a = r^(2^j), and s must be a multiple of 2^j. As
///   a < 2^24 and r >= 3, j <= 3. Then it is r^b * 2^(s b / 2^j), with b <= 15 as before.
/// `_exact` decides these cases exactly (and integer powers up to 15 that fit 255 bits, though they need not be short).
///
/// Everything else is irrational or too long to be a midpoint and is computed with a relative error below 2^-180. How near it may
/// come to a midpoint is not proven for f32: there are fewer than 2^64 operand pairs, so if their distances are spread as
/// evenly as those of unrelated reals, the least is about 2^-88 and one below 2^-180 has the probability 2^-92.
/// Pairs of structure (small exponents, bases next to 1) are rationals of few bits or have series whose first
/// term that does not vanish is far above 2^-180. For f16 and bf16 an exhaustive search
/// (test/vectors/search.c, measure.py) finds no distance below 2^-44 besides the exact midpoints.
library Power {
  int256 private constant LN2_220 = 0xb17217f7d1cf79abc9e3b39803f2f6af40f343267298b62d8a0d175; // in units of 2^-220
  int256 private constant LN2_200 = 0xb17217f7d1cf79abc9e3b39803f2f6af40f343267298b62d8a;
  uint256 private constant ONE_200 = 1 << 200;
  uint256 private constant ONE_206 = 1 << 206;

  /// @dev IEEE 754-2019 pow with one zero. Both operands have the float dtype of the result.
  function pow(uint256 dtype, Value memory x, Value memory y) internal pure returns (uint256) {
    unchecked {
      if (Reals.sign(y) == 0 && y.class == Values.FINITE) return Values.one(dtype);
      if (x.class == Values.FINITE && x.m == int256(1 << uint256(_zeros(x.m))) && _zeros(x.m) + x.e == 0) {
        return Values.one(dtype); // x = 1
      }
      if (x.class == Values.NAN || y.class == Values.NAN) return Values.nan(dtype);
      if (y.class != Values.FINITE) return _toInfinity(dtype, x, y.class == Values.POS_INF);
      int256 t = _zeros(y.m) + y.e;
      bool negative = Reals.sign(x) < 0;
      if (x.class == Values.FINITE && negative && t < 0) return Values.nan(dtype);
      negative = negative && t == 0; // odd
      if (x.class != Values.FINITE || x.m == 0) {
        // Of infinity and 0, the one on the side of y's sign; 0 is unsigned and so is its reciprocal.
        return (x.class != Values.FINITE) == (y.m > 0) ? Values.infinity(dtype, negative) : 0;
      }
      uint256 a = uint256(x.m < 0 ? -x.m : x.m);
      int256 zeros = _zeros(x.m);
      (bool found, uint256 w, int256 e) = _exact(a >> uint256(zeros), zeros + x.e, y.m >> uint256(t - y.e), t);
      if (!found) (w, e) = _approximate(a, x.e, y);
      return Rounding.nearest(dtype, negative, w, e);
    }
  }

  /// @dev x^+-infinity: 1 for |x| = 1, else infinity or 0 as |x|^y grows or shrinks.
  function _toInfinity(uint256 dtype, Value memory x, bool up) private pure returns (uint256) {
    if (x.class == Values.FINITE) {
      int256 order = Reals.compare(Value(Values.FINITE, x.m < 0 ? -x.m : x.m, x.e, dtype), Values.integer(1));
      if (order == 0) return Values.one(dtype);
      if (order < 0) up = !up;
    }
    return up ? Values.infinity(dtype, false) : 0;
  }

  /// @dev (a * 2^s)^(b * 2^t) as w * 2^e if the contract's criterion holds. a odd and positive, b odd.
  function _exact(uint256 a, int256 s, int256 b, int256 t) private pure returns (bool found, uint256 w, int256 e) {
    unchecked {
      if (a == 1) {
        // s * b < 2^32 is an integer times 2^t; t is -149..127. The clamps keep overflow and underflow.
        e = s * b;
        if (t >= 0) return (true, 1, t > 40 ? e << 40 : e << uint256(t));
        e >>= uint256(-t);
        return (e << uint256(-t) == s * b, 1, e);
      }
      if (b < 0 || b > 15 || t > 3 || t < -3) return (false, 0, 0);
      for (; t < 0; ++t) {
        uint256 root = Math.sqrt(a);
        if (root * root != a || s & 1 == 1) return (false, 0, 0);
        a = root;
        s /= 2;
      }
      uint256 n = uint256(b) << uint256(t);
      if (n > 15) return (false, 0, 0);
      w = 1;
      for (uint256 i = 0; i < n; ++i) {
        if (w >> 231 != 0) return (false, 0, 0);
        w *= a;
      }
      return (true, w, s * int256(n));
    }
  }

  /// @dev exp(y * log(m * 2^e)) as w * 2^k, neither 1 nor a power of two to an integer. Overflow is 2^1000.
  function _approximate(uint256 m, int256 e, Value memory y) private pure returns (uint256 w, int256 k) {
    unchecked {
      int256 z = y.m * _log(m, e); // below 2^24 * 2^227, in units of 2^(y.e - 220)
      int256 top = int256(Rounding.msb(uint256(z < 0 ? -z : z))) + y.e - 220;
      // As in exp: too near 1 (below 2^-26; no midpoint is nearer than 2^-25), or beyond overflow or underflow.
      if (top < -26) return (1, 0);
      if (top >= 7) return (z < 0 ? 0 : 1, 1000);
      z = y.e >= 20 ? z << uint256(y.e - 20) : z >> uint256(20 - y.e); // units of 2^-200, below 2^207
      (w, k) = _exp(z);
      k -= 206;
    }
  }

  /// @dev log(m * 2^e) in units of 2^-220, 0 < m < 2^24. With m = 2^j (1 + t)/(1 - t), |t| < 0.172:
  /// (j + e) ln 2 + 2 atanh(t). t is known to 2^-230; forty terms of the series leave 2^-198 of it, and the floors
  /// less than 2^-194. Either j + e is not 0 and |log| > 0.34, or |t| >= 2^-25 and one unit is 2^-194 of the result:
  /// relative error below 2^-192.
  function _log(uint256 m, int256 e) private pure returns (int256) {
    unchecked {
      uint256 top = Rounding.msb(m);
      if (m << 8 > 362 << top) ++top; // above sqrt 2
      bool below = m < 1 << top;
      uint256 d = below ? (1 << top) - m : m - (1 << top);
      uint256 t = (d << 230) / (m + (1 << top));
      uint256 t2 = FixedPoint.mulShift(t, t, 255) >> 5; // 2^-460 to 2^-200
      uint256 s;
      for (uint256 i = 40; i > 0; --i) s = ONE_200 / (2 * i - 1) + FixedPoint.mulShift(s, t2, 200);
      int256 v = int256(FixedPoint.mulShift(t, s, 209)); // 2 t s: 2^-430 to 2^-220
      return (below ? -v : v) + (int256(top) + e) * LN2_220;
    }
  }

  /// @dev exp(z) = p * 2^(k - 206) for |z| < 2^7 in units of 2^-200; p within 2^205..2^207. z = k ln 2 + r, k < 2^8: r is
  /// known to 2^-191 (z itself errs by 2^7 * 2^-192 at most: below 2^-184). exp(r / 64) by 23 Taylor terms, |r / 64| < 2^-6.5, the
  /// first omitted term below 2^-219; floors less than 25 * 2^-206, times 64 by the squarings: relative error below 2^-183 in all.
  function _exp(int256 z) private pure returns (uint256 p, int256 k) {
    unchecked {
      k = z / LN2_200;
      int256 r = z - k * LN2_200; // also r / 64 in units of 2^-206
      bool below = r < 0;
      uint256 size = uint256(below ? -r : r);
      p = ONE_206;
      for (uint256 i = 23; i > 0; --i) {
        uint256 term = FixedPoint.mulShift(p, size, 206) / i;
        p = below ? ONE_206 - term : ONE_206 + term;
      }
      for (uint256 i = 0; i < 6; ++i) p = FixedPoint.mulShift(p, p, 206);
    }
  }

  /// @dev Trailing zero bits of a nonzero |m| < 2^24; 0 for 0.
  function _zeros(int256 m) private pure returns (int256) {
    unchecked {
      return m == 0 ? int256(0) : int256(Rounding.msb(uint256(m & -m)));
    }
  }
}

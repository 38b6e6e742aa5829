// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

// solhint-disable gas-custom-errors

import {Bodies} from "./Bodies.sol";
import {Body, Fold} from "./Codes.sol";
import {Rounding} from "./Rounding.sol";
import {Value, Values} from "./Value.sol";

contract BodiesTest {
  uint256 private constant NAN32 = 0x7fc00000;
  /// @dev Bound on any evaluation, first costs of memory included.
  uint256 private constant GAS_CAP = 30_000;

  function evaluate(
    uint256 body,
    uint256 dtype,
    Value memory a,
    Value memory b,
    Value memory c
  ) external view returns (uint256 bits, uint256 used) {
    used = gasleft();
    bits = Bodies.evaluate(body, dtype, a, b, c);
    used -= gasleft();
  }

  function _dtype(uint256 pick) private pure returns (uint256) {
    return 1 + (pick % 12);
  }

  function _abs(int256 x) private pure returns (uint256) {
    return uint256(x < 0 ? -x : x);
  }

  function _on(uint256 body, uint256 dtype, uint256 a, uint256 b) private pure returns (uint256) {
    Value memory x = Values.decode(dtype, a);
    return Bodies.evaluate(body, dtype, x, Values.decode(dtype, b), x);
  }

  /// @dev No revert and bounded gas for any body, any dtypes, legal or not, any bits, and integers less a zero point; no
  /// result wider than its dtype.
  function testFuzz_total(uint8 pick, uint256 dtypes, uint64[3] memory bits, int32 zero) public view {
    uint256 body = pick % (Body.QDIV + 1);
    uint256 dtype = _dtype(dtypes);
    uint256[3] memory from;
    Value[3] memory v;
    for (uint256 k = 0; k < 3; ++k) {
      from[k] = _dtype(dtypes >> (32 * (k + 1)));
      // Half of the cases in one float dtype, where most bodies do most.
      if ((dtypes >> 200) & 1 == 1) from[k] = dtype = Values.F16 + (dtypes % 3);
      v[k] = Values.decode(from[k], bits[k]);
      if (Values.isInteger(from[k])) v[k].m -= zero;
    }
    (uint256 result, uint256 used) = this.evaluate(body, dtype, v[0], v[1], v[2]);
    require(used < GAS_CAP, "too dear");
    if (!Bodies.legal(body, Fold.NONE, dtype, from, Bodies.arity(body))) return;
    require(result >> Values.bitWidth(dtype) == 0, "too wide");
  }

  /// @dev Every float body, wherever it works hardest.
  function testFuzz_gasOfElementary(uint32 a, uint32 b) public view {
    Value memory x = Values.decode(Values.F32, 0x3d000000 + (a % 0x05800000)); // 2^-5 to 2^6
    Value memory y = Values.decode(Values.F32, 0x3d000000 + (b % 0x04000000));
    for (uint256 body = Body.ADD; body <= Body.ERF; ++body) {
      (, uint256 used) = this.evaluate(body, Values.F32, x, y, y);
      require(used < GAS_CAP, "too dear");
    }
  }

  function testFuzz_resultsAreCanonical(uint8 pickBody, uint256 pick, uint64[3] memory bits) public pure {
    uint256 dtype = Values.F16 + (pick % 3);
    uint256 body = 1 + (pickBody % Body.ERF);
    if (body == Body.SAT || body == Body.MOD) return; // no float results
    Value memory a = Values.decode(dtype, bits[0]);
    Value memory b = Values.decode(dtype, bits[1]);
    uint256 r = Bodies.evaluate(body, dtype, a, b, Values.decode(dtype, bits[2]));
    Value memory v = Values.decode(dtype, r);
    require(v.class != Values.NAN || r == Values.nan(dtype), "another NaN");
    require(v.class != Values.FINITE || v.m != 0 || r == 0, "negative zero");
  }

  function testFuzz_addAndMulCommute(uint256 pick, uint32 a, uint32 b) public pure {
    uint256 dtype = Values.F16 + (pick % 3);
    require(_on(Body.ADD, dtype, a, b) == _on(Body.ADD, dtype, b, a), "add");
    require(_on(Body.MUL, dtype, a, b) == _on(Body.MUL, dtype, b, a), "mul");
    uint256 negated = Values.decode(dtype, b).class == Values.NAN ? b : b ^ (1 << (Values.bitWidth(dtype) - 1));
    require(_on(Body.SUB, dtype, a, b) == _on(Body.ADD, dtype, a, negated), "sub");
  }

  /// @dev Every f16 is an integer number of 2^-24, so sums, products and remainders are integers of modest size.
  function testFuzz_f16AgainstWideIntegers(uint16 a, uint16 b, uint16 c) public pure {
    Value memory x = Values.decode(Values.F16, a);
    Value memory y = Values.decode(Values.F16, b);
    Value memory z = Values.decode(Values.F16, c);
    if (x.class | y.class | z.class != Values.FINITE) return;
    int256 m = x.m << uint256(x.e + 24);
    int256 n = y.m << uint256(y.e + 24);
    int256 o = z.m << uint256(z.e + 24);
    for (uint256 dtype = Values.F16; dtype <= Values.F32; ++dtype) {
      require(Bodies.evaluate(Body.ADD, dtype, x, y, z) == _round(dtype, m + n, -24), "add");
      require(Bodies.evaluate(Body.MUL, dtype, x, y, z) == _round(dtype, m * n, -48), "mul");
      require(Bodies.evaluate(Body.FMA, dtype, x, y, z) == _round(dtype, m * n + (o << 24), -48), "fma");
      if (n != 0) require(Bodies.evaluate(Body.REM, dtype, x, y, z) == _round(dtype, m % n, -24), "rem");
      require(Bodies.evaluate(Body.MIN, dtype, x, y, z) == _round(dtype, m < n ? m : n, -24), "min");
      require(Bodies.evaluate(Body.MAX, dtype, x, y, z) == _round(dtype, m < n ? n : m, -24), "max");
    }
    require((Bodies.evaluate(Body.LT, Values.BOOL, x, y, z) == 1) == (m < n), "lt");
    require((Bodies.evaluate(Body.LE, Values.BOOL, x, y, z) == 1) == (m <= n), "le");
    require((Bodies.evaluate(Body.EQ, Values.BOOL, x, y, z) == 1) == (m == n), "eq");
  }

  /// @dev The same for f32 of exponents near enough.
  function testFuzz_f32AgainstWideIntegers(uint32 a, uint32 b, uint32 c) public pure {
    // Exponent fields 64..191: every value is an integer number of 2^-86 below 2^152.
    Value memory x = Values.decode(Values.F32, _clampExponent(a));
    Value memory y = Values.decode(Values.F32, _clampExponent(b));
    Value memory z = Values.decode(Values.F32, _clampExponent(c));
    int256 m = x.m << uint256(x.e + 86);
    int256 n = y.m << uint256(y.e + 86);
    require(Bodies.evaluate(Body.ADD, Values.F32, x, y, z) == _round(Values.F32, m + n, -86), "add");
    require(Bodies.evaluate(Body.SUB, Values.F32, x, y, z) == _round(Values.F32, m - n, -86), "sub");
    require(Bodies.evaluate(Body.REM, Values.F32, x, y, z) == _round(Values.F32, m % n, -86), "rem");
    // fma, z scaled by 2^-86 so that everything is an integer number of 2^-172.
    z.e -= 86;
    if (x.e + y.e + 172 < 200) {
      int256 product = (x.m * y.m) << uint256(x.e + y.e + 172);
      int256 addend = z.m << uint256(z.e + 172);
      require(Bodies.evaluate(Body.FMA, Values.F32, x, y, z) == _round(Values.F32, product + addend, -172), "fma");
    }
  }

  function _clampExponent(uint256 bits) private pure returns (uint256) {
    return (bits & 0x807fffff) | ((((bits >> 23) % 128) + 64) << 23);
  }

  function _round(uint256 dtype, int256 m, int256 e) private pure returns (uint256) {
    return Rounding.round(dtype, m < 0, _abs(m), e, false);
  }

  /// @dev a lies within half a spacing of the quotient times b.
  function testFuzz_divByInverse(uint32 a, uint32 b) public pure {
    Value memory x = Values.decode(Values.F32, a & 0x7fffffff);
    Value memory y = Values.decode(Values.F32, b & 0x7fffffff);
    if (x.class | y.class != Values.FINITE || y.m == 0) return;
    Value memory q = Values.decode(Values.F32, Bodies.evaluate(Body.DIV, Values.F32, x, y, y));
    if (q.class != Values.FINITE) {
      // At least half a spacing beyond the largest finite number: x >= (2^25 - 1) * 2^103 * y.
      require(
        x.e - y.e > 103 && uint256(x.m) << uint256(x.e - y.e - 103) >= ((1 << 25) - 1) * uint256(y.m),
        "overflow"
      );
      return;
    }
    int256 spacing = q.m == 0 ? int256(-149) : q.e;
    // Compare 2 x with (2 q.m +- 1) * y * 2^spacing.
    int256 shift = x.e - spacing - y.e;
    uint256 twice = 2 * uint256(x.m);
    uint256 high = (2 * uint256(q.m) + 1) * uint256(y.m);
    uint256 low = q.m == 0 ? 0 : (2 * uint256(q.m) - 1) * uint256(y.m);
    if (shift < -200) return require(q.m == 0, "underflow");
    if (shift >= 0) twice <<= uint256(shift);
    else (high, low) = (high << uint256(-shift), low << uint256(-shift));
    require(low <= twice && twice <= high, "not nearest");
  }

  /// @dev (2 q - 1)^2 <= 4 x <= (2 q + 1)^2 in units of the root's last place.
  function testFuzz_sqrtByInverse(uint32 a) public pure {
    Value memory x = Values.decode(Values.F32, a & 0x7fffffff);
    if (x.class != Values.FINITE || x.m == 0) return;
    Value memory q = Values.decode(Values.F32, Bodies.evaluate(Body.SQRT, Values.F32, x, x, x));
    uint256 m = uint256(q.m);
    int256 shift = x.e - 2 * q.e;
    require(q.class == Values.FINITE && m >= 1 << 23 && shift >= 0, "range");
    uint256 four = (4 * uint256(x.m)) << uint256(shift);
    require((2 * m - 1) ** 2 <= four && four <= (2 * m + 1) ** 2, "not nearest");
  }

  function testFuzz_wrapAndSaturate(uint256 pick, uint64 bits, uint8 from) public pure {
    uint256 dtype = 1 + (pick % 9);
    Value memory v = Values.decode(1 + (from % 9), bits);
    int256 wrapped = Values.decode(dtype, Bodies.evaluate(Body.COPY, dtype, v, v, v)).m;
    int256 kept = Values.decode(dtype, Bodies.evaluate(Body.SAT, dtype, v, v, v)).m;
    bool fits = v.m >= Values.minOf(dtype) && v.m <= Values.maxOf(dtype);
    require(
      fits ? kept == v.m && wrapped == v.m : kept == (v.m < 0 ? Values.minOf(dtype) : Values.maxOf(dtype)),
      "sat"
    );
    if (dtype != Values.BOOL) require((wrapped - v.m) % int256(1 << Values.bitWidth(dtype)) == 0, "wrap");
  }

  /// @dev The key orders as the operands do, NaN last.
  function testFuzz_keyIsMonotone(uint256 pick, uint32 a, uint32 b) public pure {
    uint256 dtype = Values.F16 + (pick % 3);
    Value memory x = Values.decode(dtype, a);
    Value memory y = Values.decode(dtype, b);
    int256 i = Values.decode(Values.I32, Bodies.evaluate(Body.KEY, Values.I32, x, x, x)).m;
    int256 j = Values.decode(Values.I32, Bodies.evaluate(Body.KEY, Values.I32, y, y, y)).m;
    if (x.class == Values.NAN) return require(i == type(int32).max, "NaN");
    if (y.class == Values.NAN) return;
    require((i < j) == (Bodies.evaluate(Body.LT, Values.BOOL, x, y, y) == 1), "order");
  }

  function test_integerCorners() public pure {
    uint256 min32 = 0x80000000;
    require(_on(Body.DIV, Values.I32, min32, 0xffffffff) == min32, "INT_MIN / -1 wraps");
    require(_on(Body.DIV, Values.I32, 7, 0) == 0 && _on(Body.MOD, Values.I32, 7, 0) == 0, "x / 0");
    require(_on(Body.REM, Values.I32, 7, 0) == 0, "x rem 0");
    require(_on(Body.MOD, Values.I8, 0xf9, 3) == 2 && _on(Body.REM, Values.I8, 0xf9, 3) == 0xff, "-7 mod, rem 3");
    require(_on(Body.MOD, Values.I8, 7, 0xfd) == 0xfe && _on(Body.REM, Values.I8, 7, 0xfd) == 1, "7 mod, rem -3");
    require(_on(Body.SHL, Values.U8, 1, 7) == 0x80 && _on(Body.SHL, Values.U8, 1, 8) == 0, "shl");
    require(_on(Body.SHR, Values.I8, 0x80, 7) == 0xff && _on(Body.SHR, Values.I8, 0x80, 0xff) == 0, "shr");
    require(
      _on(Body.NEG, Values.I64, 1 << 63, 0) == 1 << 63 && _on(Body.ABS, Values.I64, 1 << 63, 0) == 1 << 63,
      "neg"
    );
    require(_on(Body.MUL, Values.U64, type(uint64).max, type(uint64).max) == 1, "64-bit product");
    require(_on(Body.NOT, Values.BOOL, 5, 0) == 0 && _on(Body.NOT, Values.U8, 5, 0) == 0xfa, "not");
    require(_on(Body.ADD, Values.BOOL, 1, 1) == 1 && _on(Body.SUB, Values.BOOL, 1, 1) == 0, "bool");
  }

  function test_conversions() public pure {
    Value memory nan = Values.decode(Values.F32, 0xffc12345);
    Value memory inf = Values.decode(Values.F32, 0xff800000);
    Value memory v = Values.decode(Values.F32, 0x40200000); // 2.5
    require(Bodies.evaluate(Body.COPY, Values.I8, nan, nan, nan) == 0, "NaN to an integer");
    require(Bodies.evaluate(Body.SAT, Values.I8, nan, nan, nan) == 0x80, "NaN saturated");
    require(Bodies.evaluate(Body.COPY, Values.BOOL, nan, nan, nan) == 1, "NaN to bool");
    require(Bodies.evaluate(Body.COPY, Values.I64, inf, inf, inf) == 1 << 63, "-infinity");
    require(
      Bodies.evaluate(Body.COPY, Values.U8, v, v, v) == 2 && Bodies.evaluate(Body.SAT, Values.U8, v, v, v) == 2,
      "2.5"
    );
    v = Values.decode(Values.F32, 0xbf000000); // -0.5
    require(
      Bodies.evaluate(Body.COPY, Values.I8, v, v, v) == 0 && Bodies.evaluate(Body.COPY, Values.BOOL, v, v, v) == 1,
      "-0.5"
    );
    v = Values.decode(Values.F32, 0x43960000); // 300: floats saturate, integers wrap
    require(Bodies.evaluate(Body.COPY, Values.U8, v, v, v) == 255, "300.0");
    require(Bodies.evaluate(Body.COPY, Values.U8, Values.integer(300), v, v) == 44, "300");
    require(Bodies.evaluate(Body.EQ, Values.BOOL, v, Values.integer(300), v) == 1, "mixed comparison");
    v = Values.decode(Values.F32, 0x5f800000); // 2^64, next to the largest u64
    require(
      Bodies.evaluate(Body.LT, Values.BOOL, Values.decode(Values.U64, type(uint64).max), v, v) == 1,
      "2^64 - 1 < 2^64"
    );
    require(Values.decode(Values.F32, 0x80000000).m == 0 && Values.decode(Values.BOOL, 7).m == 1, "canonical loads");
  }

  function test_quantised() public pure {
    Value memory a = Values.integer(1000);
    Value memory half = Values.decode(Values.F32, 0x3b000000); // 2^-9: 1.953125
    Value memory inf = Values.decode(Values.F32, 0x7f800000);
    Value memory zero = Values.decode(Values.F32, 0);
    require(Bodies.evaluate(Body.QMUL, Values.I8, a, half, Values.integer(-3)) == 0xff, "rint(1.95) - 3");
    require(Bodies.evaluate(Body.QDIV, Values.U8, a, half, Values.integer(0)) == 255, "saturates");
    require(
      Bodies.evaluate(Body.QMUL, Values.I8, a, inf, Values.integer(-100)) == 127,
      "infinity before the zero point"
    );
    require(Bodies.evaluate(Body.QDIV, Values.I8, zero, zero, Values.integer(5)) == 0x80, "0 / 0");
    require(Bodies.evaluate(Body.QDIV, Values.I8, Values.integer(-1), zero, Values.integer(5)) == 0x80, "-1 / 0");
  }

  function test_powSpecialCases() public pure {
    uint256 one = 0x3f800000;
    uint256 inf = 0x7f800000;
    require(_on(Body.POW, Values.F32, NAN32, 0) == one && _on(Body.POW, Values.F32, one, NAN32) == one, "1");
    require(_on(Body.POW, Values.F32, NAN32, one) == NAN32, "NaN");
    require(_on(Body.POW, Values.F32, 0, 0xbf800000) == inf && _on(Body.POW, Values.F32, 0, one) == 0, "0");
    require(_on(Body.POW, Values.F32, 0xbf800000, inf) == one, "(-1)^inf");
    require(_on(Body.POW, Values.F32, 0xff800000, 0x40400000) == 0xff800000, "(-inf)^3");
    require(_on(Body.POW, Values.F32, 0xff800000, 0xbf800000) == 0, "(-inf)^-1");
    require(_on(Body.POW, Values.F32, 0xc0000000, 0x3f000000) == NAN32, "(-2)^0.5");
    require(_on(Body.POW, Values.F32, 0xc0000000, 0x40400000) == 0xc1000000, "(-2)^3");
    require(_on(Body.POW, Values.F32, 0x3f000000, 0x43150000) == 1, "2^-149");
    require(_on(Body.POW, Values.F32, 0x3f000000, 0x43160000) == 0, "2^-150, a tie");
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Body, Fold} from "./Codes.sol";
import {Elementary} from "./Elementary.sol";
import {Integers} from "./Integers.sol";
import {Power} from "./Power.sol";
import {Reals} from "./Reals.sol";
import {Value, Values} from "./Value.sol";

/// @notice The scalar bodies of exact tensor programs (docs/program.md §5). Total: nothing reverts for operands of
/// their loads' dtypes, and every loop has a constant bound.
library Bodies {
  /// @notice The body's result as bits of an element of `dtype`, right-aligned.
  /// @dev Covers every legal combination except seleq and first, where the caller selects the load and asks for copy, and
  /// conversions from or to acc. Operands beyond the arity are ignored.
  function evaluate(
    uint256 body,
    uint256 dtype,
    Value memory a,
    Value memory b,
    Value memory c
  ) internal pure returns (uint256) {
    if (body == Body.COPY) return _convert(dtype, a);
    if (body >= Body.EQ) {
      if (body == Body.WHERE) return _convert(dtype, a.m != 0 ? b : c);
      if (body <= Body.LE) return _compare(body, a, b) ? 1 : 0;
      if (body == Body.KEY) return _key(a);
      if (body >= Body.QMUL) return _quantise(body, dtype, a, b, c);
    } else if (body == Body.SAT) {
      return Values.wrapBits(dtype, _saturate(dtype, a));
    }
    if (Values.isInteger(dtype)) return Values.wrapBits(dtype, Integers.evaluate(body, dtype, a.m, b.m, c.m));
    if (body == Body.POW) return Power.pow(dtype, a, b);
    if (body >= Body.EXP) return Elementary.evaluate(body, dtype, a);
    return Reals.evaluate(body, dtype, a, b, c);
  }

  /// @notice An integer body before the wrap into `dtype`: a term of an exact integer sum. Below 2^131 in magnitude.
  function exact(
    uint256 body,
    uint256 dtype,
    Value memory a,
    Value memory b,
    Value memory c
  ) internal pure returns (int256) {
    return Integers.evaluate(body, dtype, a.m, b.m, c.m);
  }

  /// @notice Whether this combination is in the closed table of docs/program.md §4 and §5.
  /// @param operands Dtypes of the first `nLoads` loads.
  function legal(
    uint256 body,
    uint256 fold,
    uint256 dtype,
    uint256[3] memory operands,
    uint256 nLoads
  ) internal pure returns (bool) {
    if (!Values.isDtype(dtype) || fold > Fold.LAST) return false;
    for (uint256 i = 0; i < nLoads && i < 3; ++i) if (!Values.isDtype(operands[i])) return false;
    if (!_legalBody(body, dtype, operands, nLoads)) return false;
    if (fold == Fold.NONE) return dtype != Values.ACC || body == Body.COPY;
    if (fold != Fold.SUM) {
      if (operands[0] == Values.ACC) return false; // copy, the only body that takes an acc
      if (fold == Fold.OSUM || fold == Fold.OPROD) return Values.isFloat(dtype);
      return dtype != Values.BOOL && dtype != Values.ACC;
    }
    if (!Values.isInteger(dtype)) {
      if (body == Body.COPY) return !Values.isInteger(operands[0]);
      return body == Body.MUL && Values.isFloat(operands[0]) && Values.isFloat(operands[1]);
    }
    for (uint256 i = 0; i < nLoads; ++i) if (!Values.isInteger(operands[i])) return false;
    bool excluded = body == Body.FIRST || (body >= Body.DIV && body <= Body.REM);
    return !excluded && body != Body.SHL && body != Body.SHR && body < Body.QMUL;
  }

  /// @dev Arity and dtypes of a body under fold none, or mul to acc, which only a sum may have.
  function _legalBody(
    uint256 body,
    uint256 dtype,
    uint256[3] memory operands,
    uint256 nLoads
  ) private pure returns (bool) {
    if (nLoads == 0 || nLoads > 3) return false;
    if (body != Body.FIRST && nLoads != arity(body)) return false;
    uint256 a = operands[0];
    if (body == Body.COPY) {
      if (a == Values.ACC) return !Values.isInteger(dtype);
      return dtype != Values.ACC || Values.isFloat(a);
    }
    bool allInteger = true;
    bool allSame = true;
    for (uint256 i = 0; i < nLoads; ++i) {
      if (operands[i] == Values.ACC) return false;
      if (!Values.isInteger(operands[i])) allInteger = false;
      if (operands[i] != dtype) allSame = false;
    }
    if (dtype == Values.ACC) return body == Body.MUL;
    bool toFloat = Values.isFloat(dtype);
    if (body == Body.SAT) return !toFloat;
    if (body == Body.POW || (body >= Body.EXP && body <= Body.ERF)) return toFloat && allSame;
    if (body == Body.SQRT) return toFloat;
    if (body == Body.MOD || (body >= Body.AND && body <= Body.SHR)) return allInteger && !toFloat;
    if (body >= Body.EQ && body <= Body.LE) return dtype == Values.BOOL;
    if (body == Body.WHERE) return a == Values.BOOL;
    if (body == Body.SELEQ || body == Body.FIRST) return true;
    if (body == Body.KEY) return dtype == Values.I32 && Values.isFloat(a);
    if (body >= Body.QMUL) return !toFloat && operands[1] == Values.F32 && Values.isInteger(operands[2]);
    return toFloat || allInteger; // the bodies with both columns
  }

  /// @return 0 for a code that no body has, and for first, which takes 1 to 3.
  function arity(uint256 body) internal pure returns (uint256) {
    if (body == 0 || body > Body.QDIV || body == Body.FIRST) return 0;
    if (body == Body.FMA || body >= Body.QMUL || body == Body.WHERE || body == Body.SELEQ) return 3;
    if (body <= Body.SAT || body == Body.NEG || body == Body.ABS || body == Body.NOT || body == Body.KEY) return 1;
    if (body <= Body.POW) return 2;
    if (body <= Body.SIGN || (body >= Body.EXP && body <= Body.ERF)) return 1;
    return (body >= Body.EQ && body <= Body.LE) || (body >= Body.AND && body <= Body.SHR) ? 2 : 0;
  }

  /// @dev Row copy: rounds to floats, wraps integers into integers, truncates and saturates floats into integers.
  function _convert(uint256 dtype, Value memory a) private pure returns (uint256) {
    if (Values.isFloat(dtype)) return Reals.round(dtype, a);
    if (dtype == Values.BOOL) return a.class == Values.FINITE && a.m == 0 ? 0 : 1;
    if (!Values.isFloat(a.dtype)) return Values.wrapBits(dtype, a.m);
    if (a.class == Values.NAN) return 0;
    int256 x = a.class == Values.FINITE ? Reals.trunc(a.m, a.e) : _beyond(a.class);
    return Values.wrapBits(dtype, Values.saturate(dtype, x));
  }

  function _saturate(uint256 dtype, Value memory a) private pure returns (int256) {
    if (a.class == Values.FINITE) return Values.saturate(dtype, Reals.rint(a.m, a.e));
    return a.class == Values.POS_INF ? Values.maxOf(dtype) : Values.minOf(dtype);
  }

  /// @dev Stands for an infinity where saturation follows.
  function _beyond(uint256 class) private pure returns (int256) {
    return class == Values.NEG_INF ? type(int128).min : type(int128).max;
  }

  function _compare(uint256 body, Value memory a, Value memory b) private pure returns (bool) {
    if (a.class == Values.NAN || b.class == Values.NAN) return body == Body.NE;
    int256 order = Reals.compare(a, b);
    if (body == Body.EQ) return order == 0;
    if (body == Body.NE) return order != 0;
    return body == Body.LT ? order < 0 : order <= 0;
  }

  /// @dev The operand's bits as a signed number that orders as the operands do.
  function _key(Value memory a) private pure returns (uint256) {
    unchecked {
      if (a.class == Values.NAN) return 0x7fffffff;
      uint256 signBit = 1 << (Values.bitWidth(a.dtype) - 1);
      uint256 bits = Reals.round(a.dtype, a); // exact
      if (bits & signBit != 0) bits = 0 - (bits ^ signBit);
      return bits & 0xffffffff;
    }
  }

  /// @dev sat(rint(r(r(a) * b)) + z), or with a division, r rounding to f32.
  function _quantise(
    uint256 body,
    uint256 dtype,
    Value memory a,
    Value memory b,
    Value memory z
  ) private pure returns (uint256) {
    unchecked {
      // b is f32. As a constant the dtype would have the compiler make a copy of all of rounding.
      uint256 f32 = b.dtype;
      Value memory x = Values.decode(f32, Reals.round(f32, a));
      uint256 bits = body == Body.QMUL ? Reals.mul(f32, x, b) : Reals.div(f32, x, b);
      x = Values.decode(f32, bits);
      int256 r = Values.minOf(dtype);
      if (x.class == Values.FINITE) r = Values.saturate(dtype, Reals.rint(x.m, x.e) + z.m);
      else if (x.class == Values.POS_INF) r = Values.maxOf(dtype);
      return Values.wrapBits(dtype, r);
    }
  }
}

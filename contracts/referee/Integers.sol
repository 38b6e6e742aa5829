// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Body} from "./Codes.sol";
import {Values} from "./Value.sol";

/// @dev Integer bodies, exact (docs/program.md §5, column Integer). Operands are below 2^65 in magnitude, so products stay
/// below 2^130, shifts below 2^128 and nothing overflows an int256.
library Integers {
  /// @dev The result before it wraps into dtype. Some bodies depend on dtype before that: sat, not, shl, shr.
  function evaluate(uint256 body, uint256 dtype, int256 a, int256 b, int256 c) internal pure returns (int256) {
    unchecked {
      if (body <= Body.FMA) {
        if (body == Body.COPY) return a;
        if (body == Body.SAT) return Values.saturate(dtype, a);
        if (body == Body.ADD) return a + b;
        if (body == Body.SUB) return a - b;
        if (body == Body.MUL) return a * b;
        if (body == Body.DIV) return b == 0 ? int256(0) : a / b;
        if (body == Body.MOD) return mod(a, b);
        if (body == Body.REM) return b == 0 ? int256(0) : a % b;
        if (body == Body.NEG) return -a;
        if (body == Body.ABS) return a < 0 ? -a : a;
        if (body == Body.MIN) return a < b ? a : b;
        if (body == Body.MAX) return a < b ? b : a;
        return a * b + c;
      }
      if (body <= Body.RINT) return a; // floor, ceil, rint
      if (body == Body.SIGN)
        return
          a < 0
            ? int256(-1)
            : a == 0
              ? int256(0)
              : int256(1);
      if (body == Body.EQ) return a == b ? int256(1) : int256(0);
      if (body == Body.NE) return a != b ? int256(1) : int256(0);
      if (body == Body.LT) return a < b ? int256(1) : int256(0);
      if (body == Body.LE) return a <= b ? int256(1) : int256(0);
      if (body == Body.AND) return a & b;
      if (body == Body.OR) return a | b;
      if (body == Body.XOR) return a ^ b;
      if (body == Body.NOT)
        return
          dtype != Values.BOOL
            ? ~a
            : a == 0
              ? int256(1)
              : int256(0);
      if (body == Body.WHERE) return a != 0 ? b : c;
      if (b < 0 || b >= int256(Values.bitWidth(dtype))) return 0;
      return body == Body.SHL ? a << uint256(b) : a >> uint256(b);
    }
  }

  /// @dev a - b * floor(a / b): the sign of b.
  function mod(int256 a, int256 b) internal pure returns (int256 r) {
    unchecked {
      if (b == 0) return 0;
      r = a % b;
      if (r != 0 && (r < 0) != (b < 0)) r += b;
    }
  }
}

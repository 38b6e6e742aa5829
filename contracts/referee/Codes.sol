// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev Folds (docs/program.md §4).
library Fold {
  uint256 internal constant NONE = 0;
  uint256 internal constant SUM = 1;
  uint256 internal constant MIN = 2;
  uint256 internal constant MAX = 3;
  uint256 internal constant MAXNUM = 4;
  uint256 internal constant OSUM = 5;
  uint256 internal constant OPROD = 6;
  uint256 internal constant LAST = OPROD;
}

/// @dev Bodies (docs/program.md §5).
library Body {
  uint256 internal constant COPY = 0x01;
  uint256 internal constant SAT = 0x02;
  uint256 internal constant ADD = 0x03;
  uint256 internal constant SUB = 0x04;
  uint256 internal constant MUL = 0x05;
  uint256 internal constant DIV = 0x06;
  uint256 internal constant MOD = 0x07;
  uint256 internal constant REM = 0x08;
  uint256 internal constant NEG = 0x09;
  uint256 internal constant ABS = 0x0a;
  uint256 internal constant MIN = 0x0b;
  uint256 internal constant MAX = 0x0c;
  uint256 internal constant FMA = 0x0d;
  uint256 internal constant POW = 0x0e;
  uint256 internal constant SQRT = 0x0f;
  uint256 internal constant FLOOR = 0x10;
  uint256 internal constant CEIL = 0x11;
  uint256 internal constant RINT = 0x12;
  uint256 internal constant SIGN = 0x13;
  uint256 internal constant EXP = 0x18;
  uint256 internal constant EXPM1 = 0x19;
  uint256 internal constant LOG = 0x1a;
  uint256 internal constant LOG1P = 0x1b;
  uint256 internal constant SIN = 0x1c;
  uint256 internal constant COS = 0x1d;
  uint256 internal constant ATAN = 0x1e;
  uint256 internal constant TANH = 0x1f;
  uint256 internal constant ERF = 0x20;
  uint256 internal constant EQ = 0x28;
  uint256 internal constant NE = 0x29;
  uint256 internal constant LT = 0x2a;
  uint256 internal constant LE = 0x2b;
  uint256 internal constant AND = 0x30;
  uint256 internal constant OR = 0x31;
  uint256 internal constant XOR = 0x32;
  uint256 internal constant NOT = 0x33;
  uint256 internal constant SHL = 0x34;
  uint256 internal constant SHR = 0x35;
  uint256 internal constant WHERE = 0x38;
  uint256 internal constant SELEQ = 0x39;
  uint256 internal constant FIRST = 0x3a;
  uint256 internal constant KEY = 0x3b;
  uint256 internal constant QMUL = 0x40;
  uint256 internal constant QDIV = 0x41;
}

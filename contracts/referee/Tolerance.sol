// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Accumulator, Accumulators} from "./Accumulator.sol";
import {Value, Values} from "./Value.sol";

/// @notice The predicate that node and referee share.
library Tolerance {
  using Accumulators for Accumulator;

  uint256 private constant F32_INFINITY = 0x7f800000;

  error InvalidTolerance(uint32 bits);

  /// @notice Decodes a finite non-negative binary32.
  function decode(uint32 bits) internal pure returns (Value memory) {
    if (bits >= F32_INFINITY) revert InvalidTolerance(bits);
    return Values.decode(Values.F32, bits);
  }

  /// @notice Whether y differs from x by more than atol + rtol * |x|, exactly. NaN agrees with NaN alone, an infinity with
  /// itself alone.
  /// @param x Exact value of a float, as is `y`.
  function exceeded(Value memory x, Value memory y, Value memory atol, Value memory rtol) internal pure returns (bool) {
    if (x.class != Values.FINITE || y.class != Values.FINITE) return x.class != y.class;
    // The sign of atol + rtol * |x| - |x - y|: all terms are products of floats, as the accumulator takes them.
    Accumulator memory slack;
    slack.add(x);
    slack.add(_negated(y));
    bool below = slack.negative();
    Accumulator memory rest;
    rest.add(atol);
    rest.addProduct(rtol, x.m < 0 ? _negated(x) : x);
    rest.add(below ? x : _negated(x));
    rest.add(below ? _negated(y) : y);
    return rest.negative();
  }

  function _negated(Value memory x) private pure returns (Value memory) {
    return Value(x.class, -x.m, x.e, x.dtype);
  }
}

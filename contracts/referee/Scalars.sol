// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Bodies} from "./Bodies.sol";
import {Value} from "./Value.sol";

/// @notice The scalar bodies (docs/program.md §5), in a contract of their own because of their size.
interface IScalars {
  /// @notice The body's result as bits of an element of `dtype`; not for seleq, first and acc (see Bodies.evaluate).
  /// @dev Total for legal combinations of body and dtypes.
  function evaluate(
    uint256 body,
    uint256 dtype,
    Value memory a,
    Value memory b,
    Value memory c
  ) external pure returns (uint256 bits);
}

/// @title The scalar bodies of exact tensor programs
contract Scalars is IScalars {
  /// @inheritdoc IScalars
  function evaluate(
    uint256 body,
    uint256 dtype,
    Value memory a,
    Value memory b,
    Value memory c
  ) external pure returns (uint256 bits) {
    return Bodies.evaluate(body, dtype, a, b, c);
  }
}

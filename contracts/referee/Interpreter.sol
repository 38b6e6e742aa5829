// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Operand} from "../interfaces/IReferee.sol";
import {Folds} from "./Folds.sol";
import {Instruction, Instructions, Kind, Load} from "./Instructions.sol";
import {Openings} from "./Openings.sol";
import {IScalars} from "./Scalars.sol";

/// @notice Computes single elements of instructions. Authenticates nothing: that is the Referee's part.
interface IInterpreter {
  error Malformed();

  /// @notice The one right value of `element` of a well-formed instruction.
  /// @param encoding The instruction (docs/program.md §6).
  /// @param element Below the number of output elements.
  /// @param operands One per tensor load; `path` and `leaves.path` are not looked at. Indices ascend strictly.
  /// @return bits The element's bits; 0 if it is an acc.
  /// @return acc Its 128 bytes if it is an acc.
  function evaluate(
    bytes calldata encoding,
    uint256 element,
    Operand[] calldata operands
  ) external view returns (uint256 bits, uint256[4] memory acc);
}

/// @title Computes elements of instructions
contract Interpreter is IInterpreter {
  IScalars public immutable scalars;

  constructor(IScalars scalars_) {
    scalars = scalars_;
  }

  /// @inheritdoc IInterpreter
  function evaluate(
    bytes calldata encoding,
    uint256 element,
    Operand[] calldata operands
  ) external view returns (uint256 bits, uint256[4] memory acc) {
    (Instruction memory instruction, bool ok) = Instructions.decode(encoding);
    if (!ok) revert Malformed();
    uint256 count = 0;
    for (uint256 i = 0; i < instruction.loads.length; ++i) {
      Load memory load = instruction.loads[i];
      if (load.kind < Kind.INPUT) continue;
      load.opening = Openings.load(operands[count].leaves, count);
      ++count;
      for (uint256 j = 0; j < load.axes.length; ++j) {
        Load[] memory gather = load.axes[j].gather;
        if (gather.length == 0) continue;
        gather[0].opening = Openings.load(operands[count].leaves, count);
        ++count;
      }
    }
    return Folds.evaluate(instruction, element, scalars);
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IReferee, OutputProof, StepProof} from "../interfaces/IReferee.sol";

/// @notice Answers what it was told to: for tests of money and clocks, where the verdict is not the point.
contract PresetReferee is IReferee {
  bool public wrong;
  uint256 public depthOfTrace;
  uint256 public depthOfTensors;

  function set(bool wrong_, uint256 depthOfTrace_, uint256 depthOfTensors_) external {
    (wrong, depthOfTrace, depthOfTensors) = (wrong_, depthOfTrace_, depthOfTensors_);
  }

  function judgeStep(bytes32, bytes32, bytes32, uint256, uint256, StepProof calldata) external view returns (bool) {
    return wrong;
  }

  function judgeOutput(
    bytes32,
    bytes32,
    uint256,
    uint256,
    bytes calldata,
    uint32,
    uint32,
    OutputProof calldata
  ) external view returns (bool) {
    return wrong;
  }

  function inputsRoot(bytes32, bytes calldata, bytes calldata input) external pure returns (bytes32) {
    return sha256(input);
  }

  function traceDepth(bytes32, bytes calldata) external view returns (uint256) {
    return depthOfTrace;
  }

  function tensorDepth(
    bytes32,
    bytes calldata,
    uint256,
    bytes calldata,
    bytes calldata
  ) external view returns (uint256) {
    return depthOfTensors;
  }
}

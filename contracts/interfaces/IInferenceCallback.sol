// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {RequestId} from "./Types.sol";

/// @notice What a contract that asks for callbacks implements.
interface IInferenceCallback {
  /// @notice A request of this contract has its final answer. Called by the market, until it succeeds once.
  /// @param nonce The nonce that this contract gave the request.
  /// @param output The output blob.
  function onInference(RequestId requestId, uint64 nonce, bytes calldata output) external;
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {InferenceConsumer} from "../consumers/InferenceConsumer.sol";
import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {RequestId} from "../interfaces/Types.sol";

/// @notice The smallest consumer: anyone asks, and the hash of each final answer is kept.
contract OutputHashes is InferenceConsumer {
  /// @notice keccak256 of the output; 0 until final.
  mapping(RequestId => bytes32) public outputHashOf;

  event Answered(RequestId indexed requestId, bytes32 outputHash);

  constructor(IInferenceMarket market_, Policy memory policy) InferenceConsumer(market_, policy) {}

  /// @notice Asks for one inference; the value sent is the fee, and unanswered fees go back to the caller's vault account.
  function ask(bytes calldata input) external payable returns (RequestId requestId) {
    (requestId, ) = _request(input, msg.value, msg.sender);
  }

  function _onInference(RequestId requestId, uint64, bytes calldata output) internal override {
    bytes32 outputHash = keccak256(output);
    outputHashOf[requestId] = outputHash;
    emit Answered(requestId, outputHash);
  }
}

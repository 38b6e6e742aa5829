// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {InferenceConsumer} from "../consumers/InferenceConsumer.sol";
import {Tensors} from "../consumers/Tensors.sol";
import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {RequestId} from "../interfaces/Types.sol";

/// @notice Reads handwritten digits with the model of examples/models/digits.
contract DigitReader is InferenceConsumer {
  mapping(RequestId => uint256) public digitOf;

  event DigitRead(RequestId indexed requestId, uint256 digit);

  constructor(IInferenceMarket market_, Policy memory policy) InferenceConsumer(market_, policy) {}

  /// @param pixels 8 x 8 bytes from 0 (paper) to 16 (ink), row by row.
  function read(bytes calldata pixels) external payable returns (RequestId requestId) {
    (requestId, ) = _request(pixels, msg.value, msg.sender);
  }

  function _onInference(RequestId requestId, uint64, bytes calldata logits) internal override {
    uint256 digit = Tensors.argmaxU8(logits);
    digitOf[requestId] = digit;
    emit DigitRead(requestId, digit);
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Answers, Caution, Demands} from "../consumers/Answers.sol";
import {AttestedConsumer} from "../consumers/AttestedConsumer.sol";
import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {Request, RequestId} from "../interfaces/Types.sol";

/// @notice Gas of what a consumer does about an answer that somebody brings, by its first call of the market in a transaction.
contract AnswersGas is AttestedConsumer {
  constructor(IInferenceMarket market_, Demands memory demands_) AttestedConsumer(market_, demands_) {}

  function attested(
    Request calldata request,
    address operator,
    bytes calldata output
  ) external view returns (uint256 used) {
    used = gasleft();
    _requireFinal(request, operator, output, request.inputHash);
    used -= gasleft();
  }

  function provisional(
    Request calldata request,
    address operator,
    bytes calldata output
  ) external view returns (uint256 used) {
    used = gasleft();
    _requireProvisional(request, operator, output, request.inputHash, Caution(1 wei, 1 seconds));
    used -= gasleft();
  }

  function finalById(
    RequestId requestId,
    address operator,
    bytes calldata output
  ) external view returns (uint256 used) {
    used = gasleft();
    Answers.requireFinal(market, requestId, operator, keccak256(output));
    used -= gasleft();
  }
}

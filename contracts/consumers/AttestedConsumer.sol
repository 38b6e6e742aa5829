// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {ReleaseId, Request, RequestId} from "../interfaces/Types.sol";
import {Answers, Caution, Demands, Standing} from "./Answers.sol";

/// @notice Base of contracts that use answers to requests of others: somebody asks the market, pays, and brings the answer, which the
/// market's record proves. No callback, no request of one's own.
/// @dev The market says who answered what; the contract says which input it wants judged.
abstract contract AttestedConsumer {
  IInferenceMarket public immutable market;
  ReleaseId public immutable releaseId;
  uint96 public immutable minBondWei;
  uint32 public immutable minWindowSeconds;
  uint32 public immutable maxAgeSeconds;

  constructor(IInferenceMarket market_, Demands memory demands_) {
    market = market_;
    releaseId = demands_.releaseId;
    minBondWei = demands_.minBondWei;
    minWindowSeconds = demands_.minWindowSeconds;
    maxAgeSeconds = demands_.maxAgeSeconds;
  }

  /// @notice What requests must be like for this contract to use their answers.
  function demands() public view returns (Demands memory) {
    return Demands(releaseId, minBondWei, minWindowSeconds, maxAgeSeconds);
  }

  /// @notice Reverts unless `output` is the final answer of a request as demanded, for this input.
  /// @param inputHash keccak256 of the input that this contract wants judged.
  /// @return requestId The request's id.
  function _requireFinal(
    Request calldata request_,
    address operator,
    bytes calldata output,
    bytes32 inputHash
  ) internal view returns (RequestId requestId) {
    Standing memory standing;
    (requestId, standing) = Answers.standingOf(market, request_, operator, keccak256(output));
    Answers.requireAsDemanded(demands(), requestId, request_, inputHash);
    if (!standing.isFinal) revert Answers.NotFinal(requestId, standing.endsAt, standing.openGames);
  }

  /// @notice The same for an answer that may yet be overturned, if it is as firm as `caution` wants.
  /// @return requestId The request's id.
  /// @return standing Until when it may be challenged, and the bond at stake.
  function _requireProvisional(
    Request calldata request_,
    address operator,
    bytes calldata output,
    bytes32 inputHash,
    Caution memory caution
  ) internal view returns (RequestId requestId, Standing memory standing) {
    (requestId, standing) = Answers.standingOf(market, request_, operator, keccak256(output));
    Answers.requireAsDemanded(demands(), requestId, request_, inputHash);
    Answers.requireCautious(caution, requestId, standing);
  }
}

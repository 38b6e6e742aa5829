// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {ReleaseId, Request, RequestId, RequestState} from "../interfaces/Types.sol";
import {Ids} from "../market/Ids.sol";

/// @notice How firm an answer is.
/// @param isFinal True: it can never be overturned. False: it is provisional, and a dispute may still overturn it.
/// @param answeredAt Block time of the answer, unix seconds.
/// @param endsAt First second in which it can no longer be challenged, unix seconds. Games that are open then go on.
/// @param openGames Disputes in progress against it.
/// @param bondWei What the operator loses if it is overturned: all that stands behind a provisional answer.
struct Standing {
  bool isFinal;
  uint256 answeredAt;
  uint256 endsAt;
  uint256 openGames;
  uint256 bondWei;
}

/// @notice What a contract demands of answers to requests that others made.
/// @param releaseId Release that answered.
/// @param minBondWei Least bond, wei. Whoever makes a wrong answer final for want of verifiers risks this much and no more.
/// @param minWindowSeconds Least challenge window: long enough for somebody to recompute the answer, seconds.
/// @param maxAgeSeconds How long after its request an answer is accepted, seconds.
struct Demands {
  ReleaseId releaseId;
  uint96 minBondWei;
  uint32 minWindowSeconds;
  uint32 maxAgeSeconds;
}

/// @notice What a contract demands of an answer that is not final. Reckon with its being overturned.
/// @param minBondWei Least bond, wei: more than what acting on a wrong answer can cost.
/// @param minAgeSeconds Least time since the answer, seconds: time for verifiers to open a dispute.
struct Caution {
  uint96 minBondWei;
  uint32 minAgeSeconds;
}

/// @notice Answers by view: anyone brings one, and the market's record says whether it stands.
/// @dev Warning: a provisional answer may be wrong and be overturned later; what was done with it stays done. Take one only where that
/// costs less than the bond, never while a game is open against it.
library Answers {
  /// @dev The request has no answer, another one, or this one was overturned.
  error NotStanding(RequestId requestId, RequestState state);
  error NotFinal(RequestId requestId, uint256 endsAt, uint256 openGames);
  error Disputed(RequestId requestId, uint256 openGames);
  error TooYoung(RequestId requestId, uint256 acceptedAt);
  error BondBelow(RequestId requestId, uint256 bondWei, uint256 minWei);
  error WindowBelow(RequestId requestId, uint256 windowSeconds, uint256 minSeconds);
  error RequestTooOld(RequestId requestId, uint256 requestedAt, uint256 maxAgeSeconds);
  error OtherRelease(RequestId requestId, ReleaseId releaseId, ReleaseId expected);
  error OtherInput(RequestId requestId, bytes32 inputHash, bytes32 expected);

  /// @notice How firm an answer is.
  /// @param request_ The request as the market fixed it; one changed in any field is another, unanswered one.
  /// @param outputHash keccak256 of the output.
  /// @dev Reverts with `NotStanding` unless this operator gave exactly this output and it was not overturned.
  function standingOf(
    IInferenceMarket market,
    Request calldata request_,
    address operator,
    bytes32 outputHash
  ) internal view returns (RequestId requestId, Standing memory standing) {
    requestId = Ids.requestId(request_, address(market));
    standing = standingById(market, requestId, operator, outputHash);
    standing.answeredAt = standing.endsAt - request_.windowSeconds;
    standing.bondWei = request_.bond;
  }

  /// @notice The same by id alone; `answeredAt` and `bondWei`, which the market does not store, are 0.
  function standingById(
    IInferenceMarket market,
    RequestId requestId,
    address operator,
    bytes32 outputHash
  ) internal view returns (Standing memory standing) {
    (RequestState state, uint256 endsAt, uint256 openGames, bytes24 resultKey) = market.statusOf(requestId);
    bool isFinal = state == RequestState.Final || state == RequestState.Delivered;
    bool isThis = resultKey == bytes24(keccak256(abi.encode(requestId, operator, outputHash)));
    if (!isThis || (!isFinal && state != RequestState.Answered)) revert NotStanding(requestId, state);
    return Standing({isFinal: isFinal, answeredAt: 0, endsAt: endsAt, openGames: openGames, bondWei: 0});
  }

  /// @notice Reverts unless an answer is final.
  function requireFinal(
    IInferenceMarket market,
    RequestId requestId,
    address operator,
    bytes32 outputHash
  ) internal view {
    Standing memory standing = standingById(market, requestId, operator, outputHash);
    if (!standing.isFinal) revert NotFinal(requestId, standing.endsAt, standing.openGames);
  }

  /// @notice Reverts unless a request that anyone made asks what is demanded, and of this input.
  /// @param inputHash keccak256 of the input that the caller wants judged, not one that came with the answer.
  /// @dev Whoever makes a request chooses its bond and window: without the least of both, an answer that nobody could afford to
  /// check becomes final.
  function requireAsDemanded(
    Demands memory demands,
    RequestId requestId,
    Request calldata request_,
    bytes32 inputHash
  ) internal view {
    if (ReleaseId.unwrap(request_.releaseId) != ReleaseId.unwrap(demands.releaseId))
      revert OtherRelease(requestId, request_.releaseId, demands.releaseId);
    if (request_.inputHash != inputHash) revert OtherInput(requestId, request_.inputHash, inputHash);
    if (request_.bond < demands.minBondWei) revert BondBelow(requestId, request_.bond, demands.minBondWei);
    if (request_.windowSeconds < demands.minWindowSeconds)
      revert WindowBelow(requestId, request_.windowSeconds, demands.minWindowSeconds);
    if (block.timestamp > uint256(request_.requestedAt) + demands.maxAgeSeconds)
      revert RequestTooOld(requestId, request_.requestedAt, demands.maxAgeSeconds);
  }

  /// @notice Reverts if an answer is neither final nor as firm as a contract's caution wants.
  function requireCautious(Caution memory caution, RequestId requestId, Standing memory standing) internal view {
    if (standing.isFinal) return;
    if (standing.openGames != 0) revert Disputed(requestId, standing.openGames);
    if (standing.bondWei < caution.minBondWei) revert BondBelow(requestId, standing.bondWei, caution.minBondWei);
    uint256 acceptedAt = standing.answeredAt + caution.minAgeSeconds;
    if (block.timestamp < acceptedAt) revert TooYoung(requestId, acceptedAt);
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {RequestState, ResultId} from "../interfaces/Types.sol";

/// @notice Everything stored of one request. Layout, from the low bits: state 4, endsAt 36, openGames 24, and the high 192
/// bits of the ResultId in place.
type Status is uint256;

library StatusLib {
  using StatusLib for Status;

  uint256 private constant STATE_MASK = 0xf;
  uint256 private constant ENDS_MASK = (1 << 36) - 1;
  uint256 private constant GAMES_MASK = (1 << 24) - 1;
  uint256 private constant GAMES_ONE = 1 << 40;
  uint256 private constant KEY_MASK = ~uint256(type(uint64).max);

  function requested() internal pure returns (Status) {
    return Status.wrap(uint256(RequestState.Requested));
  }

  /// @param end Unix seconds, below 2^36 (year 4147).
  function answered(ResultId resultId, uint256 end) internal pure returns (Status) {
    return
      Status.wrap(
        uint256(RequestState.Answered) | ((end & ENDS_MASK) << 4) | (uint256(ResultId.unwrap(resultId)) & KEY_MASK)
      );
  }

  function withState(Status status, RequestState next) internal pure returns (Status) {
    return Status.wrap((Status.unwrap(status) & ~STATE_MASK) | uint256(next));
  }

  /// @dev 2^24 games would take more gas than any challenge window holds; were it reached, the next one reverts.
  function addGame(Status status) internal pure returns (Status) {
    assert(status.openGames() < GAMES_MASK);
    return Status.wrap(Status.unwrap(status) + GAMES_ONE);
  }

  function removeGame(Status status) internal pure returns (Status) {
    assert(status.openGames() > 0);
    return Status.wrap(Status.unwrap(status) - GAMES_ONE);
  }

  function state(Status status) internal pure returns (RequestState) {
    return RequestState(Status.unwrap(status) & STATE_MASK);
  }

  function endsAt(Status status) internal pure returns (uint256) {
    return (Status.unwrap(status) >> 4) & ENDS_MASK;
  }

  function openGames(Status status) internal pure returns (uint256) {
    return (Status.unwrap(status) >> 40) & GAMES_MASK;
  }

  function resultKey(Status status) internal pure returns (bytes24) {
    return bytes24(bytes32(Status.unwrap(status)));
  }

  /// @dev INVARIANT I-8: 192 bits of the ResultId identify the answer, out of reach of collision search (2^96).
  function isResult(Status status, ResultId resultId) internal pure returns (bool) {
    return (Status.unwrap(status) ^ uint256(ResultId.unwrap(resultId))) & KEY_MASK == 0;
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {RequestId, RequestState, ResultId} from "./Types.sol";

/// @notice Where answers stand while they can be challenged: what a dispute game needs of the contract that it judges for.
interface ICourt {
  error NotGame(address caller);
  error StateIs(RequestId requestId, RequestState state);
  error NotTheAnswer(RequestId requestId, ResultId resultId);
  error WindowClosed(RequestId requestId, uint256 endsAt);

  event GameOpened(RequestId indexed requestId, ResultId indexed resultId, uint256 openGames);
  event GameClosed(RequestId indexed requestId, ResultId indexed resultId, uint256 openGames);
  event Overturned(RequestId indexed requestId, ResultId indexed resultId);

  /// @notice Game: one more game is open on an answer. Reverts if it can no longer be challenged.
  function openGame(RequestId requestId, ResultId resultId) external;

  /// @notice Game: the challenger lost one game.
  function closeGame(RequestId requestId, ResultId resultId) external;

  /// @notice Game: the answer was judged wrong.
  function overturn(RequestId requestId, ResultId resultId) external;

  /// @param endsAt First second after the challenge window, unix seconds; 0 before an answer.
  /// @param resultKey First 24 bytes of the answer's ResultId; 0 before an answer.
  function statusOf(
    RequestId requestId
  ) external view returns (RequestState state, uint256 endsAt, uint256 openGames, bytes24 resultKey);
}

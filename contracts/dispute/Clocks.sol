// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IDisputeGame} from "../interfaces/IDisputeGame.sol";

/// @notice Chess clocks of one game.
library Clocks {
  /// @notice Seconds used by each side up to now.
  /// @dev INVARIANT I-22: from the challenge on, every second counts against exactly one side: the operator from a select until
  /// the reveal that answers it, the challenger from then to its next select. So a game lasts at most both clocks together.
  /// @param answeredAt Time of the reveal of the selected node (the commit, at the start), unix seconds; 0: not yet.
  function used(
    IDisputeGame.Game memory game,
    uint256 answeredAt
  ) internal view returns (bool operatorOnMove, uint256 operatorSeconds, uint256 challengerSeconds) {
    operatorOnMove = answeredAt == 0;
    // A node revealed before it was selected costs the operator nothing.
    uint256 turnedAt =
      operatorOnMove
        ? block.timestamp
        : answeredAt > game.movedAt
          ? answeredAt
          : game.movedAt;
    operatorSeconds = game.operatorSeconds + (turnedAt - game.movedAt);
    challengerSeconds = game.challengerSeconds + (block.timestamp - turnedAt);
  }
}

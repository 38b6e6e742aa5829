// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Who gets a losing operator's bond.
library Shares {
  /// @notice Share of the challenger that entered as number `entry` (from 0), rounded down, wei: a quarter of the bond for the
  /// first, half as much for each later one. Later entrants cannot dilute earlier ones.
  /// @dev INVARIANT I-35: all shares together are at most half of the bond; what is nobody's share is burned.
  function shareDown(uint256 bondWei, uint256 entry) internal pure returns (uint256) {
    return entry < 254 ? bondWei >> (entry + 2) : 0;
  }

  /// @notice What is left of the bond without the shares of `entries` challengers, wei.
  /// @dev At most 94 rounds: a bond has 96 bits.
  function remainder(uint256 bondWei, uint256 entries) internal pure returns (uint256 leftWei) {
    leftWei = bondWei;
    for (uint256 i = 0; i < entries; ++i) {
      uint256 shareWei = shareDown(bondWei, i);
      if (shareWei == 0) break;
      leftWei -= shareWei;
    }
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Where a feed's inputs come from.
/// @dev Warning: whoever begins a round chooses the block and may run code before it in the same transaction. What is read here
/// must not be what somebody can bend for a transaction: not the spot price or the reserves of a pool, but what was stored in
/// an earlier block, or an average over time.
interface IFeedInput {
  /// @notice The input blob of a round that begins now, exactly the release's `inputBytes`.
  function input() external view returns (bytes memory);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IReceipts} from "../interfaces/IReceipts.sol";

/// @notice Roots of what operators have issued, so that anybody can hold them to it.
abstract contract Anchors is IReceipts {
  /// @inheritdoc IReceipts
  mapping(address operator => uint256 until) public anchoredUntil;

  /// @inheritdoc IReceipts
  function anchor(bytes32 root, uint64 count, uint40 from, uint40 until) external {
    if (from >= until || until > block.timestamp) revert NotAPeriod(from, until);
    // INVARIANT I-56: one root for each second: who leaves a receipt out cannot show another root that has it.
    uint256 before = anchoredUntil[msg.sender];
    if (from < before) revert PeriodTaken(msg.sender, before);
    anchoredUntil[msg.sender] = until;
    emit Anchored(msg.sender, root, count, from, until);
  }
}

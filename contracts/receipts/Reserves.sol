// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {IReceipts} from "../interfaces/IReceipts.sol";
import {IVault} from "../interfaces/IVault.sol";
import {ParameterSet} from "../interfaces/Types.sol";

/// @notice What operators have locked behind their receipts.
/// @dev INVARIANT I-46: a reserve is locked wei of its operator in this court's vault: reserves, and bonds and deposits of games,
/// are all that is locked there.
abstract contract Reserves is IReceipts {
  /// @notice Seconds in which a receipt can be challenged.
  uint256 public constant VALIDITY = 7 days;

  address public immutable market;
  address public immutable vault;

  mapping(address operator => Reserve) internal _reserves;

  constructor(address market_, address vault_) {
    market = market_;
    vault = vault_;
  }

  /// @inheritdoc IReceipts
  function addReserve() external payable {
    _reserves[msg.sender].reserveWei += uint96(msg.value);
    emit ReserveAdded(msg.sender, msg.value);
    IVault(vault).credit{value: msg.value}(msg.sender);
    IVault(vault).lock(msg.sender, msg.value);
  }

  /// @inheritdoc IReceipts
  function announceLeaving(uint256 amountWei) external {
    Reserve storage reserve = _reserves[msg.sender];
    if (amountWei > reserve.reserveWei) revert ReserveTooSmall(msg.sender, reserve.reserveWei, amountWei);
    ParameterSet memory set = IInferenceMarket(market).parameters();
    // INVARIANT I-47: a reserve leaves only when every receipt that it covered has expired, and whatever began before is over.
    uint256 leavesAt = block.timestamp + VALIDITY + set.operatorClock + set.challengerClock;
    reserve.leavingWei = uint96(amountWei);
    reserve.leavesAt = uint40(leavesAt);
    emit ReserveLeaving(msg.sender, amountWei, leavesAt);
  }

  /// @inheritdoc IReceipts
  function withdrawReserve() external {
    Reserve storage reserve = _reserves[msg.sender];
    if (reserve.leavesAt == 0) revert NothingLeaves(msg.sender);
    if (block.timestamp < reserve.leavesAt) revert LeavesLater(msg.sender, reserve.leavesAt);
    if (reserve.live != 0 || reserve.head != reserve.tail)
      revert ReserveInUse(msg.sender, reserve.live, reserve.tail - reserve.head);
    // What was lost since it was announced cannot leave.
    uint96 amountWei = reserve.leavingWei < reserve.reserveWei ? reserve.leavingWei : reserve.reserveWei;
    reserve.reserveWei -= amountWei;
    reserve.leavingWei = 0;
    reserve.leavesAt = 0;
    emit ReserveWithdrawn(msg.sender, amountWei);
    IVault(vault).unlock(msg.sender, amountWei);
  }

  /// @inheritdoc IReceipts
  function coverOf(address operator) external view returns (uint256) {
    Reserve memory reserve = _reserves[operator];
    uint256 spokenFor = uint256(reserve.liveWei) + reserve.leavingWei;
    return reserve.reserveWei > spokenFor ? reserve.reserveWei - spokenFor : 0;
  }

  /// @inheritdoc IReceipts
  function reserveOf(address operator) external view returns (Reserve memory) {
    return _reserves[operator];
  }
}

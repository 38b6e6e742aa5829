// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IVault} from "../interfaces/IVault.sol";

/// @notice Time and money of a recurring request: a budget that anyone fills, from which each request's fee is paid and a tip for
/// whoever makes it. Nobody is appointed: the tip grows from the second in which a request is due.
/// @dev The budget is this contract's balance and its free wei in the vault, where refunds arrive.
/// @dev INVARIANT I-40: wei leaves as a request's fee, as the tip of that request, at most once per interval and bounded by the
/// terms, or to the owner; nothing else.
/// @dev Warning: the owner may take the budget but for what the next request may cost. Deposits are for its purposes.
abstract contract Recurring {
  /// @param interval Least seconds from one request to the next, from 1.
  /// @param endAt Last second in which a request is made, unix seconds; type(uint40).max: never.
  /// @param feeWei Fixed part of each request's fee, wei.
  /// @param feeGas Gas that the fee pays for besides, at the base fee of its block.
  /// @param maxFeeWei No request is made while its fee would be above this.
  /// @param minTipWei Tip in the second in which a request is due, wei.
  /// @param maxTipWei Tip from `tipSeconds` later on, wei; it grows linearly.
  /// @param tipSeconds Seconds in which the tip grows; 0: it is `maxTipWei` at once.
  struct Terms {
    uint32 interval;
    uint40 endAt;
    uint96 feeWei;
    uint32 feeGas;
    uint96 maxFeeWei;
    uint96 minTipWei;
    uint96 maxTipWei;
    uint32 tipSeconds;
  }

  /// @dev `dueAt` of what was cancelled.
  uint40 private constant NEVER = type(uint40).max;

  IVault public immutable vault;
  /// @notice Who may withdraw; 0: nobody, ever.
  address public immutable owner;
  uint32 public immutable interval;
  uint40 public immutable endAt;
  uint96 public immutable feeWei;
  uint32 public immutable feeGas;
  uint96 public immutable maxFeeWei;
  uint96 public immutable minTipWei;
  uint96 public immutable maxTipWei;
  uint32 public immutable tipSeconds;

  /// @notice First second in which the next request may be made, unix seconds.
  uint40 public dueAt;

  /// @param from The vault, if it was a refund.
  event Funded(address indexed from, uint256 amountWei);
  event Poked(address indexed caller, address indexed tipTo, uint256 feeWei, uint256 tipWei);
  event BudgetWithdrawn(address indexed to, uint256 amountWei);

  error IntervalIsZero();
  error TipsOutOfOrder(uint256 minTipWei, uint256 maxTipWei);
  error NotOwner(address caller);
  error NotDue(uint256 dueAt);
  error Ended(uint256 endAt);
  error FeeAboveMax(uint256 feeWei, uint256 maxFeeWei);
  error BudgetTooSmall(uint256 budgetWei, uint256 neededWei);
  error TransferFailed(address to, uint256 amountWei);

  constructor(IVault vault_, address owner_, Terms memory terms) {
    if (terms.interval == 0) revert IntervalIsZero();
    if (terms.minTipWei > terms.maxTipWei) revert TipsOutOfOrder(terms.minTipWei, terms.maxTipWei);
    vault = vault_;
    owner = owner_;
    interval = terms.interval;
    endAt = terms.endAt;
    feeWei = terms.feeWei;
    feeGas = terms.feeGas;
    maxFeeWei = terms.maxFeeWei;
    minTipWei = terms.minTipWei;
    maxTipWei = terms.maxTipWei;
    tipSeconds = terms.tipSeconds;
    dueAt = uint40(block.timestamp);
  }

  modifier onlyOwner() {
    if (msg.sender != owner) revert NotOwner(msg.sender);
    _;
  }

  /// @notice Adds to the budget.
  receive() external payable {
    emit Funded(msg.sender, msg.value);
  }

  /// @notice Makes the request that is due, and pays for making it. Anyone may call.
  /// @param tipTo Receives the tip; if it refuses, nothing has happened.
  /// @return tipWei The tip: of what the budget has after the fee, at least `minTipWei`.
  function poke(address tipTo) external returns (uint256 tipWei) {
    uint256 due = dueAt;
    if (block.timestamp < due) revert NotDue(due);
    if (block.timestamp > endAt) revert Ended(endAt);
    uint256 feeNowWei = feeNow();
    if (feeNowWei > maxFeeWei) revert FeeAboveMax(feeNowWei, maxFeeWei);
    tipWei = _tipAfter(block.timestamp - due);
    if (address(this).balance < feeNowWei + tipWei) collect();
    uint256 balanceWei = address(this).balance;
    if (balanceWei < feeNowWei + minTipWei) revert BudgetTooSmall(balanceWei, feeNowWei + minTipWei);
    // A tip that grew above what is left must not keep a budget from being spent.
    if (tipWei > balanceWei - feeNowWei) tipWei = balanceWei - feeNowWei;
    // INVARIANT I-41: from here on nothing is due, so neither the consumer nor the receiver of the tip can poke again.
    dueAt = uint40(block.timestamp + interval);
    emit Poked(msg.sender, tipTo, feeNowWei, tipWei);
    _ask(feeNowWei);
    _send(tipTo, tipWei);
  }

  /// @notice Takes refunds out of the vault into this contract's balance. Anyone may call; `poke` does when it needs them.
  function collect() public {
    uint256 freeWei = vault.accountOf(address(this)).freeWei;
    if (freeWei != 0) vault.withdraw(freeWei, address(this));
  }

  /// @notice Sends budget to `to`. Leaves what the next request may cost, until the end: a poke that was sent in good faith is
  /// paid for.
  function withdraw(uint256 amountWei, address to) external onlyOwner {
    collect();
    uint256 balanceWei = address(this).balance;
    uint256 neededWei = amountWei + promisedWei();
    if (balanceWei < neededWei) revert BudgetTooSmall(balanceWei, neededWei);
    emit BudgetWithdrawn(to, amountWei);
    _send(to, amountWei);
  }

  /// @notice Wei that requests and tips can be paid from: this contract's and its refunds in the vault. Fees of requests under
  /// way are with the market.
  function budgetWei() external view returns (uint256) {
    return address(this).balance + vault.accountOf(address(this)).freeWei;
  }

  /// @notice What the owner must leave, wei.
  function promisedWei() public view returns (uint256) {
    return hasEnded() ? 0 : uint256(maxFeeWei) + maxTipWei;
  }

  /// @notice Whether no request will be made any more.
  function hasEnded() public view returns (bool) {
    return block.timestamp > endAt || dueAt == NEVER;
  }

  /// @notice Fee of a request made in this block, wei; above `maxFeeWei` none is made.
  /// @dev Warning: a node that simulates a call without a gas price may take the base fee for 0.
  function feeNow() public view returns (uint256) {
    return feeWei + uint256(feeGas) * block.basefee;
  }

  /// @notice Tip of a poke in this block if the budget has it, wei; 0 while nothing is due.
  function tipNow() external view returns (uint256) {
    return block.timestamp < dueAt ? 0 : _tipAfter(block.timestamp - dueAt);
  }

  /// @dev Ends it for ever.
  function _cancel() internal {
    dueAt = NEVER;
  }

  function _send(address to, uint256 amountWei) internal {
    (bool success, ) = to.call{value: amountWei}("");
    if (!success) revert TransferFailed(to, amountWei);
  }

  /// @dev Rounded down.
  function _tipAfter(uint256 overdueSeconds) private view returns (uint256) {
    if (overdueSeconds >= tipSeconds) return maxTipWei;
    return minTipWei + (uint256(maxTipWei - minTipWei) * overdueSeconds) / tipSeconds;
  }

  /// @notice Makes the request, with this much of the balance as its fee.
  function _ask(uint256 feeNowWei) internal virtual;
}

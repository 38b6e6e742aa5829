// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Recurring} from "./Recurring.sol";
import {StoredBytes} from "./StoredBytes.sol";

/// @notice Calls a consumer again and again with the fee of a request: any consumer that has a payable function which makes one
/// (`OutputHashes.ask`, `DigitReader.read`), as it is. The consumer is the requester, so answers come to it from the market itself.
/// @dev Warning: refunds return to the budget if the consumer names its caller as `refundTo`, as those two do. What a consumer does
/// with the fee is its own affair: schedule only what you trust.
contract InferenceSchedule is Recurring {
  address public immutable consumer;
  address private immutable _call;

  event Cancelled(address indexed to, uint256 budgetWei);

  error ConsumerHasNoCode(address consumer);

  /// @param market_ The consumer's.
  /// @param owner_ May cancel; 0: nobody.
  /// @param call_ Calldata of every call, at most 24,575 bytes.
  constructor(
    IInferenceMarket market_,
    address owner_,
    Terms memory terms,
    address consumer_,
    bytes memory call_
  ) payable Recurring(IVault(market_.vault()), owner_, terms) {
    if (consumer_.code.length == 0) revert ConsumerHasNoCode(consumer_);
    consumer = consumer_;
    _call = StoredBytes.store(call_);
    if (msg.value != 0) emit Funded(msg.sender, msg.value);
  }

  /// @notice Ends the schedule and sends the whole budget to `to`. What is refunded later can be withdrawn.
  function cancel(address to) external onlyOwner {
    collect();
    _cancel();
    uint256 amountWei = address(this).balance;
    emit Cancelled(to, amountWei);
    _send(to, amountWei);
  }

  /// @notice Calldata of every call.
  function callData() external view returns (bytes memory) {
    return StoredBytes.load(_call);
  }

  /// @dev Reverts with the consumer's own error.
  function _ask(uint256 feeNowWei) internal override {
    (bool success, bytes memory reason) = consumer.call{value: feeNowWei}(StoredBytes.load(_call));
    if (success) return;
    assembly ("memory-safe") {
      revert(add(reason, 32), mload(reason))
    }
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IDeposits, Voucher} from "../interfaces/IDeposits.sol";

/// @title Deposits for inference over HTTP
/// @dev INVARIANT I-53: totals of vouchers count from the first deposit on and are never reset, so that no voucher is worth
/// anything twice.
contract Deposits is IDeposits, EIP712 {
  /// @notice Seconds that an operator has to redeem when a client leaves.
  uint256 public constant NOTICE = 3 days;
  bytes32 private constant VOUCHER_TYPE = keccak256(
    "Voucher(address client,address operator,uint96 totalWei,bytes32 order)"
  );

  mapping(address client => mapping(address operator => Account)) private _accounts;

  constructor() EIP712("Assay Deposits", "1") {}

  /// @inheritdoc IDeposits
  function deposit(address operator, address signer) external payable {
    Account storage account = _accounts[msg.sender][operator];
    // INVARIANT I-54: an account's signer never changes: no voucher loses its worth.
    if (account.signer == address(0) && signer != address(0)) account.signer = signer;
    if (account.signer != signer || signer == address(0)) revert SignerIs(account.signer);
    if (msg.value > type(uint96).max) revert AmountTooLarge(msg.value);
    account.depositWei += uint96(msg.value);
    account.leavesAt = 0;
    emit Funded(msg.sender, operator, signer, msg.value);
  }

  /// @inheritdoc IDeposits
  function announceLeaving(address operator) external {
    uint256 leavesAt = block.timestamp + NOTICE;
    _accounts[msg.sender][operator].leavesAt = uint40(leavesAt);
    emit Leaving(msg.sender, operator, leavesAt);
  }

  /// @inheritdoc IDeposits
  function withdraw(address operator, address to) external returns (uint256 amountWei) {
    Account storage account = _accounts[msg.sender][operator];
    if (account.leavesAt == 0) revert NotLeaving(msg.sender, operator);
    if (block.timestamp < account.leavesAt) revert LeavesLater(account.leavesAt);
    amountWei = account.depositWei - account.redeemedWei;
    account.depositWei = account.redeemedWei;
    account.leavesAt = 0;
    emit Returned(msg.sender, operator, amountWei);
    _send(to, amountWei);
  }

  /// @inheritdoc IDeposits
  function redeem(
    Voucher[] calldata vouchers,
    bytes[] calldata signatures,
    address to
  ) external returns (uint256 amountWei) {
    for (uint256 i = 0; i < vouchers.length; ++i) amountWei += _redeem(vouchers[i], signatures[i]);
    _send(to, amountWei);
  }

  /// @inheritdoc IDeposits
  function digestOf(Voucher calldata voucher) public view returns (bytes32) {
    return _hashTypedDataV4(keccak256(abi.encode(VOUCHER_TYPE, voucher)));
  }

  /// @inheritdoc IDeposits
  function accountOf(address client, address operator) external view returns (Account memory) {
    return _accounts[client][operator];
  }

  function _redeem(Voucher calldata voucher, bytes calldata signature) private returns (uint256 amountWei) {
    if (voucher.operator != msg.sender) revert NotYours(voucher.operator);
    Account storage account = _accounts[voucher.client][msg.sender];
    address signer = ECDSA.recoverCalldata(digestOf(voucher), signature);
    if (signer != account.signer) revert NotSigned(signer, account.signer);
    uint256 totalWei = voucher.totalWei < account.depositWei ? voucher.totalWei : account.depositWei;
    if (totalWei <= account.redeemedWei) return 0;
    amountWei = totalWei - account.redeemedWei;
    account.redeemedWei = uint96(totalWei);
    emit Redeemed(voucher.client, msg.sender, amountWei, totalWei);
  }

  function _send(address to, uint256 amountWei) private {
    (bool success, ) = to.call{value: amountWei}("");
    if (!success) revert TransferFailed(to, amountWei);
  }
}

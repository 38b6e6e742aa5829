// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice What a client owes an operator for all that it ever bought: each voucher replaces the one before (EIP-712, signed by the
/// account's signer).
/// @param totalWei Of all inferences so far; never falls.
/// @param order What it was signed for, by its digest: one signature orders and pays. Not read here.
struct Voucher {
  address client;
  address operator;
  uint96 totalWei;
  bytes32 order;
}

/// @notice Clients' deposits, one for each operator, and what operators have redeemed of them.
/// @dev The balance is the sum of all deposits that were neither redeemed nor withdrawn.
interface IDeposits {
  /// @param depositWei Ever paid in, less what was withdrawn.
  /// @param redeemedWei Of that.
  /// @param leavesAt From then on the client can withdraw, unix seconds; 0: it has not announced that.
  /// @param signer Signs vouchers.
  struct Account {
    uint96 depositWei;
    uint96 redeemedWei;
    uint40 leavesAt;
    address signer;
  }

  event Funded(address indexed client, address indexed operator, address signer, uint256 amountWei);
  event Redeemed(address indexed client, address indexed operator, uint256 amountWei, uint256 totalWei);
  event Leaving(address indexed client, address indexed operator, uint256 leavesAt);
  event Returned(address indexed client, address indexed operator, uint256 amountWei);

  error SignerIs(address signer);
  error NotSigned(address signer, address expected);
  error NotYours(address operator);
  error AmountTooLarge(uint256 amountWei);
  error NotLeaving(address client, address operator);
  error LeavesLater(uint256 leavesAt);
  error TransferFailed(address to, uint256 amountWei);

  /// @notice Adds the value sent to the caller's deposit for an operator; takes back an announced leaving.
  /// @param signer Whose vouchers spend it, for ever; the caller itself, or a key of its own.
  function deposit(address operator, address signer) external payable;

  /// @notice Announces that the caller leaves; the operator has `NOTICE` seconds to redeem.
  function announceLeaving(address operator) external;

  /// @notice Sends what is left of the caller's deposit, after its notice.
  function withdraw(address operator, address to) external returns (uint256 amountWei);

  /// @notice Operator: sends what vouchers say, less what was redeemed before and no more than each deposit holds.
  function redeem(
    Voucher[] calldata vouchers,
    bytes[] calldata signatures,
    address to
  ) external returns (uint256 amountWei);

  /// @notice EIP-712 digest that a client's signer signs.
  function digestOf(Voucher calldata voucher) external view returns (bytes32 digest);
  function accountOf(address client, address operator) external view returns (Account memory account);
}

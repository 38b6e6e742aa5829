// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IReceipts, Receipt} from "../interfaces/IReceipts.sol";

/// @notice Keys that sign receipts, and what they sign.
/// @dev INVARIANT I-43: raw ECDSA only: with a contract's own rule (EIP-1271) an operator could take its signature back.
abstract contract Keys is IReceipts, EIP712 {
  /// @dev Of a key that its operator has not revoked.
  uint40 private constant NEVER = type(uint40).max;
  /// @notice Seconds from a revocation to its effect, in which clients learn of it.
  uint256 public constant KEY_NOTICE = 1 hours;
  bytes32 private constant RECEIPT_TYPE = keccak256(
    "Receipt(bytes32 requestHash,bytes32 releaseId,bytes32 inputsRoot,bytes32 outputHash,address operator,uint40 issuedAt,uint8 bondClass)"
  );
  bytes32 private constant KEY_TYPE = keccak256("Key(address operator)");

  struct Key {
    address operator;
    uint40 until;
  }

  mapping(address key => Key) private _keys;

  constructor() EIP712("Assay Receipts", "1") {}

  /// @inheritdoc IReceipts
  function addKey(address key, bytes calldata proof) external {
    // INVARIANT I-44: the key itself has agreed, and has one operator for ever, so that nobody is bound by another's receipts.
    if (_keys[key].operator != address(0)) revert KeyTaken(key, _keys[key].operator);
    if (ECDSA.recoverCalldata(keyDigestOf(msg.sender), proof) != key) revert KeyNotYours(key, msg.sender);
    _keys[key] = Key(msg.sender, NEVER);
    emit KeyAdded(msg.sender, key);
  }

  /// @inheritdoc IReceipts
  function revokeKey(address key) external {
    if (_keys[key].operator != msg.sender || _keys[key].until != NEVER) revert KeyNotYours(key, _keys[key].operator);
    uint256 until = block.timestamp + KEY_NOTICE;
    _keys[key].until = uint40(until);
    emit KeyRevoked(msg.sender, key, until);
  }

  /// @inheritdoc IReceipts
  function keyOf(address key) external view returns (address operator, uint256 until) {
    return (_keys[key].operator, _keys[key].until);
  }

  /// @inheritdoc IReceipts
  function digestOf(Receipt calldata receipt) public view returns (bytes32) {
    return _hashTypedDataV4(keccak256(abi.encode(RECEIPT_TYPE, receipt)));
  }

  /// @inheritdoc IReceipts
  function keyDigestOf(address operator) public view returns (bytes32) {
    return _hashTypedDataV4(keccak256(abi.encode(KEY_TYPE, operator)));
  }

  /// @dev INVARIANT I-45: a revoked key stays liable for what it issued before.
  function _requireSigned(Receipt calldata receipt, bytes32 digest, bytes calldata signature) internal view {
    address key = ECDSA.recoverCalldata(digest, signature);
    Key memory known = _keys[key];
    if (known.operator != receipt.operator || known.operator == address(0) || receipt.issuedAt > known.until)
      revert KeyIsNotGood(key, receipt.operator, receipt.issuedAt);
  }
}

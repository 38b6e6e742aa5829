// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IVault} from "../interfaces/IVault.sol";

/// @title The vault
/// @dev INVARIANT I-3: the balance is the sum of free, locked, royalty, protocol and burned wei. Every function below moves
/// wei between those five, or in or out together with the same amount of ETH.
/// @dev INVARIANT I-4: registry, market, game and treasury are immutable; there is no owner and no role.
contract Vault is IVault {
  struct ModelAccount {
    uint128 royaltyWei;
    uint128 protocolFeeWei;
  }

  address public immutable registry;
  address public immutable market;
  address public immutable game;
  address public immutable treasury;

  mapping(address => Account) private _accounts;
  mapping(uint256 modelId => ModelAccount) private _models;
  /// @inheritdoc IVault
  uint256 public burnedWei;

  modifier onlyMarket() {
    if (msg.sender != market) revert NotMarket(msg.sender);
    _;
  }

  modifier onlyGame() {
    if (msg.sender != game) revert NotGame(msg.sender);
    _;
  }

  constructor(address registry_, address market_, address game_, address treasury_) {
    if (treasury_ == address(0)) revert TreasuryUnset();
    registry = registry_;
    market = market_;
    game = game_;
    treasury = treasury_;
  }

  /// @inheritdoc IVault
  function deposit() external payable {
    Account storage account = _accounts[msg.sender];
    account.freeWei += _toUint96(msg.value);
    // INVARIANT I-5: only an account's own deposit restarts its `activeSince`; a stranger's credit cannot.
    account.activeSince = uint64(block.timestamp);
    emit Deposited(msg.sender, msg.value);
  }

  /// @inheritdoc IVault
  function withdraw(uint256 amountWei, address to) external {
    // INVARIANT I-6: wei leaves only from free wei, at its owner's call (royalty: at the call of the token's owner).
    Account memory account = _accounts[msg.sender];
    _subFree(account, msg.sender, amountWei);
    _accounts[msg.sender] = account;
    emit Withdrawn(msg.sender, to, amountWei);
    _send(to, amountWei);
  }

  /// @inheritdoc IVault
  function withdrawRoyalty(uint256 modelId, address to) external returns (uint256 amountWei) {
    if (IERC721(registry).ownerOf(modelId) != msg.sender) revert NotModelOwner(modelId, msg.sender);
    amountWei = _models[modelId].royaltyWei;
    _models[modelId].royaltyWei = 0;
    emit RoyaltyWithdrawn(modelId, to, amountWei);
    _send(to, amountWei);
  }

  /// @inheritdoc IVault
  function collectProtocolFees(uint256[] calldata modelIds) external returns (uint256 amountWei) {
    for (uint256 i = 0; i < modelIds.length; ++i) {
      uint256 feeWei = _models[modelIds[i]].protocolFeeWei;
      _models[modelIds[i]].protocolFeeWei = 0;
      amountWei += feeWei;
      emit ProtocolFeeCollected(modelIds[i], feeWei);
    }
    _accounts[treasury].freeWei += _toUint96(amountWei);
    emit Credited(treasury, amountWei);
  }

  /// @inheritdoc IVault
  function lock(address owner, uint256 amountWei) external returns (uint256 stakeWei, uint256 activeSince) {
    if (msg.sender != market && msg.sender != game) revert NotMarketOrGame(msg.sender);
    Account memory account = _accounts[owner];
    stakeWei = uint256(account.freeWei) + account.lockedWei;
    activeSince = account.activeSince;
    _subFree(account, owner, amountWei);
    account.lockedWei += uint96(amountWei);
    _accounts[owner] = account;
  }

  /// @inheritdoc IVault
  function settle(
    address operator,
    uint256 bondWei,
    uint256 modelId,
    uint256 royaltyWei,
    uint256 protocolFeeWei
  ) external payable onlyMarket {
    uint256 earnedWei = msg.value - royaltyWei - protocolFeeWei;
    Account memory account = _accounts[operator];
    _subLocked(account, operator, bondWei);
    account.freeWei += _toUint96(bondWei + earnedWei);
    _accounts[operator] = account;
    if (royaltyWei + protocolFeeWei != 0) {
      ModelAccount memory model = _models[modelId];
      model.royaltyWei += _toUint96(royaltyWei);
      model.protocolFeeWei += _toUint96(protocolFeeWei);
      _models[modelId] = model;
    }
    emit Settled(operator, modelId, earnedWei, royaltyWei, protocolFeeWei);
  }

  /// @inheritdoc IVault
  function credit(address account) external payable onlyMarket {
    _accounts[account].freeWei += _toUint96(msg.value);
    emit Credited(account, msg.value);
  }

  /// @inheritdoc IVault
  function unlock(address account, uint256 amountWei) external {
    if (msg.sender != market && msg.sender != game) revert NotMarketOrGame(msg.sender);
    _takeLocked(account, amountWei);
    _accounts[account].freeWei += uint96(amountWei);
    emit Unlocked(account, amountWei);
  }

  /// @inheritdoc IVault
  function forfeit(address from, address to, uint256 amountWei) external onlyGame {
    _takeLocked(from, amountWei);
    _accounts[to].freeWei += uint96(amountWei);
    emit Forfeited(from, to, amountWei);
  }

  /// @inheritdoc IVault
  function burn(address from, uint256 amountWei) external onlyGame {
    _takeLocked(from, amountWei);
    // INVARIANT I-7: burned wei only grows and nothing pays it out.
    burnedWei += amountWei;
    emit Burned(from, amountWei);
  }

  /// @inheritdoc IVault
  function accountOf(address account) external view returns (Account memory) {
    return _accounts[account];
  }

  /// @inheritdoc IVault
  function royaltyOf(uint256 modelId) external view returns (uint256) {
    return _models[modelId].royaltyWei;
  }

  /// @inheritdoc IVault
  function protocolFeeOf(uint256 modelId) external view returns (uint256) {
    return _models[modelId].protocolFeeWei;
  }

  /// @dev After this, `amountWei` is known to fit in 96 bits.
  function _subFree(Account memory account, address owner, uint256 amountWei) private pure {
    uint256 freeWei = account.freeWei;
    if (amountWei > freeWei) revert InsufficientFree(owner, freeWei, amountWei);
    account.freeWei = uint96(freeWei - amountWei);
  }

  function _takeLocked(address owner, uint256 amountWei) private {
    Account memory account = _accounts[owner];
    _subLocked(account, owner, amountWei);
    _accounts[owner] = account;
  }

  /// @dev After this, `amountWei` is known to fit in 96 bits.
  function _subLocked(Account memory account, address owner, uint256 amountWei) private pure {
    uint256 lockedWei = account.lockedWei;
    if (amountWei > lockedWei) revert InsufficientLocked(owner, lockedWei, amountWei);
    account.lockedWei = uint96(lockedWei - amountWei);
  }

  function _toUint96(uint256 amountWei) private pure returns (uint96) {
    if (amountWei > type(uint96).max) revert AmountTooLarge(amountWei);
    return uint96(amountWei);
  }

  function _send(address to, uint256 amountWei) private {
    (bool success, ) = to.call{value: amountWei}("");
    if (!success) revert TransferFailed(to, amountWei);
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice ETH of every operator, verifier, requester and model, as ledger entries.
/// @dev The balance is the sum of all free, locked, royalty, protocol and burned wei. (Fees of unfinished requests are held by
/// the market until they are settled here.) Warning: nobody, whatever its role, can move another account's wei but the
/// market and the game that were fixed at construction, by their rules.
interface IVault {
  /// @param freeWei Can be withdrawn or locked.
  /// @param lockedWei Bonds and deposits of answers and games that have not been settled.
  /// @param activeSince Time of the account's last own deposit, unix seconds.
  struct Account {
    uint96 freeWei;
    uint96 lockedWei;
    uint64 activeSince;
  }

  event Deposited(address indexed account, uint256 amountWei);
  event Withdrawn(address indexed account, address indexed to, uint256 amountWei);
  event RoyaltyWithdrawn(uint256 indexed modelId, address indexed to, uint256 amountWei);
  event ProtocolFeeCollected(uint256 indexed modelId, uint256 amountWei);
  event Unlocked(address indexed account, uint256 amountWei);
  event Credited(address indexed account, uint256 amountWei);
  /// @notice Locked wei of one account became free wei of another.
  event Forfeited(address indexed from, address indexed to, uint256 amountWei);
  event Burned(address indexed from, uint256 amountWei);
  /// @notice A bond was unlocked and a fee shared out.
  event Settled(
    address indexed operator,
    uint256 indexed modelId,
    uint256 earnedWei,
    uint256 royaltyWei,
    uint256 protocolFeeWei
  );

  error NotMarket(address caller);
  error NotGame(address caller);
  error NotMarketOrGame(address caller);
  error NotModelOwner(uint256 modelId, address caller);
  error InsufficientFree(address account, uint256 freeWei, uint256 neededWei);
  error InsufficientLocked(address account, uint256 lockedWei, uint256 neededWei);
  error AmountTooLarge(uint256 amountWei);
  error TransferFailed(address to, uint256 amountWei);
  error TreasuryUnset();

  /// @notice Adds the value sent to the caller's free wei and restarts its `activeSince`.
  function deposit() external payable;

  /// @notice Sends free wei of the caller to `to`.
  function withdraw(uint256 amountWei, address to) external;

  /// @notice Sends all royalty of a model that the caller owns to `to`.
  function withdrawRoyalty(uint256 modelId, address to) external returns (uint256 amountWei);

  /// @notice Moves the protocol fees collected with these models to the treasury's free wei. Anyone may call.
  function collectProtocolFees(uint256[] calldata modelIds) external returns (uint256 amountWei);

  /// @notice Market or game: locks free wei.
  /// @return stakeWei Free and locked wei of the account.
  /// @return activeSince Time of its last own deposit.
  function lock(address account, uint256 amountWei) external returns (uint256 stakeWei, uint256 activeSince);

  /// @notice Market: unlocks the bond of an operator whose answer became final and shares out the fee, which is sent along.
  function settle(
    address operator,
    uint256 bondWei,
    uint256 modelId,
    uint256 royaltyWei,
    uint256 protocolFeeWei
  ) external payable;

  /// @notice Market: adds the value sent to an account's free wei.
  function credit(address account) external payable;

  /// @notice Market or game: locked wei of an account becomes free again.
  function unlock(address account, uint256 amountWei) external;

  /// @notice Game: locked wei of `from` becomes free wei of `to`.
  function forfeit(address from, address to, uint256 amountWei) external;

  /// @notice Game: locked wei of `from` is burned; it stays in the vault for ever.
  function burn(address from, uint256 amountWei) external;

  function accountOf(address account) external view returns (Account memory);
  function royaltyOf(uint256 modelId) external view returns (uint256 amountWei);
  function protocolFeeOf(uint256 modelId) external view returns (uint256 amountWei);
  function burnedWei() external view returns (uint256);
  function registry() external view returns (address);
  function market() external view returns (address);
  function game() external view returns (address);
  function treasury() external view returns (address);
}

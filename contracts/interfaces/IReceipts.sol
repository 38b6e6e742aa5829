// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICourt} from "./ICourt.sol";
import {Claim, Parameters, Release, ReleaseId, RequestId} from "./Types.sol";

/// @notice An operator's promise, signed with one of its keys (EIP-712), that a release gives this output for this input.
/// @param requestHash EIP-712 hash of the client's signed request; nothing on chain reads it.
/// @param inputsRoot sha256 root of the inputs (docs/program.md §7), which client and operator both computed.
/// @param outputHash keccak256 of the output blob.
/// @param operator Whose reserve stands behind it.
/// @param issuedAt Unix seconds; it can be challenged for `IReceipts.VALIDITY` seconds from then.
/// @param bondClass A challenger can win shares of `IReceipts.bondOf(bondClass)` wei.
struct Receipt {
  bytes32 requestHash;
  ReleaseId releaseId;
  bytes32 inputsRoot;
  bytes32 outputHash;
  address operator;
  uint40 issuedAt;
  uint8 bondClass;
}

/// @notice The court for answers that were given off chain: who holds a receipt can have it judged like an answer on chain, by
/// the same game and referee.
/// @dev Warning: receipts deter, they do not compensate; one reserve stands behind many. See `coverOf`.
interface IReceipts is ICourt {
  /// @param reserveWei Locked in the vault for this.
  /// @param liveWei Bonds of the receipts on trial.
  /// @param leavingWei Announced as leaving.
  /// @param leavesAt From then on, if nothing is on trial or waits, unix seconds; 0: nothing leaves.
  /// @param live Receipts on trial.
  /// @param head Number of the challenge that is next.
  /// @param tail Number that the next one to wait gets.
  struct Reserve {
    uint96 reserveWei;
    uint96 liveWei;
    uint32 live;
    uint96 leavingWei;
    uint40 leavesAt;
    uint32 head;
    uint32 tail;
  }

  event KeyAdded(address indexed operator, address indexed key);
  /// @param until Receipts issued until then are good, unix seconds.
  event KeyRevoked(address indexed operator, address indexed key, uint256 until);
  event ReserveAdded(address indexed operator, uint256 amountWei);
  event ReserveLeaving(address indexed operator, uint256 amountWei, uint256 leavesAt);
  event ReserveWithdrawn(address indexed operator, uint256 amountWei);
  /// @param claim As the game's functions take it.
  event ReceiptOnTrial(RequestId indexed requestId, address indexed operator, Receipt receipt, Claim claim);
  event ChallengeQueued(
    RequestId indexed requestId,
    address indexed operator,
    address indexed challenger,
    uint256 number,
    uint256 bondWei,
    Receipt receipt,
    Release release
  );
  /// @param begun False: it came to nothing, and the bond is free again.
  event ChallengeDequeued(address indexed operator, uint256 number, bool begun);
  /// @notice All receipts that the operator issued from `from` until before `until`, unix seconds: the root (docs/program.md §7) of
  /// their digests, by the time of issue.
  event Anchored(address indexed operator, bytes32 indexed root, uint256 count, uint256 from, uint256 until);

  error ReleaseIsNot(ReleaseId releaseId);
  error BondClassTooHigh(uint256 bondClass, uint256 max);
  error KeyTaken(address key, address operator);
  error KeyNotYours(address key, address operator);
  error KeyIsNotGood(address key, address operator, uint256 issuedAt);
  error ReceiptExpired(uint256 expiredAt);
  error ReserveTooSmall(address operator, uint256 freeWei, uint256 neededWei);
  error NothingLeaves(address operator);
  error LeavesLater(address operator, uint256 leavesAt);
  error ReserveInUse(address operator, uint256 live, uint256 waiting);
  error NotAPeriod(uint256 from, uint256 until);
  error PeriodTaken(address operator, uint256 anchoredUntil);
  error NotNext(address operator, uint256 number);
  error NoRoom(address operator, uint256 live);

  /// @notice The caller will be bound by receipts that this key signs. A key has one operator for ever.
  /// @param proof The key's signature of `keyDigestOf(caller)`.
  function addKey(address key, bytes calldata proof) external;

  /// @notice The caller is not bound by receipts that this key signs for times later than `KEY_NOTICE` seconds from now.
  function revokeKey(address key) external;

  /// @notice Adds the value sent to the caller's reserve.
  function addReserve() external payable;

  /// @notice Announces that this much of the reserve leaves once every receipt issued until now has expired and been judged;
  /// replaces what was announced before. From now on it covers nothing.
  function announceLeaving(uint256 amountWei) external;

  /// @notice Makes what was announced free in the vault.
  function withdrawReserve() external;

  /// @notice Opens the caller's game against a receipt, or has it wait while `MAX_LIVE` of the operator's are on trial; locks the
  /// game's bond from the caller's free wei in this court's vault. What waits does not expire.
  /// @param signature Of `digestOf(receipt)` by one of the operator's keys.
  function challenge(
    Receipt calldata receipt,
    Release calldata release,
    bytes calldata signature
  ) external returns (bool begun);

  /// @notice Begins the game that has waited longest, or drops it if it can no longer win anything. Anyone may call.
  /// @param bondWei As it was queued.
  function dequeue(
    Receipt calldata receipt,
    Release calldata release,
    address challenger,
    uint256 bondWei
  ) external returns (bool begun);

  /// @notice Publishes the root of a Merkle tree over the digests of all receipts that the caller issued from `from` until before
  /// `until`: a period that is over, and no part of one that it has anchored. Unix seconds.
  function anchor(bytes32 root, uint64 count, uint40 from, uint40 until) external;

  /// @notice EIP-712 digest that an operator's key signs.
  function digestOf(Receipt calldata receipt) external view returns (bytes32 digest);
  function keyDigestOf(address operator) external view returns (bytes32 digest);

  /// @notice The receipt as the game's functions take it.
  function claimOf(Receipt calldata receipt, Release calldata release) external view returns (Claim memory claim);

  /// @notice What stands behind the next receipt of this operator if nothing is judged before, wei.
  function coverOf(address operator) external view returns (uint256 coverWei);
  function reserveOf(address operator) external view returns (Reserve memory reserve);

  /// @return until End of the operator's newest anchored period, unix seconds; 0: none.
  function anchoredUntil(address operator) external view returns (uint256 until);

  /// @return operator 0 if nobody has registered it.
  /// @return until Last second for which it can issue receipts, unix seconds; type(uint40).max while it is not revoked.
  function keyOf(address key) external view returns (address operator, uint256 until);
  function bondOf(uint256 bondClass) external pure returns (uint256 bondWei);
  function parametersOf(bytes32 digest) external view returns (Parameters parameters);
  function market() external view returns (address);
  function vault() external view returns (address);
  function game() external view returns (address);
}

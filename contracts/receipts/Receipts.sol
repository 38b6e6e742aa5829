// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICourt} from "../interfaces/ICourt.sol";
import {IDisputeGame} from "../interfaces/IDisputeGame.sol";
import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {IReceipts, Receipt} from "../interfaces/IReceipts.sol";
import {IVault} from "../interfaces/IVault.sol";
import {
  Claim,
  Parameters,
  Release,
  ReleaseId,
  ReleaseTerms,
  Request,
  RequestId,
  RequestState,
  ResultId
} from "../interfaces/Types.sol";
import {Ids} from "../market/Ids.sol";
import {Anchors} from "./Anchors.sol";
import {Keys} from "./Keys.sol";
import {Reserves} from "./Reserves.sol";

/// @title The court for receipts
/// @dev A receipt on trial is a request of this contract's own, answered by its operator; the receipt's digest stands where the
/// hash of an input stands. Game and vault are further instances of the market's, with this contract as their court.
contract Receipts is Anchors, Keys, Reserves {
  /// @notice Receipts of one operator that can be on trial at once.
  uint256 public constant MAX_LIVE = 8;
  uint256 public constant MAX_BOND_CLASS = 24;
  uint256 private constant LEAST_BOND = 0.001 ether;

  /// @param games Open games.
  /// @param waiting Challenges in the queue.
  struct Trial {
    address operator;
    uint40 endsAt;
    uint8 bondClass;
    bool overturned;
    uint32 games;
    uint32 waiting;
    ResultId resultId;
  }

  address public immutable game;

  mapping(RequestId => Trial) private _trials;
  /// @inheritdoc IReceipts
  mapping(bytes32 digest => Parameters) public parametersOf;
  mapping(address operator => mapping(uint256 number => bytes32)) private _queue;
  /// @dev The request whose game this contract is opening.
  bytes32 private transient _opening;

  modifier onlyGame() {
    if (msg.sender != game) revert NotGame(msg.sender);
    _;
  }

  constructor(address market_, address vault_, address game_) Reserves(market_, vault_) {
    game = game_;
  }

  /// @inheritdoc IReceipts
  function challenge(
    Receipt calldata receipt,
    Release calldata release,
    bytes calldata signature
  ) external returns (bool begun) {
    bytes32 digest = digestOf(receipt);
    _requireSigned(receipt, digest, signature);
    uint256 endsAt = uint256(receipt.issuedAt) + VALIDITY;
    if (block.timestamp >= endsAt) revert ReceiptExpired(endsAt);
    if (receipt.bondClass > MAX_BOND_CLASS) revert BondClassTooHigh(receipt.bondClass, MAX_BOND_CLASS);
    // INVARIANT I-48: a receipt is one request for ever: parameters that change later cannot make it another.
    if (Parameters.unwrap(parametersOf[digest]) == 0)
      parametersOf[digest] = IInferenceMarket(market).packedParameters();
    (Claim memory claim, RequestId requestId) = _claim(receipt, release, digest);
    Trial storage trial = _trials[requestId];
    if (trial.overturned) revert StateIs(requestId, RequestState.Overturned);
    if (trial.operator == address(0)) {
      trial.operator = receipt.operator;
      trial.endsAt = uint40(endsAt);
      trial.bondClass = receipt.bondClass;
      trial.resultId = Ids.resultId(requestId, receipt.operator, receipt.outputHash);
    }
    (uint256 bondWei, ) = IDisputeGame(game).stakesNow(claim.request);
    IVault(vault).lock(msg.sender, bondWei);
    Reserve storage reserve = _reserves[receipt.operator];
    bool first = reserve.head == reserve.tail;
    if (trial.games != 0 || (first && _hasRoom(reserve, trial))) {
      _begin(receipt, claim, requestId, msg.sender, bondWei);
      return true;
    }
    // With nothing on trial and nothing waiting, only the reserve can be in the way, and waiting would not help.
    if (reserve.live == 0 && first)
      revert ReserveTooSmall(receipt.operator, reserve.reserveWei, bondOf(receipt.bondClass));
    uint256 number = reserve.tail++;
    ++trial.waiting;
    _queue[receipt.operator][number] = keccak256(abi.encode(digest, msg.sender, bondWei));
    emit ChallengeQueued(requestId, receipt.operator, msg.sender, number, bondWei, receipt, release);
  }

  /// @inheritdoc IReceipts
  function dequeue(
    Receipt calldata receipt,
    Release calldata release,
    address challenger,
    uint256 bondWei
  ) external returns (bool begun) {
    bytes32 digest = digestOf(receipt);
    Reserve storage reserve = _reserves[receipt.operator];
    uint256 number = reserve.head;
    if (_queue[receipt.operator][number] != keccak256(abi.encode(digest, challenger, bondWei)))
      revert NotNext(receipt.operator, number);
    (Claim memory claim, RequestId requestId) = _claim(receipt, release, digest);
    Trial storage trial = _trials[requestId];
    // INVARIANT I-49: what waited is judged, however long it waited, unless its receipt was overturned, the challenger is already
    // in the trial, or nothing is left to win.
    begun = !trial.overturned && !_hasEntered(trial.resultId, challenger);
    if (begun && trial.games == 0 && !_hasRoom(reserve, trial)) {
      if (reserve.live != 0) revert NoRoom(receipt.operator, reserve.live);
      begun = false;
    }
    delete _queue[receipt.operator][number];
    ++reserve.head;
    --trial.waiting;
    emit ChallengeDequeued(receipt.operator, number, begun);
    if (begun) _begin(receipt, claim, requestId, challenger, bondWei);
    else IVault(vault).unlock(challenger, bondWei);
  }

  /// @inheritdoc ICourt
  function openGame(RequestId requestId, ResultId resultId) external onlyGame {
    Trial storage trial = _requireUndecided(requestId, resultId);
    // Who has no game from this contract can still enter a trial that is on.
    if (_opening != RequestId.unwrap(requestId)) {
      if (trial.games == 0) revert StateIs(requestId, RequestState.None);
      if (block.timestamp >= trial.endsAt) revert WindowClosed(requestId, trial.endsAt);
    }
    if (trial.games++ == 0) {
      Reserve storage reserve = _reserves[trial.operator];
      ++reserve.live;
      reserve.liveWei += uint96(bondOf(trial.bondClass));
    }
    emit GameOpened(requestId, resultId, trial.games);
  }

  /// @inheritdoc ICourt
  function closeGame(RequestId requestId, ResultId resultId) external onlyGame {
    Trial storage trial = _requireUndecided(requestId, resultId);
    // INVARIANT I-50: a trial that all challengers lost can be begun again until the receipt expires: losing to oneself protects
    // no receipt.
    if (--trial.games == 0) _leave(trial);
    emit GameClosed(requestId, resultId, trial.games);
  }

  /// @inheritdoc ICourt
  function overturn(RequestId requestId, ResultId resultId) external onlyGame {
    Trial storage trial = _requireUndecided(requestId, resultId);
    if (trial.games == 0) revert StateIs(requestId, RequestState.None);
    trial.overturned = true;
    _leave(trial);
    // INVARIANT I-51: the bond of an overturned receipt has left the reserve; the game pays it out and burns the rest.
    _reserves[trial.operator].reserveWei -= uint96(bondOf(trial.bondClass));
    emit Overturned(requestId, resultId);
  }

  /// @inheritdoc ICourt
  function statusOf(RequestId requestId) external view returns (RequestState, uint256, uint256, bytes24) {
    Trial memory trial = _trials[requestId];
    return (_stateOf(trial), trial.endsAt, trial.games, bytes24(ResultId.unwrap(trial.resultId)));
  }

  /// @inheritdoc IReceipts
  function claimOf(Receipt calldata receipt, Release calldata release) external view returns (Claim memory claim) {
    (claim, ) = _claim(receipt, release, digestOf(receipt));
  }

  /// @inheritdoc IReceipts
  function bondOf(uint256 bondClass) public pure returns (uint256) {
    return LEAST_BOND << bondClass;
  }

  function _begin(
    Receipt calldata receipt,
    Claim memory claim,
    RequestId requestId,
    address challenger,
    uint256 bondWei
  ) private {
    emit ReceiptOnTrial(requestId, receipt.operator, receipt, claim);
    _opening = RequestId.unwrap(requestId);
    IDisputeGame(game).challengeFor(claim, challenger, bondWei, receipt.inputsRoot);
    _opening = 0;
  }

  /// @dev The receipt is no longer on trial.
  function _leave(Trial storage trial) private {
    Reserve storage reserve = _reserves[trial.operator];
    --reserve.live;
    reserve.liveWei -= uint96(bondOf(trial.bondClass));
  }

  function _requireUndecided(RequestId requestId, ResultId resultId) private view returns (Trial storage trial) {
    trial = _trials[requestId];
    if (trial.overturned) revert StateIs(requestId, RequestState.Overturned);
    if (ResultId.unwrap(trial.resultId) != ResultId.unwrap(resultId)) revert NotTheAnswer(requestId, resultId);
  }

  /// @dev INVARIANT I-52: bonds of what is on trial never exceed the reserve, and at most MAX_LIVE receipts are on trial.
  function _hasRoom(Reserve memory reserve, Trial memory trial) private pure returns (bool) {
    return reserve.live < MAX_LIVE && reserve.reserveWei - reserve.liveWei >= bondOf(trial.bondClass);
  }

  function _hasEntered(ResultId resultId, address challenger) private view returns (bool) {
    IDisputeGame disputes = IDisputeGame(game);
    return disputes.gameOf(disputes.disputeIdOf(resultId, challenger)).state != IDisputeGame.GameState.None;
  }

  function _stateOf(Trial memory trial) private view returns (RequestState) {
    if (trial.operator == address(0)) return RequestState.None;
    if (trial.overturned) return RequestState.Overturned;
    bool over = trial.games == 0 && trial.waiting == 0 && block.timestamp >= trial.endsAt;
    return over ? RequestState.Final : RequestState.Answered;
  }

  function _claim(
    Receipt calldata receipt,
    Release calldata release,
    bytes32 digest
  ) private view returns (Claim memory claim, RequestId requestId) {
    if (keccak256(abi.encode(release)) != ReleaseId.unwrap(receipt.releaseId)) revert ReleaseIsNot(receipt.releaseId);
    claim.request = Request({
      requester: address(0),
      nonce: 0,
      releaseId: receipt.releaseId,
      inputHash: digest,
      fee: 0,
      bond: uint96(bondOf(receipt.bondClass)),
      requestedAt: receipt.issuedAt,
      deadline: receipt.issuedAt,
      windowSeconds: uint32(VALIDITY),
      operator: receipt.operator,
      callbackGas: 0,
      refundTo: address(0),
      terms: ReleaseTerms.wrap(0),
      parameters: parametersOf[digest]
    });
    claim.release = release;
    claim.operator = receipt.operator;
    claim.outputHash = receipt.outputHash;
    requestId = Ids.requestIdOfMemory(claim.request, address(this));
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICourt} from "../interfaces/ICourt.sol";
import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IVault} from "../interfaces/IVault.sol";
import {
  Ask,
  Parameters,
  ParameterSet,
  ReleaseId,
  ReleaseTerms,
  Request,
  RequestId,
  RequestState,
  ResultId
} from "../interfaces/Types.sol";
import {ReleaseTermsLib} from "../registry/ReleaseTerms.sol";
import {Callback} from "./Callback.sol";
import {Governed} from "./Governed.sol";
import {Ids} from "./Ids.sol";
import {ParametersLib} from "./Parameters.sol";
import {Sortition} from "./Sortition.sol";
import {Status, StatusLib} from "./Status.sol";

/// @title The inference market
/// @dev INVARIANT I-11: the market's balance is the sum of the fees of requests that are Requested, Answered or Overturned.
contract InferenceMarket is Governed {
  using ParametersLib for Parameters;
  using ReleaseTermsLib for ReleaseTerms;
  using StatusLib for Status;

  uint256 private constant BPS = 10_000;
  /// @dev A result's worst dispute is covered this many times by the first challenger's share of the bond.
  uint256 private constant DISPUTE_COVER = 2;
  /// @dev The first challenger's share is a quarter of the bond.
  uint256 private constant FIRST_SHARE_DIVISOR = 4;
  /// @dev With its reserve it fits any block and any transaction (gas).
  uint256 public constant MAX_CALLBACK_GAS = 5_000_000;

  address public immutable registry;
  address public immutable vault;
  address public immutable game;

  mapping(RequestId => Status) private _status;

  modifier onlyGame() {
    if (msg.sender != game) revert NotGame(msg.sender);
    _;
  }

  /// @param floorSeconds_ Least challenge window and clock that parameters may ever set, seconds: more than this chain's
  /// forced-inclusion delay plus three times the worst exact judgement.
  constructor(
    address authority_,
    address registry_,
    address vault_,
    address game_,
    uint256 floorSeconds_,
    ParameterSet memory set
  ) Governed(authority_, floorSeconds_, set) {
    registry = registry_;
    vault = vault_;
    game = game_;
  }

  /// @inheritdoc IInferenceMarket
  function request(Ask calldata ask, bytes calldata input) external payable returns (RequestId requestId) {
    Parameters parameters_ = _parametersUnlessPaused();
    ReleaseTerms terms = IModelRegistry(registry).termsOf(ask.releaseId);
    // INVARIANT I-12: input and output lengths are the release's.
    if (input.length != terms.inputBytes()) revert InputLengthIs(input.length, terms.inputBytes());
    _checkAsk(ask, parameters_);
    Request memory made = Request({
      requester: msg.sender,
      nonce: ask.nonce,
      releaseId: ask.releaseId,
      inputHash: keccak256(input),
      fee: uint96(msg.value),
      bond: _bondUp(ask.bond, terms, parameters_),
      requestedAt: uint40(block.timestamp),
      deadline: uint40(block.timestamp + ask.answerSeconds),
      windowSeconds: ask.windowSeconds,
      operator: ask.operator,
      callbackGas: ask.callbackGas,
      refundTo: ask.refundTo,
      terms: terms,
      parameters: parameters_
    });
    requestId = Ids.requestIdOfMemory(made, address(this));
    if (_status[requestId].state() != RequestState.None) revert RequestExists(requestId);
    _status[requestId] = StatusLib.requested();
    emit Requested(requestId, ask.releaseId, msg.sender, made, input);
  }

  /// @inheritdoc IInferenceMarket
  function fulfill(Request calldata request_, bytes calldata output) external returns (ResultId resultId) {
    RequestId requestId = requestIdOf(request_);
    Status status = _status[requestId];
    _requireState(requestId, status, RequestState.Requested);
    // INVARIANT I-13: an answer after the deadline is refused; a refund before it too.
    if (block.timestamp > request_.deadline) revert DeadlinePassed(requestId, request_.deadline);
    if (output.length != request_.terms.outputBytes())
      revert OutputLengthIs(output.length, request_.terms.outputBytes());
    resultId = Ids.resultId(requestId, msg.sender, keccak256(output));
    uint256 endsAt = block.timestamp + request_.windowSeconds;
    _status[requestId] = StatusLib.answered(resultId, endsAt);
    emit Fulfilled(requestId, resultId, msg.sender, endsAt, output);
    (uint256 stakeWei, uint256 activeSince) = IVault(vault).lock(msg.sender, request_.bond);
    _checkTurn(requestId, request_, msg.sender, stakeWei, activeSince);
  }

  /// @inheritdoc IInferenceMarket
  function finalize(Request calldata request_, address operator, bytes calldata output) external {
    RequestId requestId = requestIdOf(request_);
    Status status = _status[requestId];
    _requireState(requestId, status, RequestState.Answered);
    ResultId resultId = _requireAnswer(requestId, status, operator, output);
    // INVARIANT I-14: an answer becomes final only when its window is over and no game is open.
    if (block.timestamp < status.endsAt()) revert WindowOpen(requestId, status.endsAt());
    if (status.openGames() != 0) revert GamesOpen(requestId, status.openGames());
    bool callsBack = request_.callbackGas != 0;
    _status[requestId] = status.withState(callsBack ? RequestState.Delivered : RequestState.Final);
    emit Finalized(requestId, resultId);
    _pay(request_, operator);
    if (callsBack) _callBack(requestId, status, request_, output);
  }

  /// @inheritdoc IInferenceMarket
  function deliver(Request calldata request_, address operator, bytes calldata output) external {
    RequestId requestId = requestIdOf(request_);
    Status status = _status[requestId];
    _requireState(requestId, status, RequestState.Final);
    _requireAnswer(requestId, status, operator, output);
    if (request_.callbackGas == 0) revert NoCallback(requestId);
    _status[requestId] = status.withState(RequestState.Delivered);
    _callBack(requestId, status, request_, output);
  }

  /// @inheritdoc IInferenceMarket
  function refund(Request calldata request_) external {
    RequestId requestId = requestIdOf(request_);
    Status status = _status[requestId];
    if (status.state() != RequestState.Overturned) {
      _requireState(requestId, status, RequestState.Requested);
      if (block.timestamp <= request_.deadline) revert DeadlineNotPassed(requestId, request_.deadline);
    }
    _status[requestId] = status.withState(RequestState.Refunded);
    emit Refunded(requestId, request_.refundTo, request_.fee);
    IVault(vault).credit{value: request_.fee}(request_.refundTo);
  }

  /// @inheritdoc ICourt
  function openGame(RequestId requestId, ResultId resultId) external onlyGame {
    Status status = _requireAnswered(requestId, resultId);
    // INVARIANT I-14: an answer can be challenged exactly until its window is over.
    if (block.timestamp >= status.endsAt()) revert WindowClosed(requestId, status.endsAt());
    status = status.addGame();
    _status[requestId] = status;
    emit GameOpened(requestId, resultId, status.openGames());
  }

  /// @inheritdoc ICourt
  function closeGame(RequestId requestId, ResultId resultId) external onlyGame {
    Status status = _requireAnswered(requestId, resultId).removeGame();
    _status[requestId] = status;
    emit GameClosed(requestId, resultId, status.openGames());
  }

  /// @inheritdoc ICourt
  function overturn(RequestId requestId, ResultId resultId) external onlyGame {
    // INVARIANT I-15: only an answer that is not final can be overturned, and an overturned one never becomes final.
    Status status = _requireAnswered(requestId, resultId);
    _status[requestId] = status.withState(RequestState.Overturned);
    emit Overturned(requestId, resultId);
  }

  /// @inheritdoc IInferenceMarket
  function requestIdOf(Request calldata request_) public view returns (RequestId) {
    return Ids.requestId(request_, address(this));
  }

  /// @inheritdoc IInferenceMarket
  function resultIdOf(RequestId requestId, address operator, bytes32 outputHash) external pure returns (ResultId) {
    return Ids.resultId(requestId, operator, outputHash);
  }

  /// @inheritdoc ICourt
  function statusOf(
    RequestId requestId
  ) external view returns (RequestState state, uint256 endsAt, uint256 openGames, bytes24 resultKey) {
    Status status = _status[requestId];
    return (status.state(), status.endsAt(), status.openGames(), status.resultKey());
  }

  /// @inheritdoc IInferenceMarket
  function checkAnswer(
    RequestId requestId,
    address operator,
    bytes calldata output
  ) external view returns (bool standing, bool isFinal, uint256 endsAt, uint256 openGames) {
    Status status = _status[requestId];
    RequestState state = status.state();
    isFinal = state == RequestState.Final || state == RequestState.Delivered;
    standing =
      (isFinal || state == RequestState.Answered) &&
      status.isResult(Ids.resultId(requestId, operator, keccak256(output)));
    return (standing, standing && isFinal, status.endsAt(), status.openGames());
  }

  /// @inheritdoc IInferenceMarket
  function turnOpensAt(Request calldata request_, address operator) external view returns (uint256) {
    if (request_.operator != address(0)) {
      return request_.operator == operator ? request_.requestedAt : type(uint256).max;
    }
    IVault.Account memory account = IVault(vault).accountOf(operator);
    uint256 stakeWei = uint256(account.freeWei) + account.lockedWei;
    return _turnOpensAt(requestIdOf(request_), request_, operator, stakeWei, account.activeSince);
  }

  /// @inheritdoc IInferenceMarket
  function bondFloor(ReleaseId releaseId) external view returns (uint256) {
    return _bondFloor(IModelRegistry(registry).termsOf(releaseId), packedParameters());
  }

  function _checkAsk(Ask calldata ask, Parameters parameters_) private view {
    if (msg.value > type(uint96).max) revert FeeTooLarge(msg.value);
    uint256 maxWindow = parameters_.maxWindow();
    if (ask.windowSeconds < parameters_.minWindow() || ask.windowSeconds > maxWindow)
      revert WindowOutOfBounds(ask.windowSeconds, parameters_.minWindow(), maxWindow);
    if (ask.answerSeconds == 0 || ask.answerSeconds > maxWindow)
      revert AnswerSecondsOutOfBounds(ask.answerSeconds, maxWindow);
    if (ask.callbackGas > MAX_CALLBACK_GAS) revert CallbackGasAboveCap(ask.callbackGas, MAX_CALLBACK_GAS);
    if (ask.refundTo == address(0)) revert RefundToZero();
  }

  function _bondUp(uint256 askedWei, ReleaseTerms terms, Parameters parameters_) private view returns (uint96) {
    uint256 floorWei = _bondFloor(terms, parameters_);
    uint256 bondWei = askedWei > floorWei ? askedWei : floorWei;
    if (bondWei > type(uint96).max) revert BondTooLarge(bondWei);
    return uint96(bondWei);
  }

  /// @dev INVARIANT I-16: the first challenger's share of any bond pays twice the worst dispute at the request's base fee, and
  /// twice a select's deposit, which stands for what a base fee does not show, such as a rollup's data fees.
  function _bondFloor(ReleaseTerms terms, Parameters parameters_) private view returns (uint256) {
    uint256 disputeWei = terms.disputeGas() * block.basefee;
    uint256 leastWei = parameters_.selectDepositWei();
    return DISPUTE_COVER * FIRST_SHARE_DIVISOR * (disputeWei > leastWei ? disputeWei : leastWei);
  }

  function _requireState(RequestId requestId, Status status, RequestState needed) private pure {
    if (status.state() != needed) revert StateIs(requestId, status.state());
  }

  function _requireAnswered(RequestId requestId, ResultId resultId) private view returns (Status status) {
    status = _status[requestId];
    _requireState(requestId, status, RequestState.Answered);
    if (!status.isResult(resultId)) revert NotTheAnswer(requestId, resultId);
  }

  function _requireAnswer(
    RequestId requestId,
    Status status,
    address operator,
    bytes calldata output
  ) private pure returns (ResultId resultId) {
    resultId = Ids.resultId(requestId, operator, keccak256(output));
    if (!status.isResult(resultId)) revert NotTheAnswer(requestId, resultId);
  }

  function _checkTurn(
    RequestId requestId,
    Request calldata request_,
    address operator,
    uint256 stakeWei,
    uint256 activeSince
  ) private view {
    // INVARIANT I-17: a request that names an operator is answered by it or by nobody.
    if (request_.operator != address(0)) {
      if (request_.operator != operator) revert NotNamedOperator(requestId, operator, request_.operator);
      return;
    }
    uint256 opensAt = _turnOpensAt(requestId, request_, operator, stakeWei, activeSince);
    if (block.timestamp < opensAt) revert TurnNotOpen(requestId, operator, opensAt);
  }

  function _turnOpensAt(
    RequestId requestId,
    Request calldata request_,
    address operator,
    uint256 stakeWei,
    uint256 activeSince
  ) private pure returns (uint256) {
    uint256 activeWei = activeSince < request_.requestedAt ? stakeWei : 0;
    uint256 capSeconds = (uint256(request_.deadline) - request_.requestedAt) / 2;
    uint256 scale = request_.parameters.turnEthSeconds();
    return request_.requestedAt + Sortition.delayDown(requestId, operator, activeWei, scale, capSeconds);
  }

  /// @dev Royalty and protocol fee are rounded down; the operator gets the rest. Their shares add up to at most 6000 bps.
  function _pay(Request calldata request_, address operator) private {
    uint256 royaltyDown = (uint256(request_.fee) * request_.terms.royaltyBps()) / BPS;
    uint256 protocolDown = (uint256(request_.fee) * request_.parameters.protocolFeeBps()) / BPS;
    uint256 modelId = request_.terms.modelId();
    IVault(vault).settle{value: request_.fee}(operator, request_.bond, modelId, royaltyDown, protocolDown);
  }

  /// @dev INVARIANT I-18: the callback comes after every payment, with capped gas, and returns no data; if it fails only the
  /// mark of delivery is taken back. The state is Delivered while it runs, so it cannot be entered twice.
  function _callBack(RequestId requestId, Status status, Request calldata request_, bytes calldata output) private {
    (uint256 gasNow, uint256 needed, bool success) = Callback.send(
      requestId,
      request_.requester,
      request_.nonce,
      request_.callbackGas,
      output
    );
    if (gasNow < needed) revert GasBelowCallback(requestId, gasNow, needed);
    // While the requester ran, the state said Delivered: there was nothing to enter again.
    // solhint-disable-next-line reentrancy
    if (!success) _status[requestId] = status.withState(RequestState.Final);
    emit Delivered(requestId, success);
  }
}

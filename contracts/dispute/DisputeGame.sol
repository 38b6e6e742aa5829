// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICourt} from "../interfaces/ICourt.sol";
import {IDisputeGame} from "../interfaces/IDisputeGame.sol";
import {IReferee, OutputProof, StepProof} from "../interfaces/IReferee.sol";
import {IVault} from "../interfaces/IVault.sol";
import {
  Claim,
  DisputeId,
  Node,
  Parameters,
  Release,
  ReleaseId,
  Request,
  RequestId,
  RequestState,
  ResultId
} from "../interfaces/Types.sol";
import {Ids} from "../market/Ids.sol";
import {ParametersLib} from "../market/Parameters.sol";
import {Clocks} from "./Clocks.sol";
import {Shares} from "./Shares.sol";
import {Trees} from "./Trees.sol";

/// @title The dispute game
/// @dev INVARIANT I-23: every move names the claim, and with it the ResultId, and what it answers (trace root, node), so that a
/// reorganised chain cannot apply it to other facts.
/// @dev INVARIANT I-24: games share only facts: the trace root, reveals, the input root, the verdict. No loop runs over
/// games, so their number changes the cost of no move.
contract DisputeGame is IDisputeGame {
  using ParametersLib for Parameters;

  address public immutable market;
  address public immutable vault;
  address public immutable referee;

  mapping(DisputeId => Game) private _games;
  mapping(ResultId => Trial) private _trials;
  mapping(bytes32 revealKey => uint256 timestamp) private _revealedAt;
  /// @inheritdoc IDisputeGame
  mapping(RequestId => bytes32) public inputsRootOf;

  constructor(address market_, address vault_, address referee_) {
    market = market_;
    vault = vault_;
    referee = referee_;
  }

  /// @inheritdoc IDisputeGame
  function challenge(Claim calldata claim) external returns (DisputeId disputeId) {
    (RequestId requestId, ResultId resultId) = _ids(claim);
    (uint256 bondWei, ) = stakesNow(claim.request);
    disputeId = _open(claim, requestId, resultId, msg.sender, bondWei);
    IVault(vault).lock(msg.sender, bondWei);
  }

  /// @inheritdoc IDisputeGame
  function challengeFor(
    Claim calldata claim,
    address challenger,
    uint256 bondWei,
    bytes32 inputsRoot
  ) external returns (DisputeId disputeId) {
    if (msg.sender != market) revert NotCourt(msg.sender);
    (RequestId requestId, ResultId resultId) = _ids(claim);
    inputsRootOf[requestId] = inputsRoot;
    return _open(claim, requestId, resultId, challenger, bondWei);
  }

  /// @inheritdoc IDisputeGame
  function commitTrace(Claim calldata claim, bytes32 traceRoot, bytes calldata header, bytes calldata top) external {
    (, ResultId resultId) = _ids(claim);
    // INVARIANT I-26: the operator alone commits its trace, once, together with the top of its tree.
    if (msg.sender != claim.operator) revert NotOperator(msg.sender, claim.operator);
    Trial storage trial = _trials[resultId];
    if (trial.committedAt != 0) revert TraceAlreadyCommitted(resultId, trial.traceRoot);
    _requireUndecided(resultId, trial);
    // INVARIANT I-27: the shape of a tree is computed from the program, never from a proof's length.
    uint256 depth = IReferee(referee).traceDepth(claim.release.programRoot, header);
    _requireSubtree(traceRoot, false, depth, top);
    trial.traceRoot = traceRoot;
    trial.traceDepth = uint8(depth);
    trial.committedAt = uint40(block.timestamp);
    emit TraceCommitted(resultId, traceRoot, depth, header, top);
  }

  /// @inheritdoc IDisputeGame
  function select(Claim calldata claim, bytes32 traceRoot, Node calldata from, Selection calldata selection) external {
    (, ResultId resultId) = _ids(claim);
    Trial memory trial = _requireTrace(resultId, traceRoot);
    DisputeId disputeId = disputeIdOf(resultId, msg.sender);
    Game memory game = _requireGame(disputeId);
    _requireSelected(disputeId, game, trial, from);
    _tick(disputeId, game, _answeredAt(resultId, game, trial, from), claim.request.parameters.challengerClock());
    _requireBelow(claim.release.programRoot, from, selection);
    (, uint256 depositWei) = stakesNow(claim.request);
    game.movedAt = uint40(block.timestamp);
    game.escrowWei += uint96(depositWei);
    game.node = nodeKeyOf(selection.node);
    _games[disputeId] = game;
    emit Selected(resultId, disputeId, msg.sender, traceRoot, selection.node, depositWei);
    IVault(vault).lock(msg.sender, depositWei);
  }

  /// @inheritdoc IDisputeGame
  function reveal(
    ResultId resultId,
    bytes32 traceRoot,
    bytes32 node,
    bool tensor,
    uint8 height,
    bytes calldata children
  ) external {
    Trial memory trial = _trials[resultId];
    if (trial.committedAt == 0 || trial.traceRoot != traceRoot) revert TraceRootIs(resultId, trial.traceRoot);
    // INVARIANT I-28: a reveal is a fact about the result, authentic by its hash, whoever posts it; its first time counts.
    bytes32 key = _revealKey(resultId, node, tensor, height);
    if (_revealedAt[key] != 0) revert AlreadyRevealed(resultId, node, _revealedAt[key]);
    if (height == 0) {
      if (!tensor) revert NothingToReveal(node);
      if (children.length != Trees.LEAF_BYTES) revert ChildrenLengthIs(children.length, Trees.LEAF_BYTES);
      bytes32 leaf = sha256(children);
      if (leaf != node) revert HashesTo(leaf, node);
    } else {
      _requireSubtree(node, tensor, height, children);
    }
    _revealedAt[key] = block.timestamp;
    emit Revealed(resultId, node, tensor, height, children);
  }

  /// @inheritdoc IDisputeGame
  function prove(
    Claim calldata claim,
    bytes32 traceRoot,
    uint256 instruction,
    uint256 element,
    StepProof calldata proof
  ) external {
    (RequestId requestId, ResultId resultId) = _ids(claim);
    _requireChallenged(resultId, traceRoot);
    bool wrong = IReferee(referee).judgeStep(
      claim.release.programRoot,
      traceRoot,
      inputsRootOf[requestId],
      instruction,
      element,
      proof
    );
    if (!wrong) revert ElementIsRight(resultId, instruction, element);
    _overturn(requestId, resultId, Verdict.Step);
  }

  /// @inheritdoc IDisputeGame
  function proveOutput(
    Claim calldata claim,
    bytes32 traceRoot,
    uint256 output,
    uint256 element,
    bytes calldata published,
    OutputProof calldata proof
  ) external {
    (RequestId requestId, ResultId resultId) = _ids(claim);
    _requireChallenged(resultId, traceRoot);
    bytes32 outputHash = keccak256(published);
    if (outputHash != claim.outputHash) revert OutputHashMismatch(outputHash, claim.outputHash);
    bool wrong = IReferee(referee).judgeOutput(
      claim.release.programRoot,
      traceRoot,
      output,
      element,
      published,
      claim.release.atol,
      claim.release.rtol,
      proof
    );
    if (!wrong) revert ElementIsRight(resultId, output, element);
    _overturn(requestId, resultId, Verdict.Output);
  }

  /// @inheritdoc IDisputeGame
  function openInput(
    Request calldata request,
    Release calldata release,
    bytes calldata header,
    bytes calldata input
  ) external returns (bytes32 inputsRoot) {
    _requireRelease(request, release);
    // INVARIANT I-29: an inputs root is derived from the bytes that were asked for, never asserted.
    bytes32 inputHash = keccak256(input);
    if (inputHash != request.inputHash) revert InputHashMismatch(inputHash, request.inputHash);
    inputsRoot = IReferee(referee).inputsRoot(release.programRoot, header, input);
    RequestId requestId = Ids.requestId(request, market);
    inputsRootOf[requestId] = inputsRoot;
    emit InputOpened(requestId, inputsRoot);
  }

  /// @inheritdoc IDisputeGame
  function timeout(Claim calldata claim, address challenger, Node calldata node) external {
    (RequestId requestId, ResultId resultId) = _ids(claim);
    DisputeId disputeId = disputeIdOf(resultId, challenger);
    Trial memory trial = _trials[resultId];
    _requireUndecided(resultId, trial);
    Game memory game = _requireGame(disputeId);
    _requireSelected(disputeId, game, trial, node);
    (bool operatorOnMove, uint256 operatorSeconds, uint256 challengerSeconds) = Clocks.used(
      game,
      _answeredAt(resultId, game, trial, node)
    );
    Parameters parameters = claim.request.parameters;
    // INVARIANT I-30: whose clock ran out first has lost. A challenger past its clock cannot move, so if both are past theirs
    // the operator was first; a late reveal does not save it.
    if (operatorSeconds > parameters.operatorClock()) return _overturn(requestId, resultId, Verdict.Clock);
    if (challengerSeconds > parameters.challengerClock()) {
      _games[disputeId].state = GameState.Lost;
      emit ChallengerLost(resultId, disputeId);
      return ICourt(market).closeGame(requestId, resultId);
    }
    uint256 left =
      operatorOnMove ? parameters.operatorClock() - operatorSeconds : parameters.challengerClock() - challengerSeconds;
    revert ClockRunning(disputeId, operatorOnMove, block.timestamp + left);
  }

  /// @inheritdoc IDisputeGame
  function settleGame(Claim calldata claim, address challenger) external {
    (RequestId requestId, ResultId resultId) = _ids(claim);
    DisputeId disputeId = disputeIdOf(resultId, challenger);
    Game memory game = _games[disputeId];
    if (game.state != GameState.Open && game.state != GameState.Lost) revert GameStateIs(disputeId, game.state);
    bool overturned = _trials[resultId].verdict != Verdict.None;
    if (!overturned && !_isFinal(requestId, resultId)) revert NotOver(resultId);
    _games[disputeId].state = GameState.Settled;
    if (!overturned) {
      // INVARIANT I-31: a challenger that lost pays the operator only when the answer is final; if the answer is overturned
      // after all, its stake and its share are burned.
      // Half of it is burned, so that challenging oneself to delay an answer is not free.
      emit GameSettled(resultId, disputeId, 0, 0, game.escrowWei);
      uint256 paidDown = game.escrowWei / 2;
      IVault(vault).burn(challenger, game.escrowWei - paidDown);
      return IVault(vault).forfeit(challenger, claim.operator, paidDown);
    }
    uint256 shareWei = shareDown(claim.request.bond, game.entry);
    if (game.state == GameState.Lost) {
      emit GameSettled(resultId, disputeId, 0, 0, game.escrowWei);
      IVault(vault).burn(challenger, game.escrowWei);
      return IVault(vault).burn(claim.operator, shareWei);
    }
    emit GameSettled(resultId, disputeId, game.escrowWei, shareWei, 0);
    IVault(vault).unlock(challenger, game.escrowWei);
    IVault(vault).forfeit(claim.operator, challenger, shareWei);
  }

  /// @inheritdoc IDisputeGame
  function settleBond(Claim calldata claim) external {
    (, ResultId resultId) = _ids(claim);
    Trial storage trial = _trials[resultId];
    if (trial.verdict == Verdict.None) revert NotDecided(resultId);
    if (trial.bondSettled) revert BondAlreadySettled(resultId);
    trial.bondSettled = true;
    uint256 burnedWei = Shares.remainder(claim.request.bond, trial.entries);
    emit BondSettled(resultId, burnedWei);
    IVault(vault).burn(claim.operator, burnedWei);
  }

  /// @inheritdoc IDisputeGame
  function disputeIdOf(ResultId resultId, address challenger) public pure returns (DisputeId) {
    return DisputeId.wrap(keccak256(abi.encode(resultId, challenger)));
  }

  /// @inheritdoc IDisputeGame
  function nodeKeyOf(Node calldata node) public pure returns (bytes32) {
    return keccak256(abi.encode(node));
  }

  /// @inheritdoc IDisputeGame
  function gameOf(DisputeId disputeId) external view returns (Game memory) {
    return _games[disputeId];
  }

  /// @inheritdoc IDisputeGame
  function trialOf(ResultId resultId) external view returns (Trial memory) {
    return _trials[resultId];
  }

  /// @inheritdoc IDisputeGame
  function revealedAt(ResultId resultId, bytes32 node, bool tensor, uint8 height) external view returns (uint256) {
    return _revealedAt[_revealKey(resultId, node, tensor, height)];
  }

  /// @inheritdoc IDisputeGame
  function clocksOf(
    DisputeId disputeId,
    ResultId resultId,
    Node calldata node
  ) external view returns (bool operatorOnMove, uint256 operatorSeconds, uint256 challengerSeconds) {
    Game memory game = _requireGame(disputeId);
    Trial memory trial = _trials[resultId];
    _requireSelected(disputeId, game, trial, node);
    return Clocks.used(game, _answeredAt(resultId, game, trial, node));
  }

  /// @inheritdoc IDisputeGame
  function stakesNow(Request calldata request) public view returns (uint256 bondWei, uint256 depositWei) {
    // INVARIANT I-32: half of each select's deposit, and half of the bond, pay the operator's worst answer, at the base fee of
    // their block.
    Parameters parameters = request.parameters;
    uint256 responsesWei = 2 * parameters.responseGas() * block.basefee;
    bondWei = _max(parameters.challengerBondWei(), responsesWei);
    depositWei = _max(parameters.selectDepositWei(), responsesWei);
  }

  /// @inheritdoc IDisputeGame
  function shareDown(uint256 bondWei, uint256 entry) public pure returns (uint256) {
    return Shares.shareDown(bondWei, entry);
  }

  /// @dev The bond is locked by the caller.
  function _open(
    Claim calldata claim,
    RequestId requestId,
    ResultId resultId,
    address challenger,
    uint256 bondWei
  ) private returns (DisputeId disputeId) {
    disputeId = disputeIdOf(resultId, challenger);
    // INVARIANT I-25: one game per challenger and result; a lost game cannot be begun again.
    if (_games[disputeId].state != GameState.None) revert GameExists(disputeId);
    uint32 entry = _trials[resultId].entries++;
    _games[disputeId] = Game({
      state: GameState.Open,
      operatorSeconds: 0,
      challengerSeconds: 0,
      movedAt: uint40(block.timestamp),
      entry: entry,
      escrowWei: uint96(bondWei),
      node: 0
    });
    emit Challenged(resultId, disputeId, challenger, entry, bondWei, claim);
    ICourt(market).openGame(requestId, resultId);
  }

  function _ids(Claim calldata claim) private view returns (RequestId requestId, ResultId resultId) {
    _requireRelease(claim.request, claim.release);
    requestId = Ids.requestId(claim.request, market);
    resultId = Ids.resultId(requestId, claim.operator, claim.outputHash);
  }

  function _requireRelease(Request calldata request, Release calldata release) private pure {
    if (keccak256(abi.encode(release)) != ReleaseId.unwrap(request.releaseId))
      revert ReleaseNotRequested(request.releaseId, release);
  }

  function _requireUndecided(ResultId resultId, Trial memory trial) private pure {
    if (trial.verdict != Verdict.None) revert AlreadyDecided(resultId, trial.verdict);
  }

  function _requireTrace(ResultId resultId, bytes32 traceRoot) private view returns (Trial memory trial) {
    trial = _trials[resultId];
    _requireUndecided(resultId, trial);
    if (trial.committedAt == 0 || trial.traceRoot != traceRoot) revert TraceRootIs(resultId, trial.traceRoot);
  }

  /// @dev INVARIANT I-55: no verdict without a challenger: a proof whose challenge a reorganisation has undone leaves the
  /// answer as it was, and the share to win.
  function _requireChallenged(ResultId resultId, bytes32 traceRoot) private view {
    if (_requireTrace(resultId, traceRoot).entries == 0) revert NotChallenged(resultId);
  }

  function _requireGame(DisputeId disputeId) private view returns (Game memory game) {
    game = _games[disputeId];
    if (game.state != GameState.Open) revert GameStateIs(disputeId, game.state);
  }

  /// @dev At the start of a game the selected node is the trace root, whatever it will be.
  function _requireSelected(
    DisputeId disputeId,
    Game memory game,
    Trial memory trial,
    Node calldata node
  ) private pure {
    bool selected =
      game.node != 0
        ? nodeKeyOf(node) == game.node
        : node.hash == trial.traceRoot &&
          !node.tensor &&
          node.height == trial.traceDepth &&
          node.instruction == 0 &&
          node.index == 0;
    if (!selected) revert NotSelectedNode(disputeId, node);
  }

  /// @dev Unix seconds; 0: the operator is on the move.
  function _answeredAt(
    ResultId resultId,
    Game memory game,
    Trial memory trial,
    Node calldata node
  ) private view returns (uint256) {
    if (game.node == 0) return trial.committedAt;
    return _revealedAt[_revealKey(resultId, node.hash, node.tensor, node.height)];
  }

  /// @dev Books the time since the last select on both clocks. The challenger may move only on its turn and in time.
  function _tick(DisputeId disputeId, Game memory game, uint256 answeredAt, uint256 challengerClock) private view {
    (bool operatorOnMove, uint256 operatorSeconds, uint256 challengerSeconds) = Clocks.used(game, answeredAt);
    if (operatorOnMove) revert OperatorOnMove(disputeId);
    if (challengerSeconds > challengerClock) revert ClockExpired(disputeId, challengerSeconds, challengerClock);
    game.operatorSeconds = uint32(operatorSeconds);
    game.challengerSeconds = uint32(challengerSeconds);
  }

  /// @dev INVARIANT I-33: a select goes down at least to the lowest nodes revealed, so that a game has at most
  /// ceil(d / 6) + ceil(D / 6) rounds after the commit, and only to nodes whose hashes lead to `from`.
  function _requireBelow(bytes32 programRoot, Node calldata from, Selection calldata selection) private view {
    Node calldata node = selection.node;
    bytes calldata path = selection.path;
    bytes32 reached;
    if (node.tensor == from.tensor) {
      uint256 maxHeight = from.height - Trees.levelsBelow(from.height);
      if (node.height > maxHeight) revert SelectionTooHigh(node.height, maxHeight);
      // Below a leaf there is nothing; a leaf of the trace tree is left by entering its tensor.
      bool below = node.height < from.height && (node.tensor || node.height != 0);
      uint256 levels = uint256(from.height) - node.height;
      if (!below || node.instruction != from.instruction || uint256(node.index) >> levels != from.index)
        revert SelectionNotBelow(node, from);
      _requirePathLength(path, levels);
      reached = Trees.climb(node.hash, node.index, path, 0, levels);
    } else {
      if (from.tensor) revert SelectionNotBelow(node, from);
      uint256 depth = IReferee(referee).tensorDepth(
        programRoot,
        selection.header,
        node.instruction,
        selection.encoding,
        selection.encodingPath
      );
      if (node.height > depth) revert SelectionTooHigh(node.height, depth);
      uint256 levels = depth - node.height;
      if (uint256(node.index) >> levels != 0 || uint256(node.instruction) >> from.height != from.index)
        revert SelectionNotBelow(node, from);
      _requirePathLength(path, levels + from.height);
      reached = Trees.climb(node.hash, node.index, path, 0, levels);
      reached = Trees.climb(reached, node.instruction, path, 32 * levels, from.height);
    }
    if (reached != from.hash) revert HashesTo(reached, from.hash);
  }

  function _requirePathLength(bytes calldata path, uint256 levels) private pure {
    if (path.length != 32 * levels) revert PathLengthIs(path.length, 32 * levels);
  }

  function _requireSubtree(bytes32 node, bool tensor, uint256 height, bytes calldata below) private view {
    uint256 levels = Trees.levelsBelow(height);
    bytes32 root = Trees.subtreeRoot(below, levels, Trees.padding(tensor, height - levels));
    if (root != node) revert HashesTo(root, node);
  }

  /// @dev INVARIANT I-34: a verdict writes this trial and the market's word of the request, and nothing else; every payout is a
  /// later call.
  function _overturn(RequestId requestId, ResultId resultId, Verdict verdict) private {
    _trials[resultId].verdict = verdict;
    _trials[resultId].decidedAt = uint40(block.timestamp);
    emit OperatorLost(resultId, verdict, msg.sender);
    ICourt(market).overturn(requestId, resultId);
  }

  function _isFinal(RequestId requestId, ResultId resultId) private view returns (bool) {
    (RequestState state, , , bytes24 resultKey) = ICourt(market).statusOf(requestId);
    bool isFinal = state == RequestState.Final || state == RequestState.Delivered;
    return isFinal && resultKey == bytes24(ResultId.unwrap(resultId));
  }

  function _revealKey(ResultId resultId, bytes32 node, bool tensor, uint256 height) private pure returns (bytes32) {
    return keccak256(abi.encode(resultId, node, tensor, height));
  }

  function _max(uint256 a, uint256 b) private pure returns (uint256) {
    return a > b ? a : b;
  }
}

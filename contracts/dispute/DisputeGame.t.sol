// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICourt} from "../interfaces/ICourt.sol";
import {IDisputeGame} from "../interfaces/IDisputeGame.sol";
import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {OutputProof, StepProof} from "../interfaces/IReferee.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Claim, DisputeId, Node, RequestState, ResultId} from "../interfaces/Types.sol";
import {Fixture} from "../test/Fixture.sol";
import {FixtureTree} from "../test/FixtureTree.sol";
import {VM, check, checkEq} from "../test/Vm.sol";

/// @notice Games read move by move. The trace has 100 instructions (depth 7); the tensor of instruction 33 has 256 leaves
/// (depth 8), all zero but leaf 77.
contract DisputeGameTest is Fixture {
  uint8 private constant TRACE_DEPTH = 7;
  uint8 private constant TENSOR_DEPTH = 8;
  uint32 private constant INSTRUCTION = 33;
  uint32 private constant LEAF = 77;

  Claim private _claim;
  ResultId private _result;
  bytes32[][] private _trace;
  bytes32[][] private _tensor;
  bytes private _leaf;
  bytes32 private _root;

  function setUp() public override {
    super.setUp();
    referee.set(false, TRACE_DEPTH, TENSOR_DEPTH);
    _leaf = new bytes(256);
    _leaf[5] = 0x2a;
    bytes32[] memory leaves = new bytes32[](256);
    for (uint256 i = 0; i < 256; ++i) leaves[i] = sha256(new bytes(256));
    leaves[LEAF] = sha256(_leaf);
    _tensor = FixtureTree.build(leaves, TENSOR_DEPTH, 0);
    bytes32[] memory tensors = new bytes32[](100);
    for (uint256 i = 0; i < 100; ++i) tensors[i] = keccak256(abi.encode(i));
    tensors[INSTRUCTION] = FixtureTree.root(_tensor);
    _trace = FixtureTree.build(tensors, TRACE_DEPTH, 0);
    _root = FixtureTree.root(_trace);
    _claim = answered();
    _result = resultIdOf(_claim);
  }

  // Moves

  function _challenge(address who) private returns (DisputeId) {
    VM.prank(who);
    return game.challenge(_claim);
  }

  function _commit() private {
    bytes memory top = FixtureTree.head(FixtureTree.below(_trace, 1, 0, TRACE_DEPTH), 50);
    VM.prank(operator);
    game.commitTrace(_claim, _root, "", top);
  }

  function _select(address who, Node memory from, Node memory to, bytes memory path) private {
    VM.prank(who);
    game.select(_claim, _root, from, IDisputeGame.Selection(to, path, "", "", ""));
  }

  function _reveal(Node memory node, bytes memory children) private {
    game.reveal(_result, _root, node.hash, node.tensor, node.height, children);
  }

  function _prove() private {
    StepProof memory proof;
    game.prove(_claim, _root, INSTRUCTION, 0, proof);
  }

  function _timeout(address who, Node memory node) private {
    VM.prank(address(0xdead));
    game.timeout(_claim, who, node);
  }

  // Nodes

  function _start() private view returns (Node memory) {
    return rootNode(_root, TRACE_DEPTH);
  }

  function _traceNode(uint8 height, uint32 index) private view returns (Node memory) {
    return Node(_trace[height][index], false, height, 0, index);
  }

  function _tensorNode(uint8 height) private view returns (Node memory) {
    uint32 index = LEAF >> height;
    return Node(_tensor[height][index], true, height, INSTRUCTION, index);
  }

  function _pathTo(Node memory node) private view returns (bytes memory) {
    bytes memory inTrace = FixtureTree.path(_trace, 0, INSTRUCTION, TRACE_DEPTH);
    return abi.encodePacked(FixtureTree.path(_tensor, node.height, node.index, TENSOR_DEPTH), inTrace);
  }

  function _game(address who) private view returns (IDisputeGame.Game memory) {
    return game.gameOf(game.disputeIdOf(_result, who));
  }

  function _verdict() private view returns (IDisputeGame.Verdict) {
    return game.trialOf(_result).verdict;
  }

  // Records

  function test_record_fromChallengeToProof() public {
    _challenge(alice);
    checkEq(lockedOf(alice), GAME_BOND, "bond");
    skip(30);
    _commit();
    skip(10);
    Node memory pair = _traceNode(1, INSTRUCTION >> 1);
    _select(alice, _start(), pair, FixtureTree.path(_trace, 1, INSTRUCTION >> 1, TRACE_DEPTH));
    skip(20);
    _reveal(pair, FixtureTree.below(_trace, 0, INSTRUCTION >> 1, 1));
    skip(5);
    Node memory whole = _tensorNode(TENSOR_DEPTH);
    _select(alice, pair, whole, FixtureTree.path(_trace, 0, INSTRUCTION, 1));
    _reveal(whole, FixtureTree.head(FixtureTree.below(_tensor, 2, 0, TENSOR_DEPTH), 20));
    Node memory quad = _tensorNode(2);
    _select(alice, whole, quad, FixtureTree.path(_tensor, 2, quad.index, TENSOR_DEPTH));
    _reveal(quad, FixtureTree.head(FixtureTree.below(_tensor, 0, quad.index, 2), 2));
    Node memory leaf = _tensorNode(0);
    _select(alice, quad, leaf, FixtureTree.path(_tensor, 0, LEAF, 2));
    skip(7);
    _reveal(leaf, _leaf);
    skip(3);
    (bool operatorOnMove, uint256 operatorSeconds, uint256 challengerSeconds) = game.clocksOf(
      game.disputeIdOf(_result, alice),
      _result,
      leaf
    );
    check(!operatorOnMove, "challenger to prove");
    checkEq(operatorSeconds, 30 + 20 + 7, "operator's clock");
    checkEq(challengerSeconds, 10 + 5 + 3, "challenger's clock");
    checkEq(lockedOf(alice), GAME_BOND + 4 * DEPOSIT, "deposits");

    VM.expectPartialRevert(IDisputeGame.ElementIsRight.selector);
    _prove();
    referee.set(true, TRACE_DEPTH, TENSOR_DEPTH);
    _prove();
    check(_verdict() == IDisputeGame.Verdict.Step, "verdict");
    checkEq(freeOf(operator) + lockedOf(operator), 1_000 ether, "a verdict moves no wei");

    game.settleGame(_claim, alice);
    game.settleBond(_claim);
    market.refund(_claim.request);
    checkEq(freeOf(alice), 10 ether + BOND / 4, "bond, deposits and a quarter");
    checkEq(lockedOf(alice) + lockedOf(operator), 0, "nothing locked");
    checkEq(vault.burnedWei(), (BOND * 3) / 4, "the rest burned");
    checkEq(freeOf(maintainer), FEE, "fee refunded");
    VM.expectPartialRevert(IDisputeGame.GameStateIs.selector);
    game.settleGame(_claim, alice);
    VM.expectPartialRevert(IDisputeGame.BondAlreadySettled.selector);
    game.settleBond(_claim);
  }

  /// @dev With the operator's trace at hand a challenger goes straight to a leaf.
  function test_record_oneSelectToTheLeaf() public {
    _challenge(alice);
    _commit();
    Node memory leaf = _tensorNode(0);
    _select(alice, _start(), leaf, _pathTo(leaf));
    _reveal(leaf, _leaf);
    VM.expectPartialRevert(IDisputeGame.SelectionNotBelow.selector);
    _select(alice, leaf, leaf, "");
  }

  function test_record_operatorNeverCommits() public {
    Node memory none;
    _challenge(alice);
    skip(OPERATOR_CLOCK);
    VM.expectPartialRevert(IDisputeGame.ClockRunning.selector);
    _timeout(alice, none);
    skip(1);
    _timeout(alice, none);
    check(_verdict() == IDisputeGame.Verdict.Clock, "clock");
    check(stateOf(_claim.request) == RequestState.Overturned, "overturned");
  }

  /// @dev I-30: the clock is judged by the facts' times, whenever someone calls.
  function test_record_lateCommitDoesNotSave() public {
    _challenge(alice);
    skip(OPERATOR_CLOCK + 1);
    _commit();
    skip(CHALLENGER_CLOCK * 3);
    _timeout(alice, _start());
    check(_verdict() == IDisputeGame.Verdict.Clock, "the operator was first");
  }

  function test_record_challengerGivesUp() public {
    _challenge(alice);
    _commit();
    skip(CHALLENGER_CLOCK + 1);
    VM.expectPartialRevert(IDisputeGame.ClockExpired.selector);
    _select(alice, _start(), _tensorNode(0), _pathTo(_tensorNode(0)));
    _timeout(alice, _start());
    check(_game(alice).state == IDisputeGame.GameState.Lost, "lost");
    VM.expectPartialRevert(IDisputeGame.NotOver.selector);
    game.settleGame(_claim, alice);
    VM.prank(alice);
    VM.expectPartialRevert(IDisputeGame.GameExists.selector);
    game.challenge(_claim);
    skip(WINDOW);
    market.finalize(_claim.request, operator, outputOf(1));
    uint256 before = freeOf(operator);
    game.settleGame(_claim, alice);
    checkEq(freeOf(operator) - before, GAME_BOND / 2, "to the operator");
    checkEq(vault.burnedWei(), GAME_BOND / 2, "burned");
    checkEq(freeOf(alice) + lockedOf(alice), 10 ether - GAME_BOND, "from alice");
  }

  /// @dev I-31, I-35
  function test_record_lostStakeIsBurnedIfTheAnswerFallsLater() public {
    _challenge(alice);
    _commit();
    skip(CHALLENGER_CLOCK);
    _challenge(bob);
    skip(1);
    _timeout(alice, _start());
    referee.set(true, TRACE_DEPTH, TENSOR_DEPTH);
    _prove();
    game.settleGame(_claim, alice);
    game.settleGame(_claim, bob);
    game.settleBond(_claim);
    checkEq(freeOf(bob), 10 ether + BOND / 8, "the second's share");
    checkEq(freeOf(alice), 10 ether - GAME_BOND, "the first lost");
    checkEq(vault.burnedWei(), GAME_BOND + BOND - BOND / 8, "burned");
    checkEq(lockedOf(operator) + lockedOf(alice) + lockedOf(bob), 0, "nothing locked");
  }

  /// @dev I-28: one reveal answers every game, and an early one costs no clock.
  function test_record_parallelGamesShareReveals() public {
    _challenge(alice);
    _challenge(bob);
    _commit();
    Node memory leaf = _tensorNode(0);
    _select(alice, _start(), leaf, _pathTo(leaf));
    VM.expectPartialRevert(IDisputeGame.OperatorOnMove.selector);
    _select(alice, leaf, leaf, "");
    skip(40);
    VM.prank(carol);
    _reveal(leaf, _leaf);
    skip(10);
    _select(bob, _start(), leaf, _pathTo(leaf));
    skip(6);
    (bool onMove, uint256 operatorSeconds, uint256 challengerSeconds) = game.clocksOf(
      game.disputeIdOf(_result, bob),
      _result,
      leaf
    );
    check(!onMove, "bob is on the move at once");
    checkEq(operatorSeconds, 0, "operator");
    checkEq(challengerSeconds, 40 + 10 + 6, "bob");
    VM.expectPartialRevert(IDisputeGame.AlreadyRevealed.selector);
    _reveal(leaf, _leaf);
  }

  function test_record_withheldRevealLoses() public {
    _challenge(alice);
    _commit();
    Node memory leaf = _tensorNode(0);
    _select(alice, _start(), leaf, _pathTo(leaf));
    skip(OPERATOR_CLOCK + 1);
    _reveal(leaf, _leaf);
    _timeout(alice, leaf);
    check(_verdict() == IDisputeGame.Verdict.Clock, "too late");
  }

  function test_record_wrongOutput() public {
    _challenge(alice);
    _commit();
    OutputProof memory proof;
    VM.expectPartialRevert(IDisputeGame.OutputHashMismatch.selector);
    game.proveOutput(_claim, _root, 0, 0, outputOf(2), proof);
    VM.expectPartialRevert(IDisputeGame.ElementIsRight.selector);
    game.proveOutput(_claim, _root, 0, 0, outputOf(1), proof);
    referee.set(true, TRACE_DEPTH, TENSOR_DEPTH);
    game.proveOutput(_claim, _root, 0, 0, outputOf(1), proof);
    check(_verdict() == IDisputeGame.Verdict.Output, "without any round");
    game.settleBond(_claim);
    checkEq(vault.burnedWei(), BOND - BOND / 4, "what is nobody's share is burned");
  }

  // Rules

  /// @dev I-14
  function test_challengeableExactlyUntilTheEnd() public {
    skip(WINDOW - 1);
    _challenge(alice);
    skip(1);
    VM.prank(bob);
    VM.expectPartialRevert(ICourt.WindowClosed.selector);
    game.challenge(_claim);
    VM.expectPartialRevert(IInferenceMarket.GamesOpen.selector);
    market.finalize(_claim.request, operator, outputOf(1));
  }

  /// @dev I-15
  function test_provableUntilFinalAndNotAfter() public {
    StepProof memory proof;
    VM.expectPartialRevert(IDisputeGame.TraceRootIs.selector);
    game.prove(_claim, 0, 0, 0, proof);
    _challenge(alice);
    _commit();
    referee.set(true, TRACE_DEPTH, TENSOR_DEPTH);
    skip(CHALLENGER_CLOCK + 1);
    _timeout(alice, _start());
    skip(WINDOW);
    market.finalize(_claim.request, operator, outputOf(1));
    VM.expectPartialRevert(ICourt.StateIs.selector);
    _prove();
  }

  /// @dev I-55: as when a reorganisation has undone the challenge, but not the proof.
  function test_noVerdictWithoutAChallenger() public {
    _commit();
    referee.set(true, TRACE_DEPTH, TENSOR_DEPTH);
    VM.expectPartialRevert(IDisputeGame.NotChallenged.selector);
    _prove();
    OutputProof memory proof;
    VM.expectPartialRevert(IDisputeGame.NotChallenged.selector);
    game.proveOutput(_claim, _root, 0, 0, outputOf(1), proof);
    _challenge(alice);
    VM.prank(bob);
    _prove();
    check(_verdict() == IDisputeGame.Verdict.Step, "anybody's proof, once it is challenged");
    game.settleGame(_claim, alice);
    checkEq(freeOf(alice), 10 ether + BOND / 4, "the challenger's share");
  }

  function test_overturnedIsNeverFinalNorJudgedAgain() public {
    _challenge(alice);
    _commit();
    referee.set(true, TRACE_DEPTH, TENSOR_DEPTH);
    _prove();
    VM.expectPartialRevert(IDisputeGame.AlreadyDecided.selector);
    _prove();
    VM.expectPartialRevert(IDisputeGame.AlreadyDecided.selector);
    _timeout(alice, _start());
    VM.prank(bob);
    VM.expectPartialRevert(ICourt.StateIs.selector);
    game.challenge(_claim);
    skip(WINDOW);
    VM.expectPartialRevert(ICourt.StateIs.selector);
    market.finalize(_claim.request, operator, outputOf(1));
    Node memory leaf = _tensorNode(0);
    bytes memory path = _pathTo(leaf);
    VM.expectPartialRevert(IDisputeGame.AlreadyDecided.selector);
    _select(alice, _start(), leaf, path);
  }

  /// @dev I-26, I-27
  function test_commitIsTheOperatorsOnceAndComplete() public {
    bytes memory top = FixtureTree.head(FixtureTree.below(_trace, 1, 0, TRACE_DEPTH), 50);
    VM.prank(alice);
    VM.expectPartialRevert(IDisputeGame.NotOperator.selector);
    game.commitTrace(_claim, _root, "", top);
    VM.startPrank(operator);
    VM.expectPartialRevert(IDisputeGame.HashesTo.selector);
    game.commitTrace(_claim, _root, "", FixtureTree.head(top, 49));
    VM.expectPartialRevert(IDisputeGame.HashesTo.selector);
    game.commitTrace(_claim, keccak256("other"), "", top);
    referee.set(false, TRACE_DEPTH + 1, TENSOR_DEPTH);
    VM.expectPartialRevert(IDisputeGame.HashesTo.selector);
    game.commitTrace(_claim, _root, "", top);
    VM.stopPrank();
    referee.set(false, TRACE_DEPTH, TENSOR_DEPTH);
    _commit();
    VM.prank(operator);
    VM.expectPartialRevert(IDisputeGame.TraceAlreadyCommitted.selector);
    game.commitTrace(_claim, _root, "", top);
  }

  /// @dev I-33
  function test_selectsGoDownAtLeastOneMove() public {
    _challenge(alice);
    _commit();
    Node memory high = _traceNode(2, 8);
    bytes memory path = FixtureTree.path(_trace, 2, 8, TRACE_DEPTH);
    VM.expectPartialRevert(IDisputeGame.SelectionTooHigh.selector);
    _select(alice, _start(), high, path);
    Node memory low = _traceNode(0, INSTRUCTION);
    path = FixtureTree.path(_trace, 0, INSTRUCTION, TRACE_DEPTH);
    VM.expectPartialRevert(IDisputeGame.SelectionNotBelow.selector);
    _select(alice, _start(), low, path);
    VM.expectPartialRevert(IDisputeGame.SelectionTooHigh.selector);
    _select(alice, _start(), _start(), "");
  }

  /// @dev I-33: nothing but what the committed root contains can be demanded.
  function testFuzz_selectsOnlyWhatTheRootContains(uint256 flip, uint8 shorten) public {
    _challenge(alice);
    _commit();
    Node memory leaf = _tensorNode(0);
    bytes memory path = _pathTo(leaf);
    uint256 kind = flip % 5;
    if (kind == 0) path[(flip >> 8) % path.length] ^= 0x01;
    if (kind == 1) leaf.hash ^= bytes32(uint256(1) << ((flip >> 8) % 256));
    if (kind == 2) leaf.index ^= uint32(1 << ((flip >> 8) % 32));
    if (kind == 3) leaf.instruction ^= uint32(1 << ((flip >> 8) % 32));
    if (kind == 4) path = FixtureTree.head(path, shorten % 15);
    VM.expectRevert();
    _select(alice, _start(), leaf, path);
    checkEq(lockedOf(alice), GAME_BOND, "no deposit taken");
  }

  /// @dev I-27: the tensor's depth is the referee's, whatever the path.
  function test_depthIsNotTheChallengersToChoose() public {
    _challenge(alice);
    _commit();
    Node memory leaf = _tensorNode(0);
    referee.set(false, TRACE_DEPTH, TENSOR_DEPTH - 1);
    bytes memory path = _pathTo(leaf);
    VM.expectRevert();
    _select(alice, _start(), leaf, path);
    Node memory above = _tensorNode(TENSOR_DEPTH);
    path = _pathTo(above);
    VM.expectPartialRevert(IDisputeGame.SelectionTooHigh.selector);
    _select(alice, _start(), above, path);
  }

  /// @dev I-28
  function test_revealsAreAuthentic() public {
    Node memory leaf = _tensorNode(0);
    VM.expectPartialRevert(IDisputeGame.TraceRootIs.selector);
    game.reveal(_result, 0, leaf.hash, true, 0, _leaf);
    _commit();
    VM.expectPartialRevert(IDisputeGame.HashesTo.selector);
    _reveal(leaf, new bytes(256));
    VM.expectPartialRevert(IDisputeGame.ChildrenLengthIs.selector);
    _reveal(leaf, new bytes(255));
    VM.expectPartialRevert(IDisputeGame.NothingToReveal.selector);
    _reveal(_traceNode(0, 0), _leaf);
    Node memory whole = _tensorNode(TENSOR_DEPTH);
    bytes memory nodes = FixtureTree.below(_tensor, 2, 0, TENSOR_DEPTH);
    nodes[40] ^= 0x01;
    VM.expectPartialRevert(IDisputeGame.HashesTo.selector);
    _reveal(whole, nodes);
    // The same node at another height is another fact.
    nodes[40] ^= 0x01;
    game.reveal(_result, _root, whole.hash, true, TENSOR_DEPTH + 1, nodes);
    checkEq(game.revealedAt(_result, whole.hash, true, TENSOR_DEPTH), 0, "not this one");
    _reveal(whole, nodes);
    check(game.revealedAt(_result, whole.hash, true, TENSOR_DEPTH) == nowSeconds(), "stored");
    check(game.revealedAt(_result, whole.hash, false, TENSOR_DEPTH) == 0, "of its tree only");
  }

  /// @dev I-23
  function test_movesNameWhatTheyAnswer() public {
    _challenge(alice);
    _commit();
    Node memory leaf = _tensorNode(0);
    bytes memory path = _pathTo(leaf);
    VM.prank(alice);
    VM.expectPartialRevert(IDisputeGame.TraceRootIs.selector);
    game.select(_claim, keccak256("fork"), _start(), IDisputeGame.Selection(leaf, path, "", "", ""));
    VM.expectPartialRevert(IDisputeGame.NotSelectedNode.selector);
    _select(alice, _traceNode(1, 3), leaf, path);
    Claim memory other = _claim;
    other.release.atol = 1;
    VM.prank(bob);
    VM.expectPartialRevert(IDisputeGame.ReleaseNotRequested.selector);
    game.challenge(other);
    other = _claim;
    other.outputHash = keccak256("other");
    VM.prank(bob);
    VM.expectPartialRevert(ICourt.NotTheAnswer.selector);
    game.challenge(other);
    VM.prank(carol);
    VM.expectPartialRevert(IDisputeGame.GameStateIs.selector);
    game.select(_claim, _root, _start(), IDisputeGame.Selection(leaf, path, "", "", ""));
  }

  /// @dev I-22: every second counts against exactly one side.
  function testFuzz_everySecondIsSomeones(uint8 a, uint8 b, uint8 c, uint8 d) public {
    uint256 beganAt = nowSeconds();
    _challenge(alice);
    skip(a % 50);
    _commit();
    skip(b % 40);
    Node memory leaf = _tensorNode(0);
    _select(alice, _start(), leaf, _pathTo(leaf));
    skip(c % 50);
    _reveal(leaf, _leaf);
    skip(d);
    (, uint256 operatorSeconds, uint256 challengerSeconds) = game.clocksOf(
      game.disputeIdOf(_result, alice),
      _result,
      leaf
    );
    checkEq(operatorSeconds, uint256(a % 50) + (c % 50), "operator");
    checkEq(operatorSeconds + challengerSeconds, nowSeconds() - beganAt, "all");
  }

  /// @dev I-24
  function test_hundredChallengersDoNotRaiseTheCostOfAProof() public {
    _commit();
    referee.set(true, TRACE_DEPTH, TENSOR_DEPTH);
    _challenge(alice);
    uint256 alone = _gasOfProof();

    Claim memory first = _claim;
    _claim = answered();
    _result = resultIdOf(_claim);
    check(keccak256(abi.encode(first)) != keccak256(abi.encode(_claim)), "another claim");
    _commit();
    for (uint160 i = 0; i < 100; ++i) {
      stake(address(0x1000 + i), 1 ether);
      _challenge(address(0x1000 + i));
    }
    check(_gasOfProof() <= alone, "no dearer");
    checkEq(game.trialOf(_result).entries, 100, "games");
    for (uint160 i = 0; i < 100; ++i) game.settleGame(_claim, address(0x1000 + i));
    game.settleBond(_claim);
    checkEq(freeOf(address(0x1000)), 1 ether + BOND / 4, "first");
    checkEq(freeOf(address(0x1001)), 1 ether + BOND / 8, "second");
    check(lockedOf(operator) == BOND, "only the first claim's bond is left");
  }

  function _gasOfProof() private returns (uint256) {
    StepProof memory proof;
    return _executionGasOf(abi.encodeCall(game.prove, (_claim, _root, INSTRUCTION, 0, proof)));
  }

  /// @dev I-29
  function test_inputRootIsDerived() public {
    VM.expectPartialRevert(IDisputeGame.InputHashMismatch.selector);
    game.openInput(_claim.request, release, "", inputOf(2));
    bytes32 inputsRoot = game.openInput(_claim.request, release, "", inputOf(1));
    check(inputsRoot == sha256(inputOf(1)), "the referee's");
    check(game.inputsRootOf(market.requestIdOf(_claim.request)) == inputsRoot, "stored");
  }

  /// @dev I-32
  function testFuzz_stakesCoverTheOperatorsGas(uint64 baseFee) public {
    VM.fee(baseFee);
    (uint256 bondWei, uint256 depositWei) = game.stakesNow(_claim.request);
    check(bondWei >= 2 * 300_000 * uint256(baseFee) && bondWei >= GAME_BOND, "bond");
    check(depositWei >= 2 * 300_000 * uint256(baseFee) && depositWei >= DEPOSIT, "deposit");
  }

  /// @dev I-32: `responseGas` is more than the dearest commit or reveal takes, calldata and its floor price included.
  function test_responsesTakeLessThanResponseGas() public {
    bytes memory top = FixtureTree.below(_trace, 1, 0, TRACE_DEPTH);
    bytes memory header = new bytes(1_000);
    VM.prank(operator);
    check(_gasOf(abi.encodeCall(game.commitTrace, (_claim, _root, header, top))) < 300_000, "commit");
    bytes memory nodes = FixtureTree.below(_tensor, 2, 0, TENSOR_DEPTH);
    bytes32 whole = _tensorNode(TENSOR_DEPTH).hash;
    bytes memory data = abi.encodeCall(game.reveal, (_result, _root, whole, true, TENSOR_DEPTH, nodes));
    check(_gasOf(data) < 300_000, "reveal");
  }

  /// @dev Gas of a transaction with this calldata (EIP-2028, EIP-7623); 25,000 for what is warm already in this test.
  function _gasOf(bytes memory data) private returns (uint256) {
    uint256 tokens;
    for (uint256 i = 0; i < data.length; ++i) tokens += data[i] == 0 ? 1 : 4;
    uint256 standard = _executionGasOf(data) + 25_000 + 4 * tokens;
    return 21_000 + (standard > 10 * tokens ? standard : 10 * tokens);
  }

  function _executionGasOf(bytes memory data) private returns (uint256 gasUsed) {
    gasUsed = gasleft();
    (bool success, ) = address(game).call(data);
    gasUsed -= gasleft();
    check(success, "the move");
  }

  function test_challengersNeedTheirBond() public {
    VM.prank(address(0xdead));
    VM.expectPartialRevert(IVault.InsufficientFree.selector);
    game.challenge(_claim);
  }
}

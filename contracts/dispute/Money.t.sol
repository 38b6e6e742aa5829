// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IDisputeGame} from "../interfaces/IDisputeGame.sol";
import {StepProof} from "../interfaces/IReferee.sol";
import {Ask, Claim, Node, Request, RequestState, ResultId} from "../interfaces/Types.sol";
import {Fixture} from "../test/Fixture.sol";
import {VM, check, checkEq} from "../test/Vm.sol";
import {Shares} from "./Shares.sol";

/// @notice Random sequences of everything that moves wei; after each move every wei is where the rules say (I-3, I-11), and in
/// the end all of it can be withdrawn but what was burned.
contract MoneyTest is Fixture {
  struct Case {
    Request request;
    address operator;
  }

  uint256 private constant STEPS = 48;
  uint256 private constant ACTIONS = 16;
  address private constant USER = address(0x5e);

  /// @dev The whole trace is one zero leaf: a program of one instruction, with one leaf of output.
  bytes32 private _root;
  address[5] private _actors;
  Case[] private _cases;
  uint256[ACTIONS] private _done;

  function setUp() public override {
    super.setUp();
    _root = sha256(new bytes(256));
    _actors = [operator, alice, bob, carol, address(0xda)];
  }

  function testFuzz_everyWeiIsAccountedFor(uint256 seed) public {
    _play(seed);
    _drain();
  }

  /// @dev The sequences reach every action; otherwise the test above would show little.
  function test_everyActionHappens() public {
    for (uint256 seed = 0; seed < 12; ++seed) this.play(seed);
    for (uint256 i = 0; i < ACTIONS; ++i) check(_done[i] != 0, string.concat("action ", _digit(i)));
    _drain();
  }

  /// @dev In a call of its own, whose memory is given back.
  function play(uint256 seed) external {
    _play(seed);
  }

  function _play(uint256 seed) private {
    for (uint256 step = 0; step < STEPS; ++step) {
      uint256 draw = uint256(keccak256(abi.encode(seed, step)));
      uint256 action = draw % ACTIONS;
      if (_act(action, draw >> 16)) ++_done[action];
      _check();
    }
  }

  function _act(uint256 action, uint256 draw) private returns (bool) {
    address actor = _actors[draw % 5];
    uint256 amount = (draw >> 32) % 3 ether;
    if (action == 0) return _deposit(actor, amount);
    if (action == 1) return _call(actor, address(vault), abi.encodeCall(vault.withdraw, (amount, actor)));
    if (action == 2) return _request(draw);
    if (action == 3) return _pass(draw % 6 == 0 ? 300 : draw % 20);
    if (action == 4) return _call(maintainer, address(vault), abi.encodeCall(vault.withdrawRoyalty, (1, maintainer)));
    if (action == 5) return _collect();
    if (action == 7 || action == 8) return _endSomewhere(action);
    if (action > 9 && action < 15) return _moveSomewhere(action);
    if (_cases.length == 0) return false;
    // Mostly the latest request.
    uint256 pick = (draw >> 8) % 4 == 0 ? (draw >> 12) % _cases.length : _cases.length - 1;
    return _actOn(action, actor, _cases[pick], draw);
  }

  function _actOn(uint256 action, address actor, Case storage subject, uint256 draw) private returns (bool) {
    Request memory request = subject.request;
    if (action == 6) return _fulfill(actor, subject);
    if (action == 7) {
      return _call(actor, address(market), abi.encodeCall(market.finalize, (request, subject.operator, outputOf(1))));
    }
    if (action == 8) return _call(actor, address(market), abi.encodeCall(market.refund, (request)));
    if (subject.operator == address(0)) return false;
    Claim memory claim = _claimOf(subject);
    if (action == 9) return _call(actor, address(game), abi.encodeCall(game.challenge, (claim)));
    return (draw >> 24) % 4 == 0 && _prove(claim);
  }

  function _endSomewhere(uint256 action) private returns (bool success) {
    for (uint256 i = 0; i < _cases.length && !success; ++i) success = _actOn(action, USER, _cases[i], 0);
  }

  /// @dev The first legal move of this kind, in the newest request that has one.
  function _moveSomewhere(uint256 action) private returns (bool success) {
    for (uint256 i = _cases.length; i > 0 && !success; --i) {
      if (_cases[i - 1].operator == address(0)) continue;
      Claim memory claim = _claimOf(_cases[i - 1]);
      for (uint256 k = 0; k < 5 && !success; ++k) success = _move(action, claim, _actors[k]);
    }
  }

  function _move(uint256 action, Claim memory claim, address actor) private returns (bool) {
    if (action == 10) return _commit(claim);
    if (action == 11) return _timeout(claim, actor);
    if (action == 12) return _select(claim, actor);
    if (action == 13) return _reveal(claim);
    return _settle(claim, actor);
  }

  function _commit(Claim memory claim) private returns (bool) {
    bytes memory data = abi.encodeCall(game.commitTrace, (claim, _root, "", abi.encodePacked(_root)));
    return _call(claim.operator, address(game), data);
  }

  function _deposit(address actor, uint256 amount) private returns (bool) {
    stake(actor, amount);
    return true;
  }

  function _pass(uint256 numSeconds) private returns (bool) {
    skip(numSeconds);
    return true;
  }

  function _collect() private returns (bool) {
    uint256[] memory models = new uint256[](1);
    models[0] = 1;
    return _call(USER, address(vault), abi.encodeCall(vault.collectProtocolFees, (models)));
  }

  function _request(uint256 draw) private returns (bool) {
    Ask memory ask = defaultAsk();
    ask.bond = uint96((draw >> 32) % 3 ether);
    ask.windowSeconds = uint32(10 + ((draw >> 64) % 400));
    ask.refundTo = _actors[(draw >> 96) % 5];
    _cases.push(Case(makeRequest(USER, ask, inputOf(1), uint96((draw >> 128) % 1 ether)), address(0)));
    return true;
  }

  function _fulfill(address actor, Case storage subject) private returns (bool success) {
    success = _call(actor, address(market), abi.encodeCall(market.fulfill, (subject.request, outputOf(1))));
    if (success) subject.operator = actor;
  }

  function _prove(Claim memory claim) private returns (bool success) {
    StepProof memory proof;
    referee.set(true, 0, 0);
    success = _call(USER, address(game), abi.encodeCall(game.prove, (claim, _root, 0, 0, proof)));
    referee.set(false, 0, 0);
  }

  function _select(Claim memory claim, address actor) private returns (bool) {
    IDisputeGame.Selection memory selection = IDisputeGame.Selection(_leafNode(), "", "", "", "");
    bytes memory data = abi.encodeCall(game.select, (claim, _root, rootNode(_root, 0), selection));
    return _call(actor, address(game), data);
  }

  function _reveal(Claim memory claim) private returns (bool) {
    bytes memory data = abi.encodeCall(game.reveal, (resultIdOf(claim), _root, _root, true, 0, new bytes(256)));
    return _call(USER, address(game), data);
  }

  function _timeout(Claim memory claim, address challenger) private returns (bool) {
    ResultId resultId = resultIdOf(claim);
    Node memory node;
    if (game.gameOf(game.disputeIdOf(resultId, challenger)).node != 0) node = _leafNode();
    else if (game.trialOf(resultId).committedAt != 0) node = rootNode(_root, 0);
    return _call(USER, address(game), abi.encodeCall(game.timeout, (claim, challenger, node)));
  }

  function _settle(Claim memory claim, address challenger) private returns (bool) {
    bool one = _call(USER, address(game), abi.encodeCall(game.settleGame, (claim, challenger)));
    bool two = _call(USER, address(game), abi.encodeCall(game.settleBond, (claim)));
    return one || two;
  }

  function _leafNode() private view returns (Node memory) {
    return Node({hash: _root, tensor: true, height: 0, instruction: 0, index: 0});
  }

  function _claimOf(Case storage subject) private view returns (Claim memory) {
    return
      Claim({
        request: subject.request,
        release: release,
        operator: subject.operator,
        outputHash: keccak256(outputOf(1))
      });
  }

  function _call(address from, address to, bytes memory data) private returns (bool success) {
    VM.prank(from);
    (success, ) = to.call(data);
  }

  function _check() private view {
    uint256 held = vault.burnedWei() + vault.royaltyOf(1) + vault.protocolFeeOf(1);
    for (uint256 i = 0; i < 5; ++i) {
      held += freeOf(_actors[i]) + lockedOf(_actors[i]);
      checkEq(lockedOf(_actors[i]), _expectedLocked(_actors[i]), "bonds and deposits in progress");
    }
    held += freeOf(treasury) + freeOf(maintainer);
    checkEq(address(vault).balance, held, "vault");
    uint256 fees;
    for (uint256 i = 0; i < _cases.length; ++i) {
      RequestState state = stateOf(_cases[i].request);
      bool unfinished =
        state == RequestState.Requested || state == RequestState.Answered || state == RequestState.Overturned;
      if (unfinished) fees += _cases[i].request.fee;
    }
    checkEq(address(market).balance, fees, "market");
  }

  function _expectedLocked(address account) private view returns (uint256 lockedWei) {
    for (uint256 i = 0; i < _cases.length; ++i) {
      if (_cases[i].operator == address(0)) continue;
      Claim memory claim = _claimOf(_cases[i]);
      ResultId resultId = resultIdOf(claim);
      if (claim.operator == account) lockedWei += _bondLeft(claim, resultId);
      IDisputeGame.Game memory entered = game.gameOf(game.disputeIdOf(resultId, account));
      if (entered.state == IDisputeGame.GameState.Open || entered.state == IDisputeGame.GameState.Lost)
        lockedWei += entered.escrowWei;
    }
  }

  function _bondLeft(Claim memory claim, ResultId resultId) private view returns (uint256 leftWei) {
    RequestState state = stateOf(claim.request);
    if (state == RequestState.Answered) return claim.request.bond;
    IDisputeGame.Trial memory trial = game.trialOf(resultId);
    if (trial.verdict == IDisputeGame.Verdict.None) return 0;
    leftWei = claim.request.bond;
    if (trial.bondSettled) leftWei -= Shares.remainder(claim.request.bond, trial.entries);
    for (uint256 i = 0; i < 5; ++i) {
      IDisputeGame.Game memory entered = game.gameOf(game.disputeIdOf(resultId, _actors[i]));
      if (entered.state == IDisputeGame.GameState.Settled)
        leftWei -= Shares.shareDown(claim.request.bond, entered.entry);
    }
  }

  /// @dev Ends every request and game and withdraws everything.
  function _drain() private {
    skip(100_000);
    for (uint256 i = 0; i < _cases.length; ++i) {
      Case storage subject = _cases[i];
      if (subject.operator != address(0)) {
        Claim memory claim = _claimOf(subject);
        for (uint256 k = 0; k < 5; ++k) _timeout(claim, _actors[k]);
        _actOn(7, USER, subject, 0);
        for (uint256 k = 0; k < 5; ++k) _settle(claim, _actors[k]);
      }
      _actOn(8, USER, subject, 0);
      _check();
    }
    _call(maintainer, address(vault), abi.encodeCall(vault.withdrawRoyalty, (1, maintainer)));
    _collect();
    for (uint256 i = 0; i < 5; ++i) _withdrawAll(_actors[i]);
    _withdrawAll(maintainer);
    _withdrawAll(treasury);
    checkEq(address(market).balance, 0, "market is empty");
    checkEq(address(vault).balance, vault.burnedWei(), "only burned wei is left");
  }

  function _withdrawAll(address account) private {
    checkEq(lockedOf(account), 0, "nothing locked");
    uint256 freeWei = freeOf(account);
    VM.prank(account);
    vault.withdraw(freeWei, account);
  }

  function _digit(uint256 i) private pure returns (string memory) {
    return string(abi.encodePacked(bytes1(uint8(97 + i))));
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Shares} from "../dispute/Shares.sol";
import {IDisputeGame} from "../interfaces/IDisputeGame.sol";
import {IReceipts, Receipt} from "../interfaces/IReceipts.sol";
import {StepProof} from "../interfaces/IReferee.sol";
import {Claim, Node, ResultId} from "../interfaces/Types.sol";
import {ReceiptsFixture} from "../test/ReceiptsFixture.sol";
import {VM, check, checkEq} from "../test/Vm.sol";

/// @notice Random sequences of everything that moves wei behind receipts; each wei is accounted for after each move.
contract ReceiptsMoneyTest is ReceiptsFixture {
  uint256 private constant STEPS = 60;

  struct Waiting {
    uint256 receipt;
    address challenger;
    uint256 bondWei;
  }

  Receipt[] private _issued;
  Waiting[] private _waiting;
  uint256 private _next;
  address[4] private _actors;
  uint256 private _paidIn;

  /// @dev I-46, I-51, I-52
  function testFuzz_everyWeiIsAccountedFor(uint256 seed) public {
    // Its own challenger too.
    fund(operator);
    _actors = [operator, alice, bob, carol];
    _paidIn = RESERVE + 4 * STAKE;
    uint256 begun;
    for (uint256 i = 0; i < STEPS; ++i) {
      seed = uint256(keccak256(abi.encode(seed)));
      if (_act(seed % 10, seed >> 8)) ++begun;
      _check();
    }
    check(begun > STEPS / 4, "most of it is moves");
    _drain();
  }

  function _act(uint256 action, uint256 draw) private returns (bool) {
    address actor = _actors[draw % 4];
    if (action < 3) return _challenge(actor, draw >> 8);
    if (action == 3) return _dequeue();
    if (action == 4) return _skip(((draw >> 8) % 8) * 30);
    if (action == 5) return _reserve(draw >> 8);
    if (_issued.length == 0) return false;
    Receipt memory receipt = _issued[(draw >> 8) % _issued.length];
    if (action == 6) return _commit(receipt);
    if (action == 7) return (draw >> 16) % 4 == 0 && _prove(receipt);
    if (action == 8) return _timeout(receipt, actor);
    return _settle(receipt, actor);
  }

  function _challenge(address actor, uint256 draw) private returns (bool) {
    uint256 index = draw % (_issued.length + 2);
    if (index >= _issued.length) {
      index = _issued.length;
      Receipt memory made = receiptOf(index);
      made.bondClass = uint8(7 + ((draw >> 32) % 5));
      _issued.push(made);
    }
    Receipt memory receipt = _issued[index];
    bytes memory signature = signed(KEY, receipts.digestOf(receipt));
    VM.prank(actor);
    try receipts.challenge(receipt, release, signature) returns (bool begun) {
      if (!begun) _waiting.push(Waiting(index, actor, GAME_BOND));
      return true;
    } catch {
      return false;
    }
  }

  function _dequeue() private returns (bool) {
    if (_next == _waiting.length) return false;
    Waiting memory head = _waiting[_next];
    try receipts.dequeue(_issued[head.receipt], release, head.challenger, head.bondWei) {
      ++_next;
      return true;
    } catch {
      return false;
    }
  }

  function _skip(uint256 numSeconds) private returns (bool) {
    skip(numSeconds);
    return true;
  }

  function _reserve(uint256 draw) private returns (bool) {
    if (draw % 3 == 0) {
      addReserve(operator, 1 ether);
      _paidIn += 1 ether;
      return true;
    }
    bytes memory data =
      draw % 3 == 1
        ? abi.encodeCall(receipts.announceLeaving, ((draw >> 8) % 5 ether))
        : abi.encodeCall(receipts.withdrawReserve, ());
    return _call(operator, address(receipts), data);
  }

  function _commit(Receipt memory receipt) private returns (bool) {
    Claim memory claim = claimOfReceipt(receipt);
    return
      _call(operator, address(ring), abi.encodeCall(ring.commitTrace, (claim, TRACE, "", abi.encodePacked(TRACE))));
  }

  function _prove(Receipt memory receipt) private returns (bool success) {
    StepProof memory proof;
    Claim memory claim = claimOfReceipt(receipt);
    referee.set(true, 0, 0);
    success = _call(alice, address(ring), abi.encodeCall(ring.prove, (claim, TRACE, 0, 0, proof)));
    referee.set(false, 0, 0);
  }

  function _timeout(Receipt memory receipt, address challenger) private returns (bool) {
    (, ResultId resultId) = idsOf(receipt);
    Node memory node;
    if (ring.trialOf(resultId).committedAt != 0) node = rootNode(TRACE, 0);
    return _call(bob, address(ring), abi.encodeCall(ring.timeout, (claimOfReceipt(receipt), challenger, node)));
  }

  function _settle(Receipt memory receipt, address challenger) private returns (bool) {
    Claim memory claim = claimOfReceipt(receipt);
    bool one = _call(bob, address(ring), abi.encodeCall(ring.settleGame, (claim, challenger)));
    bool two = _call(bob, address(ring), abi.encodeCall(ring.settleBond, (claim)));
    return one || two;
  }

  function _call(address from, address to, bytes memory data) private returns (bool success) {
    VM.prank(from);
    (success, ) = to.call(data);
  }

  function _check() private view {
    uint256 held = bank.burnedWei();
    for (uint256 i = 0; i < 4; ++i) held += bankFree(_actors[i]) + bankLocked(_actors[i]);
    checkEq(held, _paidIn, "every wei is somebody's or burned");
    checkEq(address(bank).balance, _paidIn, "vault");
    checkEq(address(receipts).balance, 0, "court");
    for (uint256 i = 0; i < 4; ++i) checkEq(bankLocked(_actors[i]), _expectedLocked(_actors[i]), "locked");
    IReceipts.Reserve memory reserve = receipts.reserveOf(operator);
    check(reserve.live <= 8 && reserve.liveWei <= reserve.reserveWei, "bonds on trial are covered");
    checkEq(reserve.tail - reserve.head, _waiting.length - _next, "queue");
  }

  /// @dev Reserve, bonds of games that are not settled or wait, and what is left of bonds that were lost.
  function _expectedLocked(address account) private view returns (uint256 lockedWei) {
    if (account == operator) lockedWei = receipts.reserveOf(operator).reserveWei;
    for (uint256 i = _next; i < _waiting.length; ++i)
      if (_waiting[i].challenger == account) lockedWei += _waiting[i].bondWei;
    for (uint256 i = 0; i < _issued.length; ++i) {
      (, ResultId resultId) = idsOf(_issued[i]);
      IDisputeGame.Game memory entered = ring.gameOf(ring.disputeIdOf(resultId, account));
      if (entered.state == IDisputeGame.GameState.Open || entered.state == IDisputeGame.GameState.Lost)
        lockedWei += entered.escrowWei;
      if (account == operator) lockedWei += _bondLeft(_issued[i], resultId);
    }
  }

  function _bondLeft(Receipt memory receipt, ResultId resultId) private view returns (uint256 leftWei) {
    IDisputeGame.Trial memory trial = ring.trialOf(resultId);
    if (trial.verdict == IDisputeGame.Verdict.None) return 0;
    uint256 bondWei = receipts.bondOf(receipt.bondClass);
    leftWei = bondWei;
    if (trial.bondSettled) leftWei -= Shares.remainder(bondWei, trial.entries);
    for (uint256 i = 0; i < 4; ++i) {
      IDisputeGame.Game memory entered = ring.gameOf(ring.disputeIdOf(resultId, _actors[i]));
      if (entered.state == IDisputeGame.GameState.Settled) leftWei -= Shares.shareDown(bondWei, entered.entry);
    }
  }

  /// @dev Ends everything and takes all of it out.
  function _drain() private {
    for (uint256 round = 0; round < 20; ++round) {
      skip(10_000);
      for (uint256 i = 0; i < _issued.length; ++i) for (uint256 k = 0; k < 4; ++k) _timeout(_issued[i], _actors[k]);
      while (_dequeue()) {}
    }
    checkEq(_next, _waiting.length, "nothing waits");
    _call(operator, address(receipts), abi.encodeCall(receipts.announceLeaving, (_reserveWei())));
    skip(VALIDITY + 1 days);
    for (uint256 i = 0; i < _issued.length; ++i) for (uint256 k = 0; k < 4; ++k) _settle(_issued[i], _actors[k]);
    _check();
    checkEq(bankLocked(operator), _reserveWei(), "only the reserve is locked");
    VM.prank(operator);
    receipts.withdrawReserve();
    for (uint256 i = 0; i < 4; ++i) {
      checkEq(bankLocked(_actors[i]), 0, "nothing locked");
      uint256 freeWei = bankFree(_actors[i]);
      VM.prank(_actors[i]);
      bank.withdraw(freeWei, _actors[i]);
    }
    checkEq(address(bank).balance, bank.burnedWei(), "only burned wei is left");
  }

  function _reserveWei() private view returns (uint256) {
    return receipts.reserveOf(operator).reserveWei;
  }
}

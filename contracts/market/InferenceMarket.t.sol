// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICourt} from "../interfaces/ICourt.sol";
import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Ask, Claim, ParameterSet, Request, RequestId, RequestState, ResultId} from "../interfaces/Types.sol";
import {Fixture} from "../test/Fixture.sol";
import {HostileConsumer} from "../test/HostileConsumers.sol";
import {VM, check, checkEq} from "../test/Vm.sol";

contract InferenceMarketTest is Fixture {
  address private constant USER = address(0x5e);

  function _finalize(Request memory request) private {
    market.finalize(request, operator, outputOf(1));
  }

  function _refused(Ask memory ask, bytes memory input, bytes4 selector) private {
    VM.deal(USER, 1 ether);
    VM.prank(USER);
    VM.expectPartialRevert(selector);
    market.request{value: 1 wei}(ask, input);
  }

  function test_paysOperatorRoyaltyAndProtocol() public {
    Claim memory claim = answered();
    checkEq(lockedOf(operator), BOND, "bond locked");
    checkEq(address(market).balance, FEE, "fee held by the market");
    skip(WINDOW);
    _finalize(claim.request);
    check(stateOf(claim.request) == RequestState.Final, "final");
    checkEq(lockedOf(operator), 0, "bond free");
    checkEq(freeOf(operator), 1_000 ether + (FEE * 94) / 100, "operator");
    checkEq(vault.royaltyOf(1), (FEE * 5) / 100, "royalty");
    checkEq(vault.protocolFeeOf(1), FEE / 100, "protocol");
    checkEq(address(market).balance, 0, "nothing left");
  }

  /// @dev I-12
  function test_lengthsAreExact() public {
    _refused(defaultAsk(), new bytes(127), IInferenceMarket.InputLengthIs.selector);
    _refused(defaultAsk(), new bytes(129), IInferenceMarket.InputLengthIs.selector);
    Request memory request = makeRequest(USER, defaultAsk(), inputOf(1), FEE);
    VM.prank(operator);
    VM.expectPartialRevert(IInferenceMarket.OutputLengthIs.selector);
    market.fulfill(request, new bytes(63));
  }

  function test_asksAreBounded() public {
    Ask memory ask = defaultAsk();
    ask.windowSeconds = 9;
    _refused(ask, inputOf(1), IInferenceMarket.WindowOutOfBounds.selector);
    ask.windowSeconds = 7 days + 1;
    _refused(ask, inputOf(1), IInferenceMarket.WindowOutOfBounds.selector);
    ask = defaultAsk();
    ask.answerSeconds = 0;
    _refused(ask, inputOf(1), IInferenceMarket.AnswerSecondsOutOfBounds.selector);
    ask = defaultAsk();
    ask.callbackGas = 5_000_001;
    _refused(ask, inputOf(1), IInferenceMarket.CallbackGasAboveCap.selector);
    ask = defaultAsk();
    ask.refundTo = address(0);
    _refused(ask, inputOf(1), IInferenceMarket.RefundToZero.selector);
  }

  function test_sameNonceInOneBlockIsTheSameRequest() public {
    Ask memory ask = defaultAsk();
    makeRequest(USER, ask, inputOf(1), 1);
    _refused(ask, inputOf(1), IInferenceMarket.RequestExists.selector);
  }

  /// @dev I-9: a request changed in any field is another, unknown one.
  function testFuzz_everyFieldIsBound(uint8 field, uint256 flip) public {
    Request memory request = makeRequest(USER, defaultAsk(), inputOf(1), FEE);
    uint256 offset = uint256(field) % 14;
    uint256[14] memory bits = [uint256(160), 64, 256, 256, 96, 96, 40, 40, 32, 160, 32, 160, 256, 256];
    uint256 bit = flip % bits[offset];
    assembly {
      let at := add(request, mul(32, offset))
      mstore(at, xor(mload(at), shl(bit, 1)))
    }
    VM.prank(operator);
    VM.expectPartialRevert(ICourt.StateIs.selector);
    market.fulfill(request, outputOf(1));
  }

  /// @dev I-13
  function test_lateAnswersAreRefusedAndTheFeeComesBack() public {
    Request memory request = makeRequest(USER, defaultAsk(), inputOf(1), FEE);
    VM.warp(request.deadline);
    VM.expectPartialRevert(IInferenceMarket.DeadlineNotPassed.selector);
    market.refund(request);
    VM.warp(request.deadline + 1);
    VM.prank(operator);
    VM.expectPartialRevert(IInferenceMarket.DeadlinePassed.selector);
    market.fulfill(request, outputOf(1));
    market.refund(request);
    checkEq(freeOf(maintainer), FEE, "credited to refundTo");
    VM.expectPartialRevert(ICourt.StateIs.selector);
    market.refund(request);
  }

  function test_answerInTheLastSecond() public {
    Request memory request = makeRequest(USER, defaultAsk(), inputOf(1), FEE);
    VM.warp(request.deadline);
    VM.prank(operator);
    market.fulfill(request, outputOf(1));
    VM.expectPartialRevert(ICourt.StateIs.selector);
    market.refund(request);
    VM.prank(alice);
    VM.expectPartialRevert(ICourt.StateIs.selector);
    market.fulfill(request, outputOf(2));
  }

  /// @dev I-14
  function test_finalOnlyAfterTheWindow() public {
    Claim memory claim = answered();
    skip(WINDOW - 1);
    VM.expectPartialRevert(IInferenceMarket.WindowOpen.selector);
    _finalize(claim.request);
    skip(1);
    VM.expectPartialRevert(ICourt.NotTheAnswer.selector);
    market.finalize(claim.request, operator, outputOf(2));
    VM.expectPartialRevert(ICourt.NotTheAnswer.selector);
    market.finalize(claim.request, alice, outputOf(1));
    _finalize(claim.request);
    VM.expectPartialRevert(ICourt.StateIs.selector);
    _finalize(claim.request);
  }

  function test_answerIsProvisionalThenFinal() public {
    Claim memory claim = answered();
    RequestId id = market.requestIdOf(claim.request);
    (bool standing, bool isFinal, uint256 endsAt, ) = market.checkAnswer(id, operator, outputOf(1));
    check(standing && !isFinal, "provisional");
    checkEq(endsAt, nowSeconds() + WINDOW, "end");
    (standing, , , ) = market.checkAnswer(id, operator, outputOf(2));
    check(!standing, "another output");
    VM.warp(endsAt);
    _finalize(claim.request);
    (standing, isFinal, , ) = market.checkAnswer(id, operator, outputOf(1));
    check(standing && isFinal, "final");
  }

  /// @dev I-4, I-15
  function test_onlyTheGameOpensClosesAndOverturns() public {
    Claim memory claim = answered();
    RequestId id = market.requestIdOf(claim.request);
    ResultId result = resultIdOf(claim);
    VM.startPrank(admin);
    VM.expectPartialRevert(ICourt.NotGame.selector);
    market.openGame(id, result);
    VM.expectPartialRevert(ICourt.NotGame.selector);
    market.closeGame(id, result);
    VM.expectPartialRevert(ICourt.NotGame.selector);
    market.overturn(id, result);
    VM.stopPrank();
    skip(WINDOW);
    _finalize(claim.request);
    VM.startPrank(address(game));
    VM.expectPartialRevert(ICourt.StateIs.selector);
    market.overturn(id, result);
    VM.stopPrank();
  }

  /// @dev I-16
  function testFuzz_bondCoversTheDispute(uint64 baseFee) public {
    VM.fee(baseFee);
    Request memory request = makeRequest(USER, defaultAsk(), inputOf(1), FEE);
    uint256 disputeWei = uint256(DISPUTE_GAS) * baseFee;
    check(game.shareDown(request.bond, 0) >= 2 * disputeWei, "first share");
    check(game.shareDown(request.bond, 0) >= 2 * DEPOSIT, "first share, whatever the base fee");
    check(request.bond >= BOND, "as asked");
  }

  /// @dev I-17
  function test_namedOperatorAlone() public {
    Ask memory ask = defaultAsk();
    ask.operator = alice;
    ask.bond = 1 ether;
    Request memory request = makeRequest(USER, ask, inputOf(1), FEE);
    VM.prank(operator);
    VM.expectPartialRevert(IInferenceMarket.NotNamedOperator.selector);
    market.fulfill(request, outputOf(1));
    checkEq(market.turnOpensAt(request, operator), type(uint256).max, "never");
    VM.prank(alice);
    market.fulfill(request, outputOf(1));
  }

  function test_turnsOpenByStake() public {
    ParameterSet memory set = parameterSet();
    set.turnEthSeconds = 60_000;
    VM.prank(admin);
    market.setParameters(set);
    Request memory request = makeRequest(USER, defaultAsk(), inputOf(1), FEE);
    // The operator's 1000 ether wait at most 60 s; alice deposits too late to count and waits for half of the time.
    uint256 opensAt = market.turnOpensAt(request, operator);
    check(opensAt <= nowSeconds() + 60, "by stake");
    stake(alice, 10_000 ether);
    checkEq(market.turnOpensAt(request, alice), nowSeconds() + ANSWER / 2, "new stake");
    VM.prank(alice);
    VM.expectPartialRevert(IInferenceMarket.TurnNotOpen.selector);
    market.fulfill(request, outputOf(1));
    checkEq(lockedOf(alice), 0, "nothing locked");
    skip(ANSWER / 2);
    VM.prank(alice);
    market.fulfill(request, outputOf(1));
  }

  function test_operatorNeedsTheBond() public {
    Request memory request = makeRequest(USER, defaultAsk(), inputOf(1), FEE);
    VM.prank(address(0xdead));
    VM.expectPartialRevert(IVault.InsufficientFree.selector);
    market.fulfill(request, outputOf(1));
  }

  /// @dev I-19: changed parameters and a pause leave a made request as it was.
  function test_parametersGovernLaterRequestsOnly() public {
    Claim memory claim = answered();
    ParameterSet memory set = parameterSet();
    (set.protocolFeeBps, set.minWindow) = (1_000, 5_000);
    VM.startPrank(admin);
    market.setParameters(set);
    market.pause(3 days);
    VM.stopPrank();
    check(keccak256(abi.encode(market.parameters())) == keccak256(abi.encode(set)), "changed");
    skip(WINDOW);
    _finalize(claim.request);
    checkEq(vault.protocolFeeOf(1), FEE / 100, "old fee");
  }

  /// @dev I-20
  function test_pauseEndsByItself() public {
    VM.startPrank(admin);
    VM.expectPartialRevert(IInferenceMarket.PauseOutOfBounds.selector);
    market.pause(3 days + 1);
    market.pause(3 days);
    VM.expectPartialRevert(IInferenceMarket.PauseTooSoon.selector);
    market.pause(1);
    VM.stopPrank();
    _refused(defaultAsk(), inputOf(1), IInferenceMarket.RequestsPaused.selector);
    skip(3 days);
    makeRequest(USER, defaultAsk(), inputOf(1), 1);
    skip(4 days - 1);
    VM.startPrank(admin);
    VM.expectPartialRevert(IInferenceMarket.PauseTooSoon.selector);
    market.pause(1);
    skip(1);
    market.pause(1 days);
    market.unpause();
    VM.stopPrank();
    makeRequest(USER, defaultAsk(), inputOf(2), 1);
  }

  /// @dev I-21
  function testFuzz_parametersAreBounded(ParameterSet memory set) public {
    bool bounded =
      set.protocolFeeBps <= 1_000 &&
        set.minWindow >= FLOOR_SECONDS &&
        set.minWindow <= 7 days &&
        set.maxWindow >= 7 days &&
        set.maxWindow <= 60 days &&
        set.operatorClock >= FLOOR_SECONDS &&
        set.operatorClock <= 60 days &&
        set.challengerClock >= FLOOR_SECONDS &&
        set.challengerClock <= 60 days &&
        set.challengerBondGwei <= 1e9 &&
        set.selectDepositGwei <= 1e8;
    if (!bounded) VM.expectPartialRevert(IInferenceMarket.ParameterOutOfBounds.selector);
    VM.prank(admin);
    market.setParameters(set);
  }

  function test_strangersChangeNothing() public {
    VM.startPrank(alice);
    VM.expectRevert();
    market.setParameters(parameterSet());
    VM.expectRevert();
    market.pause(1);
    VM.expectRevert();
    market.unpause();
    VM.stopPrank();
  }
}

/// @notice I-18
contract CallbackTest is Fixture {
  HostileConsumer private _consumer;
  Request private _made;

  function setUp() public override {
    super.setUp();
    _consumer = new HostileConsumer();
    Ask memory ask = defaultAsk();
    ask.callbackGas = 200_000;
    _made = makeRequest(address(_consumer), ask, inputOf(1), FEE);
    VM.prank(operator);
    market.fulfill(_made, outputOf(1));
    skip(WINDOW);
  }

  function test_delivers() public {
    market.finalize(_made, operator, outputOf(1));
    check(stateOf(_made) == RequestState.Delivered, "delivered");
    check(_consumer.outputHash() == keccak256(outputOf(1)), "output");
    VM.expectPartialRevert(ICourt.StateIs.selector);
    market.deliver(_made, operator, outputOf(1));
  }

  function test_noConsumerBlocksPayment() public {
    HostileConsumer.Mood[4] memory moods = [
      HostileConsumer.Mood.Revert,
      HostileConsumer.Mood.BurnGas,
      HostileConsumer.Mood.RevertBomb,
      HostileConsumer.Mood.ReturnBomb
    ];
    Request memory made = _made;
    for (uint256 i = 0; i < 4; ++i) {
      if (i != 0) {
        Ask memory ask = defaultAsk();
        ask.callbackGas = 200_000;
        made = makeRequest(address(_consumer), ask, inputOf(1), FEE);
        VM.prank(operator);
        market.fulfill(made, outputOf(1));
        skip(WINDOW);
      }
      _consumer.setMood(moods[i]);
      uint256 before = gasleft();
      market.finalize(made, operator, outputOf(1));
      check(before - gasleft() < 200_000 + 150_000, "cost is bounded");
      bool delivered = moods[i] == HostileConsumer.Mood.ReturnBomb;
      check(stateOf(made) == (delivered ? RequestState.Delivered : RequestState.Final), "final in any case");
      checkEq(lockedOf(operator), 0, "paid in any case");
    }
  }

  function test_failedDeliveryCanBeRetriedByAnyone() public {
    _consumer.setMood(HostileConsumer.Mood.Revert);
    market.finalize(_made, operator, outputOf(1));
    market.deliver(_made, operator, outputOf(1));
    check(stateOf(_made) == RequestState.Final, "still failing");
    _consumer.setMood(HostileConsumer.Mood.Accept);
    VM.expectPartialRevert(ICourt.NotTheAnswer.selector);
    market.deliver(_made, operator, outputOf(2));
    VM.prank(address(0xdead));
    market.deliver(_made, operator, outputOf(1));
    checkEq(_consumer.calls(), 1, "once");
    VM.expectPartialRevert(ICourt.StateIs.selector);
    market.deliver(_made, operator, outputOf(1));
  }

  function test_reentryFindsNothing() public {
    _consumer.armReentry(market, _made, operator);
    _consumer.setMood(HostileConsumer.Mood.Reenter);
    market.finalize(_made, operator, outputOf(1));
    check(!_consumer.reentered() && _consumer.calls() == 1, "once");
    checkEq(address(market).balance, 0, "paid once");
  }

  /// @dev Whatever gas the caller brings, the consumer gets all of its gas or the whole call reverts.
  function testFuzz_fullGasOrNothing(uint32 gasGiven) public {
    uint256 brought = 100_000 + (gasGiven % 400_000);
    (bool success, ) = address(market).call{gas: brought}(
      abi.encodeCall(market.finalize, (_made, operator, outputOf(1)))
    );
    if (success) {
      checkEq(_consumer.calls(), 1, "delivered");
      check(_consumer.gasSeen() > 190_000, "with all of its gas");
    } else {
      check(stateOf(_made) == RequestState.Answered, "nothing happened");
    }
    check(success == (brought >= 330_000) || (brought > 260_000 && brought < 330_000), "enough is enough");
  }

  function test_accountWithoutCodeIsNotDelivered() public {
    Ask memory ask = defaultAsk();
    ask.callbackGas = 50_000;
    Request memory made = makeRequest(address(0x5e), ask, inputOf(2), FEE);
    VM.prank(operator);
    market.fulfill(made, outputOf(1));
    skip(WINDOW);
    market.finalize(made, operator, outputOf(1));
    check(stateOf(made) == RequestState.Final, "paid, not delivered");
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {InferenceConsumer} from "../consumers/InferenceConsumer.sol";
import {OutputHashes} from "../examples/OutputHashes.sol";
import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {Ask, Request, RequestState} from "../interfaces/Types.sol";
import {Fixture} from "../test/Fixture.sol";
import {HostilePoker} from "../test/HostilePokers.sol";
import {VM, check, checkEq} from "../test/Vm.sol";
import {InferenceSchedule} from "./InferenceSchedule.sol";
import {Recurring} from "./Recurring.sol";

contract InferenceScheduleTest is Fixture {
  uint32 private constant INTERVAL = 3_600;
  uint96 private constant MIN_TIP = 0.01 ether;
  uint96 private constant MAX_TIP = 0.05 ether;
  uint32 private constant TIP_SECONDS = 400;
  uint96 private constant MAX_FEE = 1.5 ether;
  uint256 private constant BUDGET = 10 ether;
  address private constant POKER = address(0x90);

  OutputHashes private _consumer;
  InferenceSchedule private _schedule;
  HostilePoker private _hostile;

  function setUp() public override {
    super.setUp();
    InferenceConsumer.Policy memory policy = InferenceConsumer.Policy({
      releaseId: releaseId,
      bond: BOND,
      answerSeconds: ANSWER,
      windowSeconds: WINDOW,
      operator: operator,
      callbackGas: 60_000
    });
    _consumer = OutputHashes(create("OutputHashes.sol:OutputHashes", abi.encode(market, policy)));
    _hostile = HostilePoker(payable(create("HostilePokers.sol:HostilePoker", "")));
    _schedule = _make(alice, _terms(), address(_consumer), abi.encodeCall(OutputHashes.ask, (inputOf(1))));
    _fund(_schedule, BUDGET);
  }

  function _terms() private view returns (Recurring.Terms memory) {
    return
      Recurring.Terms({
        interval: INTERVAL,
        endAt: uint40(nowSeconds() + 10 * INTERVAL),
        feeWei: FEE,
        feeGas: 200_000,
        maxFeeWei: MAX_FEE,
        minTipWei: MIN_TIP,
        maxTipWei: MAX_TIP,
        tipSeconds: TIP_SECONDS
      });
  }

  function _make(
    address owner,
    Recurring.Terms memory terms,
    address consumer,
    bytes memory call
  ) private returns (InferenceSchedule) {
    bytes memory arguments = abi.encode(market, owner, terms, consumer, call);
    return InferenceSchedule(payable(create("InferenceSchedule.sol:InferenceSchedule", arguments)));
  }

  function _fund(Recurring target, uint256 amountWei) private {
    VM.deal(bob, bob.balance + amountWei);
    VM.prank(bob);
    (bool success, ) = address(target).call{value: amountWei}("");
    check(success, "funded");
  }

  /// @dev The request that a poke now makes.
  function _request(uint96 feeWei) private view returns (Request memory) {
    Ask memory ask = Ask({
      releaseId: releaseId,
      nonce: _consumer.nextNonce(),
      bond: BOND,
      answerSeconds: ANSWER,
      windowSeconds: WINDOW,
      operator: operator,
      callbackGas: 60_000,
      refundTo: address(_schedule)
    });
    return fixedRequest(address(_consumer), ask, inputOf(1), feeWei);
  }

  function _poke() private returns (Request memory made) {
    made = _request(uint96(_schedule.feeNow()));
    _schedule.poke(POKER);
    check(stateOf(made) == RequestState.Requested, "requested as expected");
  }

  /// @dev I-40
  function test_theConsumerGetsTheAnswerAndThePokerTheTip() public {
    Request memory made = _poke();
    checkEq(POKER.balance, MIN_TIP, "tip");
    checkEq(_schedule.budgetWei(), BUDGET - FEE - MIN_TIP, "budget");
    VM.prank(operator);
    market.fulfill(made, outputOf(7));
    skip(WINDOW);
    market.finalize(made, operator, outputOf(7));
    check(_consumer.outputHashOf(market.requestIdOf(made)) == keccak256(outputOf(7)), "answered");
    checkEq(_schedule.budgetWei(), BUDGET - FEE - MIN_TIP, "nothing else");
  }

  /// @dev I-41
  function test_oncePerInterval() public {
    _schedule.poke(POKER);
    VM.expectPartialRevert(Recurring.NotDue.selector);
    _schedule.poke(POKER);
    skip(INTERVAL - 1);
    checkEq(_schedule.tipNow(), 0, "no tip before");
    VM.expectPartialRevert(Recurring.NotDue.selector);
    _schedule.poke(POKER);
    skip(1);
    _schedule.poke(POKER);
    checkEq(POKER.balance, 2 * MIN_TIP, "two tips");
  }

  function testFuzz_theTipGrowsWhileOverdue(uint256 overdue) public {
    overdue %= 2 * TIP_SECONDS;
    skip(overdue);
    uint256 grown = overdue < TIP_SECONDS ? overdue : TIP_SECONDS;
    uint256 expected = MIN_TIP + ((MAX_TIP - MIN_TIP) * grown) / TIP_SECONDS;
    checkEq(_schedule.tipNow(), expected, "announced");
    checkEq(_schedule.poke(POKER), expected, "returned");
    checkEq(POKER.balance, expected, "paid");
    checkEq(_schedule.dueAt(), nowSeconds() + INTERVAL, "from the poke on");
  }

  function test_theTipIsWhatIsLeftAndAtLeastTheLeast() public {
    VM.prank(alice);
    _schedule.withdraw(BUDGET - MAX_FEE - MAX_TIP, alice);
    VM.fee(2_500 gwei); // A fee of 1.5 ether
    skip(TIP_SECONDS);
    Request memory made = _poke();
    checkEq(POKER.balance, MAX_TIP, "all that was left");
    checkEq(_schedule.budgetWei(), 0, "spent");
    VM.fee(0);
    _fund(_schedule, FEE + MIN_TIP - 1);
    skip(INTERVAL + TIP_SECONDS);
    VM.expectPartialRevert(Recurring.BudgetTooSmall.selector);
    _schedule.poke(POKER);
    _fund(_schedule, 1);
    _schedule.poke(POKER);
    checkEq(POKER.balance, MAX_TIP + MIN_TIP, "the least");
    check(stateOf(made) == RequestState.Requested, "another request");
  }

  function test_theFeeFollowsTheBaseFeeUpToItsBound() public {
    VM.fee(2_501 gwei);
    checkEq(_schedule.feeNow(), FEE + 200_000 * 2_501 gwei, "announced");
    VM.expectPartialRevert(Recurring.FeeAboveMax.selector);
    _schedule.poke(POKER);
    VM.fee(2_500 gwei);
    Request memory made = _poke();
    checkEq(made.fee, MAX_FEE, "fee");
    checkEq(address(market).balance, MAX_FEE, "held by the market");
  }

  function test_anUnansweredFeeReturnsToTheBudgetAndIsSpentAgain() public {
    VM.prank(alice);
    _schedule.withdraw(BUDGET - MAX_FEE - MAX_TIP, alice);
    Request memory made = _poke();
    skip(INTERVAL);
    VM.expectPartialRevert(Recurring.BudgetTooSmall.selector);
    _schedule.poke(POKER);
    market.refund(made);
    checkEq(freeOf(address(_schedule)), FEE, "in the vault");
    checkEq(_schedule.budgetWei(), MAX_FEE + MAX_TIP - MIN_TIP, "counts");
    _schedule.poke(POKER);
    checkEq(freeOf(address(_schedule)), 0, "collected");
    checkEq(POKER.balance, 2 * MIN_TIP, "tips");
  }

  function test_anyoneCollectsRefunds() public {
    Request memory made = _poke();
    skip(INTERVAL);
    market.refund(made);
    VM.prank(POKER);
    _schedule.collect();
    checkEq(address(_schedule).balance, BUDGET - MIN_TIP, "collected");
    _schedule.collect();
    checkEq(address(_schedule).balance, BUDGET - MIN_TIP, "once");
  }

  function test_theOwnerLeavesWhatTheNextRequestMayCost() public {
    VM.expectPartialRevert(Recurring.NotOwner.selector);
    _schedule.withdraw(1, bob);
    VM.startPrank(alice);
    uint256 spare = BUDGET - MAX_FEE - MAX_TIP;
    VM.expectPartialRevert(Recurring.BudgetTooSmall.selector);
    _schedule.withdraw(spare + 1, alice);
    uint256 before = alice.balance;
    _schedule.withdraw(spare, alice);
    checkEq(alice.balance - before, spare, "withdrawn");
    VM.stopPrank();
    skip(10 * INTERVAL);
    _schedule.poke(POKER);
    skip(1);
    check(_schedule.hasEnded(), "ended");
    VM.startPrank(alice);
    uint256 left = _schedule.budgetWei();
    _schedule.withdraw(left, alice);
    VM.stopPrank();
    checkEq(_schedule.budgetWei(), 0, "all of it after the end");
  }

  function test_noRequestsAfterTheEnd() public {
    skip(10 * INTERVAL + 1);
    VM.expectPartialRevert(Recurring.Ended.selector);
    _schedule.poke(POKER);
  }

  function test_cancelledToTheWeiAndRefundsAfterwards() public {
    Request memory made = _poke();
    VM.expectPartialRevert(Recurring.NotOwner.selector);
    _schedule.cancel(bob);
    uint256 before = alice.balance;
    VM.prank(alice);
    _schedule.cancel(alice);
    checkEq(alice.balance - before, BUDGET - FEE - MIN_TIP, "the whole budget");
    skip(2 * INTERVAL);
    VM.expectPartialRevert(Recurring.NotDue.selector);
    _schedule.poke(POKER);
    market.refund(made);
    VM.prank(alice);
    _schedule.withdraw(FEE, alice);
    checkEq(alice.balance - before, BUDGET - MIN_TIP, "the refund too");
    checkEq(_schedule.budgetWei(), 0, "nothing left");
  }

  function test_aReceiverThatRefusesItsTipHasMadeNoRequest() public {
    _hostile.setMood(HostilePoker.Mood.Refuse);
    VM.expectPartialRevert(Recurring.TransferFailed.selector);
    _hostile.poke(_schedule);
    checkEq(address(market).balance, 0, "no request");
    checkEq(_schedule.budgetWei(), BUDGET, "budget");
    _schedule.poke(POKER);
  }

  /// @dev I-41
  function test_neitherReceiverNorConsumerPokesAgain() public {
    _hostile.setMood(HostilePoker.Mood.PokeAgain);
    _hostile.poke(_schedule);
    check(_hostile.calls() == 1 && !_hostile.reentered(), "receiver");
    checkEq(_schedule.budgetWei(), BUDGET - FEE - MIN_TIP, "one tip");
    InferenceSchedule other = _makeHostile(address(0));
    _hostile.poke(other);
    check(_hostile.calls() == 3 && !_hostile.reentered(), "consumer");
    checkEq(other.budgetWei(), BUDGET - FEE - MIN_TIP, "one tip, one fee");
  }

  function _makeHostile(address owner) private returns (InferenceSchedule made) {
    made = _make(owner, _terms(), address(_hostile), abi.encodeCall(HostilePoker.tick, ()));
    _fund(made, BUDGET);
  }

  function test_anOwnerThatIsCalledCannotTakeTheTip() public {
    InferenceSchedule own = _makeHostile(address(_hostile));
    _hostile.setMood(HostilePoker.Mood.WithdrawAll);
    own.poke(POKER);
    check(_hostile.calls() == 1 && !_hostile.reentered(), "no withdrawal");
    checkEq(POKER.balance, MIN_TIP, "tip");
    skip(INTERVAL);
    _hostile.setMood(HostilePoker.Mood.Cancel);
    VM.expectPartialRevert(Recurring.TransferFailed.selector);
    own.poke(POKER);
    checkEq(own.budgetWei(), BUDGET - FEE - MIN_TIP, "as before");
  }

  function test_ofNobodyNobodyWithdraws() public {
    InferenceSchedule free = _make(address(0), _terms(), address(_hostile), "");
    VM.expectPartialRevert(Recurring.NotOwner.selector);
    free.cancel(alice);
  }

  function test_theConsumersErrorIsShown() public {
    VM.prank(admin);
    market.pause(1 days);
    VM.expectPartialRevert(IInferenceMarket.RequestsPaused.selector);
    _schedule.poke(POKER);
    skip(1 hours);
    VM.prank(admin);
    market.unpause();
    _schedule.poke(POKER);
  }

  function test_termsAreChecked() public {
    Recurring.Terms memory terms = _terms();
    terms.interval = 0;
    VM.expectPartialRevert(Recurring.IntervalIsZero.selector);
    new InferenceSchedule(market, alice, terms, address(_consumer), "");
    terms = _terms();
    terms.minTipWei = MAX_TIP + 1;
    VM.expectPartialRevert(Recurring.TipsOutOfOrder.selector);
    new InferenceSchedule(market, alice, terms, address(_consumer), "");
    VM.expectPartialRevert(InferenceSchedule.ConsumerHasNoCode.selector);
    new InferenceSchedule(market, alice, _terms(), bob, "");
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICourt} from "../interfaces/ICourt.sol";
import {InferenceConsumer} from "../consumers/InferenceConsumer.sol";
import {Ask, Claim, Node, Request, RequestId, RequestState} from "../interfaces/Types.sol";
import {Fixture} from "../test/Fixture.sol";
import {GreedyFeed} from "../test/GreedyFeed.sol";
import {VM, check, checkEq} from "../test/Vm.sol";
import {IFeedInput} from "./IFeedInput.sol";
import {InferenceFeed} from "./InferenceFeed.sol";
import {Recurring} from "./Recurring.sol";

/// @notice A feed of the float at byte 4 of outputs, to 8 decimals, between -1 and 2.
contract InferenceFeedTest is Fixture {
  uint32 private constant INTERVAL = 300;
  uint32 private constant HEARTBEAT = INTERVAL + ANSWER + WINDOW;
  uint96 private constant MIN_TIP = 0.01 ether;
  uint96 private constant MAX_TIP = 0.05 ether;
  uint256 private constant BUDGET = 20 ether;
  address private constant POKER = address(0x90);
  uint32 private constant HALF = 0x3f000000;
  uint32 private constant QUARTER = 0x3e800000;

  enum Action {
    Poke,
    Pass,
    Answer,
    Finalize,
    Challenge,
    Timeout,
    Refund,
    Fund,
    Withdraw,
    Collect
  }

  IFeedInput private _source;
  InferenceFeed private _feed;
  Request[] private _requests;
  uint256 private _fundedWei;
  uint256 private _withdrawnWei;
  uint256[10] private _done;

  function setUp() public override {
    super.setUp();
    _source = IFeedInput(create("TimestampInput.sol:TimestampInput", abi.encode(new bytes(128), 64)));
    _feed = InferenceFeed(_make("InferenceFeed.sol:InferenceFeed"));
    _fund(BUDGET);
  }

  function _policy() private view returns (InferenceConsumer.Policy memory) {
    return InferenceConsumer.Policy(releaseId, BOND, ANSWER, WINDOW, operator, 0);
  }

  function _terms() private pure returns (Recurring.Terms memory) {
    return Recurring.Terms(INTERVAL, type(uint40).max, FEE, 0, 2 * FEE, MIN_TIP, MAX_TIP, 400);
  }

  function _value() private view returns (InferenceFeed.Value memory) {
    return InferenceFeed.Value(_source, 4, 12, 8, -1e8, 2e8, HEARTBEAT, "ETH / USD volatility");
  }

  function _make(string memory artifact) private returns (address payable) {
    return payable(create(artifact, abi.encode(market, _policy(), alice, _terms(), _value())));
  }

  function _fund(uint256 amountWei) private {
    VM.deal(bob, amountWei);
    VM.prank(bob);
    (bool success, ) = address(_feed).call{value: amountWei}("");
    check(success, "funded");
    _fundedWei += amountWei;
  }

  /// @dev An output of which the feed's element has these bits.
  function _output(uint32 bits) private pure returns (bytes memory output) {
    output = new bytes(64);
    for (uint256 i = 0; i < 4; ++i) output[4 + i] = bytes1(uint8(bits >> (8 * i)));
  }

  function _poke() private returns (Request memory made) {
    uint64 nonce = uint64(nowSeconds());
    Ask memory ask = Ask(releaseId, nonce, BOND, ANSWER, WINDOW, operator, _feed.CALLBACK_GAS(), address(_feed));
    made = fixedRequest(address(_feed), ask, _source.input(), FEE);
    _feed.poke(POKER);
    check(stateOf(made) == RequestState.Requested, "requested as expected");
  }

  function _answer(Request memory made, uint32 bits) private {
    VM.prank(operator);
    market.fulfill(made, _output(bits));
  }

  function _round(uint32 bits) private returns (Request memory made) {
    made = _poke();
    _answer(made, bits);
    skip(WINDOW);
    market.finalize(made, operator, _output(bits));
    check(stateOf(made) == RequestState.Delivered, "delivered");
  }

  function _overturn(Request memory made, uint32 bits) private {
    Claim memory claim = claimOf(made, _output(bits));
    Node memory none;
    VM.prank(carol);
    game.challenge(claim);
    skip(OPERATOR_CLOCK + 1);
    game.timeout(claim, carol, none);
    check(stateOf(made) == RequestState.Overturned, "overturned");
  }

  function _expectLatest(uint80 roundId, int256 answer, uint256 inputAt) private view {
    (uint80 id, int256 value, uint256 startedAt, uint256 updatedAt, uint80 answeredIn) = _feed.latestRoundData();
    check(id == roundId && answeredIn == roundId, "round");
    check(value == answer, "answer");
    check(startedAt == inputAt && updatedAt == inputAt, "time of the input");
  }

  function test_noDataBeforeTheFirstAnswer() public {
    VM.expectPartialRevert(InferenceFeed.NoDataPresent.selector);
    _feed.latestRoundData();
    VM.expectPartialRevert(InferenceFeed.NoDataPresent.selector);
    _feed.getRoundData(1);
    check(_feed.isStale(), "stale");
    _poke();
    VM.expectPartialRevert(InferenceFeed.NoDataPresent.selector);
    _feed.latestRoundData();
  }

  function test_saysWhatItIs() public view {
    check(_feed.decimals() == 8 && _feed.version() == 1, "numbers");
    check(keccak256(bytes(_feed.description())) == keccak256("ETH / USD volatility"), "description");
  }

  /// @dev I-42
  function test_aFinalAnswerBecomesARound() public {
    uint256 began = nowSeconds();
    Request memory made = _poke();
    skip(ANSWER);
    _answer(made, HALF);
    VM.expectPartialRevert(InferenceFeed.NoDataPresent.selector);
    _feed.latestRoundData();
    skip(WINDOW);
    market.finalize(made, operator, _output(HALF));
    _expectLatest(1, 0.5e8, began);
    check(!_feed.isStale(), "fresh");
    VM.warp(began + HEARTBEAT);
    check(!_feed.isStale(), "fresh at the heartbeat");
    skip(1);
    check(_feed.isStale(), "stale after it");
    uint256 second = nowSeconds();
    _round(QUARTER);
    _expectLatest(2, 0.25e8, second);
    (, int256 first, , , ) = _feed.getRoundData(1);
    check(first == 0.5e8, "history");
    VM.expectPartialRevert(InferenceFeed.NoDataPresent.selector);
    _feed.getRoundData(3);
    VM.expectPartialRevert(InferenceFeed.NoDataPresent.selector);
    _feed.getRoundData(0);
  }

  /// @dev I-42
  function test_answersAreKeptOutUnlessWithinBounds() public {
    _round(0xbf800000); // -1
    _round(0x40000000); // 2
    checkEq(_feed.latestRound(), 2, "the bounds themselves");
    (uint80 id, int256 answer, uint256 inputAt, , ) = _feed.latestRoundData();
    _round(0xbf800001);
    _round(0x40000001);
    _round(0x7fc00000); // NaN
    _round(0x7f800000); // Infinity
    _round(0xff7fffff);
    _expectLatest(id, answer, inputAt);
  }

  /// @dev I-42
  function test_anAnswerThatALaterOneOvertookIsKeptOut() public {
    Request memory early = _poke();
    skip(INTERVAL);
    uint256 second = nowSeconds();
    Request memory late = _poke();
    _answer(late, QUARTER);
    skip(ANSWER - INTERVAL);
    _answer(early, HALF);
    skip(WINDOW);
    market.finalize(late, operator, _output(QUARTER));
    market.finalize(early, operator, _output(HALF));
    check(stateOf(early) == RequestState.Delivered, "delivered");
    _expectLatest(1, 0.25e8, second);
  }

  /// @dev Answers of one block in the order of their inputs are rounds of their own.
  function test_roundsInFlightArriveInOrder() public {
    Request memory first = _poke();
    skip(INTERVAL);
    Request memory second = _poke();
    _answer(second, QUARTER);
    _answer(first, HALF);
    skip(WINDOW);
    market.finalize(first, operator, _output(HALF));
    _expectLatest(1, 0.5e8, nowSeconds() - WINDOW - INTERVAL);
    market.finalize(second, operator, _output(QUARTER));
    _expectLatest(2, 0.25e8, nowSeconds() - WINDOW);
  }

  function test_overturnedAndUnansweredRoundsLeaveTheOldValueAndRefund() public {
    uint256 began = nowSeconds();
    _round(HALF);
    (uint256 before, uint256 tipsBefore) = (_feed.budgetWei(), POKER.balance);
    Request memory lie = _poke();
    _answer(lie, QUARTER);
    _overturn(lie, QUARTER);
    VM.expectPartialRevert(ICourt.StateIs.selector);
    market.finalize(lie, operator, _output(QUARTER));
    market.refund(lie);
    skip(INTERVAL);
    Request memory silence = _poke();
    VM.warp(uint256(silence.deadline) + 1);
    market.refund(silence);
    _expectLatest(1, 0.5e8, began);
    checkEq(_feed.budgetWei(), before - (POKER.balance - tipsBefore), "both fees are back");
  }

  /// @dev I-15
  function test_whatIsFinalIsNotOverturned() public {
    Request memory made = _round(HALF);
    VM.prank(carol);
    VM.expectPartialRevert(ICourt.StateIs.selector);
    game.challenge(claimOf(made, _output(HALF)));
  }

  /// @dev I-36
  function test_onlyTheMarketAnswers() public {
    _poke();
    VM.expectPartialRevert(InferenceConsumer.NotMarket.selector);
    _feed.onInference(RequestId.wrap(0), 1, _output(HALF));
  }

  function test_aCallbackOutOfGasIsDeliveredLater() public {
    GreedyFeed greedy = GreedyFeed(_make("GreedyFeed.sol:GreedyFeed"));
    _feed = greedy;
    _fund(BUDGET);
    uint256 began = nowSeconds();
    Request memory made = _poke();
    _answer(made, HALF);
    skip(WINDOW);
    market.finalize(made, operator, _output(HALF));
    check(stateOf(made) == RequestState.Final, "paid, not delivered");
    VM.expectPartialRevert(InferenceFeed.NoDataPresent.selector);
    greedy.latestRoundData();
    greedy.setGreedy(false);
    market.deliver(made, operator, _output(HALF));
    _expectLatest(1, 0.5e8, began);
    VM.expectPartialRevert(ICourt.StateIs.selector);
    market.deliver(made, operator, _output(HALF));
  }

  function test_valuesAreChecked() public {
    InferenceFeed.Value memory value = _value();
    value.dtype = 10;
    _refused(value, InferenceFeed.DtypeUnsupported.selector);
    value = _value();
    value.offset = 61;
    _refused(value, InferenceFeed.ElementOutOfBounds.selector);
    value = _value();
    value.decimals = 19;
    _refused(value, InferenceFeed.DecimalsAboveMax.selector);
    value = _value();
    value.minAnswer = value.maxAnswer + 1;
    _refused(value, InferenceFeed.BoundsOutOfOrder.selector);
    value = _value();
    value.heartbeat = INTERVAL + WINDOW - 1;
    _refused(value, InferenceFeed.HeartbeatTooShort.selector);
  }

  function _refused(InferenceFeed.Value memory value, bytes4 selector) private {
    VM.expectPartialRevert(selector);
    new InferenceFeed(market, _policy(), alice, _terms(), value);
  }

  /// @dev I-40: random sequences of all that moves a feed's wei; after each move, what was put in is in the budget, with the
  /// market, paid as fee or tip, or withdrawn.
  function testFuzz_everyWeiIsAccountedFor(uint256 seed) public {
    _play(seed);
  }

  /// @dev The sequences reach every action; otherwise the test above would show little.
  function test_everyActionHappens() public {
    for (uint256 seed = 0; seed < 8; ++seed) this.play(seed);
    for (uint256 i = 0; i < 10; ++i) check(_done[i] != 0, "an action never happened");
  }

  function play(uint256 seed) external {
    _play(seed);
  }

  function _play(uint256 seed) private {
    for (uint256 step = 0; step < 40; ++step) {
      uint256 draw = uint256(keccak256(abi.encode(seed, step)));
      Action action = Action(draw % 10);
      if (_act(action, draw >> 16)) ++_done[uint256(action)];
      _check();
    }
  }

  function _act(Action action, uint256 draw) private returns (bool success) {
    if (action == Action.Poke) {
      if (nowSeconds() < _feed.dueAt() || _feed.budgetWei() < FEE + MIN_TIP) return false;
      _requests.push(_poke());
      return true;
    }
    if (action == Action.Pass) {
      skip(draw % 500);
      return true;
    }
    if (action == Action.Fund) {
      _fund(draw % 2 ether);
      return true;
    }
    if (action == Action.Withdraw) {
      uint256 amountWei = draw % 3 ether;
      success = _call(alice, address(_feed), abi.encodeCall(_feed.withdraw, (amountWei, alice)));
      if (success) _withdrawnWei += amountWei;
      return success;
    }
    if (action == Action.Collect) return _call(carol, address(_feed), abi.encodeCall(_feed.collect, ()));
    for (uint256 i = 0; i < _requests.length && !success; ++i) success = _actOn(action, _requests[i]);
  }

  function _actOn(Action action, Request memory made) private returns (bool) {
    bytes memory output = _output(HALF);
    if (action == Action.Answer)
      return _call(operator, address(market), abi.encodeCall(market.fulfill, (made, output)));
    if (action == Action.Finalize)
      return _call(carol, address(market), abi.encodeCall(market.finalize, (made, operator, output)));
    if (action == Action.Refund) return _call(carol, address(market), abi.encodeCall(market.refund, (made)));
    Claim memory claim = claimOf(made, output);
    if (action == Action.Challenge) return _call(carol, address(game), abi.encodeCall(game.challenge, (claim)));
    Node memory none;
    return _call(carol, address(game), abi.encodeCall(game.timeout, (claim, carol, none)));
  }

  function _call(address from, address to, bytes memory data) private returns (bool success) {
    VM.prank(from);
    (success, ) = to.call(data);
  }

  function _check() private view {
    uint256 heldWei;
    uint256 paidWei;
    for (uint256 i = 0; i < _requests.length; ++i) {
      RequestState state = stateOf(_requests[i]);
      if (state == RequestState.Delivered) paidWei += FEE;
      else if (state != RequestState.Refunded) heldWei += FEE;
    }
    checkEq(address(market).balance, heldWei, "with the market");
    uint256 spentWei = heldWei + paidWei + POKER.balance + _withdrawnWei;
    checkEq(_feed.budgetWei(), _fundedWei - spentWei, "budget");
    checkEq(_feed.budgetWei(), address(_feed).balance + freeOf(address(_feed)), "in two places");
  }
}

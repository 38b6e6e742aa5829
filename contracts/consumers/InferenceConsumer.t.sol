// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {OutputHashes} from "../examples/OutputHashes.sol";
import {Ask, Request, RequestId} from "../interfaces/Types.sol";
import {Fixture} from "../test/Fixture.sol";
import {VM, check, checkEq} from "../test/Vm.sol";
import {InferenceConsumer} from "./InferenceConsumer.sol";

contract InferenceConsumerTest is Fixture {
  OutputHashes private _consumer;

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
    _consumer = new OutputHashes(market, policy);
  }

  function _ask() private returns (Request memory made, RequestId id) {
    Ask memory ask = Ask(releaseId, _consumer.nextNonce(), BOND, ANSWER, WINDOW, operator, 60_000, alice);
    made = fixedRequest(address(_consumer), ask, inputOf(1), FEE);
    VM.deal(alice, FEE);
    VM.prank(alice);
    id = _consumer.ask{value: FEE}(inputOf(1));
  }

  function test_asksByItsPolicyAndKeepsTheAnswer() public {
    (Request memory made, RequestId id) = _ask();
    check(RequestId.unwrap(market.requestIdOf(made)) == RequestId.unwrap(id), "policy");
    VM.prank(operator);
    market.fulfill(made, outputOf(7));
    skip(WINDOW);
    market.finalize(made, operator, outputOf(7));
    check(_consumer.outputHashOf(id) == keccak256(outputOf(7)), "kept");
  }

  /// @dev I-36
  function test_onlyTheMarketAboutOwnRequests() public {
    (, RequestId id) = _ask();
    VM.prank(operator);
    VM.expectPartialRevert(InferenceConsumer.NotMarket.selector);
    _consumer.onInference(id, 1, outputOf(1));
    VM.prank(address(market));
    VM.expectPartialRevert(InferenceConsumer.UnknownRequest.selector);
    _consumer.onInference(id, 2, outputOf(1));
    VM.prank(address(market));
    VM.expectPartialRevert(InferenceConsumer.UnknownRequest.selector);
    _consumer.onInference(id, 0, outputOf(1));
  }

  function test_unansweredFeeGoesBackToTheAsker() public {
    (Request memory made, ) = _ask();
    uint256 before = freeOf(alice);
    VM.warp(made.deadline + 1);
    market.refund(made);
    checkEq(freeOf(alice) - before, FEE, "refund");
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {InferenceFeed} from "../feeds/InferenceFeed.sol";

/// @notice A feed whose reading of an output takes all of the callback's gas while told to.
contract GreedyFeed is InferenceFeed {
  bool private _greedy = true;

  constructor(
    IInferenceMarket market_,
    Policy memory policy,
    address owner_,
    Terms memory terms,
    Value memory value
  ) payable InferenceFeed(market_, policy, owner_, terms, value) {}

  function setGreedy(bool greedy) external {
    _greedy = greedy;
  }

  function _answerOf(bytes calldata output) internal view override returns (bool, int256) {
    while (_greedy) {}
    return super._answerOf(output);
  }
}

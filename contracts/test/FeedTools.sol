// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AggregatorV3Interface} from "../feeds/AggregatorV3Interface.sol";
import {IFeedInput} from "../feeds/IFeedInput.sol";

/// @notice An input that a test sets.
contract SetInput is IFeedInput {
  bytes public input;

  function set(bytes calldata input_) external {
    input = input_;
  }
}

/// @notice What a feed's reader spends on it, gas: one cold account, and what the feed itself does.
contract FeedReader {
  function gasOfLatest(AggregatorV3Interface feed) external view returns (uint256 gas) {
    gas = gasleft();
    feed.latestRoundData();
    gas -= gasleft();
  }

  function gasOfRound(AggregatorV3Interface feed, uint80 roundId) external view returns (uint256 gas) {
    gas = gasleft();
    feed.getRoundData(roundId);
    gas -= gasleft();
  }
}

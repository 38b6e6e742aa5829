// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Chainlink's interface of a data feed, as its consumers know it.
/// @dev The names and types are Chainlink's; so is the name of this interface, to be recognised.
// solhint-disable-next-line interface-starts-with-i
interface AggregatorV3Interface {
  /// @notice Decimals of an answer: the value times 10 ** decimals.
  function decimals() external view returns (uint8);

  /// @notice What the feed is of.
  function description() external view returns (string memory);

  /// @notice Version of the feed's contract.
  function version() external view returns (uint256);

  /// @notice One round. Reverts if there are no data of it.
  /// @return roundId The round asked for.
  /// @return answer Its answer.
  /// @return startedAt When it began, unix seconds.
  /// @return updatedAt What its age is counted from, unix seconds.
  /// @return answeredInRound Deprecated: `roundId`.
  function getRoundData(
    uint80 _roundId
  ) external view returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);

  /// @notice The latest round that has an answer. Reverts if there is none yet.
  function latestRoundData()
    external
    view
    returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}

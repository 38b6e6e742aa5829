// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {RequestId} from "../interfaces/Types.sol";
import {Sortition} from "./Sortition.sol";
import {check} from "../test/Vm.sol";

contract SortitionTest {
  /// @dev I-10
  function testFuzz_neverAboveTheCap(bytes32 id, address who, uint96 stake, uint16 scale, uint40 cap) public pure {
    check(Sortition.delayDown(RequestId.wrap(id), who, stake, scale, cap) <= cap, "cap");
  }

  function testFuzz_moreStakeNeverWaitsLonger(bytes32 id, address who, uint96 a, uint96 b, uint16 scale) public pure {
    (uint96 less, uint96 more) = a < b ? (a, b) : (b, a);
    uint256 cap = 1 days;
    uint256 early = Sortition.delayDown(RequestId.wrap(id), who, more, scale, cap);
    check(early <= Sortition.delayDown(RequestId.wrap(id), who, less, scale, cap), "monotone");
  }

  function testFuzz_boundedByStake(bytes32 id, address who, uint96 stake, uint16 scale) public pure {
    if (stake == 0) return;
    uint256 delay = Sortition.delayDown(RequestId.wrap(id), who, stake, scale, type(uint256).max);
    check(delay <= (uint256(scale) * 1 ether) / stake, "bound");
  }

  function test_noStakeWaitsForTheCapUnlessThereAreNoTurns() public pure {
    check(Sortition.delayDown(RequestId.wrap(0), address(1), 0, 96, 300) == 300, "cap");
    check(Sortition.delayDown(RequestId.wrap(0), address(1), 0, 0, 300) == 0, "no turns");
  }

  /// @dev With three times the stake an operator comes first five times in six (uniform draws).
  function test_firstTurnsFollowStake() public pure {
    uint256 won;
    uint256 rounds = 2_000;
    for (uint256 i = 0; i < rounds; ++i) {
      RequestId id = RequestId.wrap(keccak256(abi.encode(i)));
      uint256 large = Sortition.delayDown(id, address(1), 3e12, type(uint16).max, type(uint256).max);
      uint256 small = Sortition.delayDown(id, address(2), 1e12, type(uint16).max, type(uint256).max);
      if (large < small) ++won;
    }
    // Five standard deviations (sqrt(2000 * 5/36) = 16.7) either side of 1667.
    check(won > 1583 && won < 1750, "share of first turns");
  }

  /// @dev Splitting a stake in two does not bring the first turn forward (uniform draws: it waits 4/3 as long on average).
  function test_splittingDoesNotPay() public pure {
    uint256 whole;
    uint256 split;
    for (uint256 i = 0; i < 2_000; ++i) {
      RequestId id = RequestId.wrap(keccak256(abi.encode(i)));
      whole += Sortition.delayDown(id, address(1), 2e12, type(uint16).max, type(uint256).max);
      uint256 left = Sortition.delayDown(id, address(2), 1e12, type(uint16).max, type(uint256).max);
      uint256 right = Sortition.delayDown(id, address(3), 1e12, type(uint16).max, type(uint256).max);
      split += left < right ? left : right;
    }
    check(split > whole, "whole stake first");
  }
}

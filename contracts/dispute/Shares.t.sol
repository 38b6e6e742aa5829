// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Shares} from "./Shares.sol";
import {check} from "../test/Vm.sol";

/// @notice I-35
contract SharesTest {
  function testFuzz_sharesAndRemainderAreTheBond(uint96 bondWei, uint8 entries) public pure {
    uint256 sum;
    for (uint256 i = 0; i < entries; ++i) sum += Shares.shareDown(bondWei, i);
    check(sum + Shares.remainder(bondWei, entries) == bondWei, "every wei");
    check(sum <= bondWei / 2, "at least half is burned");
  }

  function testFuzz_aShareDoesNotDependOnLaterEntries(uint96 bondWei, uint32 entry) public pure {
    check(Shares.shareDown(bondWei, entry) == (entry > 254 ? 0 : (uint256(bondWei) / 4) >> entry), "quarter, halving");
  }

  function test_first() public pure {
    check(Shares.shareDown(8 ether, 0) == 2 ether, "a quarter");
    check(Shares.shareDown(8 ether, 1) == 1 ether, "an eighth");
    check(Shares.remainder(8 ether, 2) == 5 ether, "the rest");
  }

  function test_manyEntriesCostNoMore() public view {
    uint256 before = gasleft();
    Shares.remainder(type(uint96).max, type(uint32).max);
    check(before - gasleft() < 100_000, "bounded loop");
  }
}

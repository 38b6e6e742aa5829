// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IVault} from "../interfaces/IVault.sol";
import {Fixture} from "../test/Fixture.sol";
import {VM, checkEq} from "../test/Vm.sol";

contract VaultTest is Fixture {
  /// @dev I-4
  function test_onlyMarketAndGameMoveStakes() public {
    address[4] memory callers = [admin, treasury, operator, address(registry)];
    for (uint256 i = 0; i < callers.length; ++i) {
      VM.startPrank(callers[i]);
      VM.expectPartialRevert(IVault.NotMarketOrGame.selector);
      vault.lock(alice, 1);
      VM.expectPartialRevert(IVault.NotMarket.selector);
      vault.settle(alice, 0, 1, 0, 0);
      VM.expectPartialRevert(IVault.NotMarket.selector);
      vault.credit(alice);
      VM.expectPartialRevert(IVault.NotMarketOrGame.selector);
      vault.unlock(alice, 0);
      VM.expectPartialRevert(IVault.NotGame.selector);
      vault.forfeit(alice, bob, 0);
      VM.expectPartialRevert(IVault.NotGame.selector);
      vault.burn(alice, 0);
      VM.stopPrank();
    }
    // The market cannot slash, the game cannot settle.
    VM.prank(address(market));
    VM.expectPartialRevert(IVault.NotGame.selector);
    vault.burn(alice, 0);
    VM.prank(address(game));
    VM.expectPartialRevert(IVault.NotMarket.selector);
    vault.settle(alice, 0, 1, 0, 0);
  }

  /// @dev I-6
  function testFuzz_withdrawsFreeWeiOnly(uint96 locked, uint96 taken) public {
    locked = uint96(locked % 10 ether);
    VM.prank(address(game));
    vault.lock(alice, locked);
    address to = address(0x70);
    if (taken > 10 ether - locked) VM.expectPartialRevert(IVault.InsufficientFree.selector);
    VM.prank(alice);
    vault.withdraw(taken, to);
    checkEq(lockedOf(alice), locked, "locked stays");
    checkEq(to.balance + freeOf(alice), 10 ether - locked, "every wei");
  }

  /// @dev I-5
  function test_onlyOwnDepositsRestartTheStake() public {
    uint64 since = vault.accountOf(alice).activeSince;
    checkEq(since, START, "deposited in setUp");
    VM.warp(START + 50);
    VM.deal(address(market), 1 ether);
    VM.prank(address(market));
    vault.credit{value: 1 ether}(alice);
    checkEq(vault.accountOf(alice).activeSince, since, "credit");
    stake(alice, 1);
    checkEq(vault.accountOf(alice).activeSince, START + 50, "deposit");
  }

  /// @dev I-7
  function test_burnedWeiStays() public {
    VM.startPrank(address(game));
    vault.lock(alice, 3 ether);
    vault.burn(alice, 3 ether);
    VM.stopPrank();
    checkEq(vault.burnedWei(), 3 ether, "counted");
    checkEq(freeOf(alice), 7 ether, "free");
    VM.expectPartialRevert(IVault.InsufficientLocked.selector);
    VM.prank(address(game));
    vault.burn(alice, 1);
  }

  function test_royaltyGoesToTheOwnerOfTheToken() public {
    VM.deal(address(market), 1 ether);
    VM.prank(address(market));
    vault.settle{value: 1 ether}(operator, 0, 1, 0.25 ether, 0.1 ether);
    VM.prank(maintainer);
    registry.transferFrom(maintainer, bob, 1);
    VM.expectPartialRevert(IVault.NotModelOwner.selector);
    VM.prank(maintainer);
    vault.withdrawRoyalty(1, maintainer);
    VM.prank(bob);
    vault.withdrawRoyalty(1, address(0x71));
    checkEq(address(0x71).balance, 0.25 ether, "royalty");
    uint256[] memory models = new uint256[](2);
    (models[0], models[1]) = (1, 1);
    vault.collectProtocolFees(models);
    checkEq(freeOf(treasury), 0.1 ether, "collected once");
    checkEq(freeOf(operator), 1_000.65 ether, "operator's part");
  }

  function test_aliasedForfeitKeepsEveryWei() public {
    VM.startPrank(address(game));
    vault.lock(alice, 4 ether);
    vault.forfeit(alice, alice, 4 ether);
    VM.stopPrank();
    checkEq(freeOf(alice), 10 ether, "free");
    checkEq(lockedOf(alice), 0, "locked");
  }

  function test_failingReceiverRevertsTheWithdrawal() public {
    VM.expectPartialRevert(IVault.TransferFailed.selector);
    VM.prank(alice);
    vault.withdraw(1, address(registry));
  }
}

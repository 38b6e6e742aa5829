// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {Authority} from "./Authority.sol";
import {ParameterSet} from "../interfaces/Types.sol";
import {Fixture} from "../test/Fixture.sol";
import {VM, check, checkEq} from "../test/Vm.sol";

/// @notice Roles as on a public network: an admin that has to wait, and a guardian that is somebody else.
contract AuthorityTest is Fixture {
  uint32 private constant DELAY = 2 days;
  uint64 private constant ADMIN_ROLE = 0;
  uint64 private constant GUARDIAN_ROLE = 1;
  address private constant GUARDIAN = address(0x6a);
  Authority private _authority;

  function setUp() public override {
    super.setUp();
    _authority = Authority(market.authority());
  }

  function adminDelay() internal pure override returns (uint32) {
    return DELAY;
  }

  function guardian() internal pure override returns (address) {
    return GUARDIAN;
  }

  /// @dev I-38
  function test_adminWaits() public {
    ParameterSet memory set = parameterSet();
    set.protocolFeeBps = 250;
    bytes memory call = abi.encodeCall(IInferenceMarket.setParameters, (set));
    VM.startPrank(admin);
    VM.expectPartialRevert(IAccessManager.AccessManagerNotScheduled.selector);
    market.setParameters(set);
    VM.expectPartialRevert(IAccessManager.AccessManagerUnauthorizedCall.selector);
    _authority.schedule(address(market), call, uint48(nowSeconds() + DELAY - 1));
    _authority.schedule(address(market), call, 0);
    skip(DELAY - 1);
    VM.expectPartialRevert(IAccessManager.AccessManagerNotReady.selector);
    market.setParameters(set);
    skip(1);
    market.setParameters(set);
    VM.expectPartialRevert(IAccessManager.AccessManagerNotScheduled.selector);
    market.setParameters(set);
    VM.stopPrank();
    checkEq(market.parameters().protocolFeeBps, 250, "fee");
  }

  /// @dev I-38: neither roles, nor who may call what, nor its own delay.
  function test_adminWaitsForMorePower() public {
    bytes4[] memory selectors = new bytes4[](1);
    selectors[0] = IInferenceMarket.setParameters.selector;
    VM.startPrank(admin);
    VM.expectPartialRevert(IAccessManager.AccessManagerNotScheduled.selector);
    _authority.grantRole(ADMIN_ROLE, admin, 0);
    VM.expectPartialRevert(IAccessManager.AccessManagerNotScheduled.selector);
    _authority.grantRole(GUARDIAN_ROLE, admin, 0);
    VM.expectPartialRevert(IAccessManager.AccessManagerNotScheduled.selector);
    _authority.setTargetFunctionRole(address(market), selectors, GUARDIAN_ROLE);
    VM.expectPartialRevert(IAccessManager.AccessManagerNotScheduled.selector);
    _authority.updateAuthority(address(market), alice);
    // It is no guardian.
    VM.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
    market.pause(1);
    VM.stopPrank();
    (bool isAdmin, uint32 delay) = _authority.hasRole(ADMIN_ROLE, admin);
    check(isAdmin && delay == DELAY, "the delay stands");
  }

  /// @dev I-38
  function test_guardianPausesOnly() public {
    VM.startPrank(GUARDIAN);
    market.pause(1 days);
    checkEq(market.pausedUntil(), nowSeconds() + 1 days, "paused");
    market.unpause();
    VM.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
    market.setParameters(parameterSet());
    VM.expectPartialRevert(IAccessManager.AccessManagerUnauthorizedAccount.selector);
    _authority.grantRole(GUARDIAN_ROLE, alice, 0);
    VM.expectPartialRevert(IAccessManager.AccessManagerUnauthorizedAccount.selector);
    _authority.setTargetClosed(address(market), true);
    VM.expectPartialRevert(IAccessManager.AccessManagerUnauthorizedCall.selector);
    _authority.schedule(address(market), abi.encodeCall(IInferenceMarket.setParameters, (parameterSet())), 0);
    VM.stopPrank();
  }

  /// @dev Who deploys is nobody.
  function test_deployerHasNoRole() public view {
    (bool isAdmin, ) = _authority.hasRole(ADMIN_ROLE, address(this));
    (bool isGuardian, ) = _authority.hasRole(GUARDIAN_ROLE, address(this));
    check(!isAdmin && !isGuardian, "no role");
  }
}

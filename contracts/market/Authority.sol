// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";

/// @title The market's access manager
/// @notice Roles and delays of the market's restricted functions (Governed.sol lists all that they can do). All of it stands from
/// the first block on: nobody, the deployer included, ever holds more.
contract Authority is AccessManager {
  /// @notice May pause new requests, within Governed's bounds, and end that pause; nothing else.
  uint64 public constant GUARDIAN_ROLE = 1;

  /// @param admin First member of ADMIN_ROLE: sets parameters and grants roles.
  /// @param adminDelay Seconds between an announcement (`schedule`) by `admin` and the call itself, for everything that it does.
  /// @param guardian First member of GUARDIAN_ROLE, which acts at once.
  /// @param market Need not exist yet.
  constructor(address admin, uint32 adminDelay, address guardian, address market) AccessManager(admin) {
    // INVARIANT I-38: the admin acts only after its delay, and the guardian can only pause and unpause.
    _grantRole(ADMIN_ROLE, admin, 0, adminDelay);
    emit RoleLabel(GUARDIAN_ROLE, "GUARDIAN");
    _setTargetFunctionRole(market, IInferenceMarket.pause.selector, GUARDIAN_ROLE);
    _setTargetFunctionRole(market, IInferenceMarket.unpause.selector, GUARDIAN_ROLE);
    _grantRole(GUARDIAN_ROLE, guardian, 0, 0);
  }
}

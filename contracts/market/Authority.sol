// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

/// @title The market's access manager
/// @notice Roles and delays of the market's restricted functions (Governed.sol lists all that they can do).
contract Authority is AccessManager {
  constructor(address admin) AccessManager(admin) {}
}

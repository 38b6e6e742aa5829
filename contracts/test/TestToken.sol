// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A token whose deployer has all of it.
contract TestToken is ERC20 {
  constructor(uint256 supply) ERC20("Test", "TEST") {
    _mint(msg.sender, supply);
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice The cheat codes that the Solidity tests use.
interface IVm {
  function prank(address sender) external;
  function startPrank(address sender) external;
  function stopPrank() external;
  function deal(address account, uint256 amountWei) external;
  function warp(uint256 timestamp) external;
  function fee(uint256 baseFee) external;
  function assume(bool holds) external pure;
  function expectRevert() external;
  function expectPartialRevert(bytes4 selector) external;
  function getCode(string calldata artifact) external view returns (bytes memory);
  function addr(uint256 privateKey) external pure returns (address account);
  function sign(uint256 privateKey, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
  function chainId(uint256 id) external;
  function load(address target, bytes32 slot) external view returns (bytes32 word);
  function getBlockTimestamp() external view returns (uint256);
  function getNonce(address account) external view returns (uint64);
  function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);
}

IVm constant VM = IVm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

error CheckFailed(string what);
error NotEqual(string what, uint256 actual, uint256 expected);

function check(bool holds, string memory what) pure {
  if (!holds) revert CheckFailed(what);
}

function checkEq(uint256 actual, uint256 expected, string memory what) pure {
  if (actual != expected) revert NotEqual(what, actual, expected);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Takes back memory, whose cost grows with its square, where a loop would allocate for each of many steps.
library Free {
  function mark() internal pure returns (uint256 free) {
    assembly ("memory-safe") {
      free := mload(0x40)
    }
  }

  /// @dev Nothing allocated since `mark` may be in use.
  function release(uint256 free) internal pure {
    assembly ("memory-safe") {
      mstore(0x40, free)
    }
  }
}

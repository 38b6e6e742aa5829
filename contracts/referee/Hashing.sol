// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice SHA-256 by the precompile at address 2.
/// @dev A call that fails, or answers nothing because a chain lacks the precompile, must not pass for a hash.
library Hashing {
  error HashFailed();

  /// @notice sha256(left || right)
  function pair(bytes32 left, bytes32 right) internal view returns (bytes32 hash) {
    bool ok;
    assembly ("memory-safe") {
      mstore(0, left)
      mstore(32, right)
      ok := staticcall(gas(), 2, 0, 64, 0, 32)
      ok := and(ok, eq(returndatasize(), 32))
      hash := mload(0)
    }
    if (!ok) revert HashFailed();
  }

  /// @notice sha256 of `length` bytes of memory at `ptr`.
  function memoryRange(uint256 ptr, uint256 length) internal view returns (bytes32 hash) {
    bool ok;
    assembly ("memory-safe") {
      ok := staticcall(gas(), 2, ptr, length, 0, 32)
      ok := and(ok, eq(returndatasize(), 32))
      hash := mload(0)
    }
    if (!ok) revert HashFailed();
  }

  function ofCalldata(bytes calldata data) internal view returns (bytes32) {
    return memoryRange(copy(data), data.length);
  }

  /// @notice Address of a copy of `data` in memory.
  function copy(bytes calldata data) internal pure returns (uint256 ptr) {
    bytes memory copied = data;
    assembly ("memory-safe") {
      ptr := add(copied, 32)
    }
  }

  /// @notice Whether `length` bytes of memory at `a` and at `b` are equal.
  function equal(uint256 a, uint256 b, uint256 length) internal pure returns (bool same) {
    assembly ("memory-safe") {
      same := eq(keccak256(a, length), keccak256(b, length))
    }
  }
}

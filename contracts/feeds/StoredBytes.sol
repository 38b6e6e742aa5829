// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Bytes kept as the code of a contract, which are cheaper to write and to read than storage (200 gas a byte; 2,600 gas
/// and 3 a word). The code begins with STOP, so it cannot run.
library StoredBytes {
  /// @dev EIP-170's limit of code, less the STOP, bytes.
  uint256 internal constant MAX_BYTES = 24_575;

  error BytesTooLong(uint256 length, uint256 max);
  error BytesNotStored(uint256 length);

  /// @return holder The contract that holds `data`.
  function store(bytes memory data) internal returns (address holder) {
    if (data.length > MAX_BYTES) revert BytesTooLong(data.length, MAX_BYTES);
    // PUSH2 size, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN: returns what follows these ten bytes.
    bytes memory code = abi.encodePacked(hex"61", uint16(data.length + 1), hex"80600a5f395ff3", hex"00", data);
    assembly ("memory-safe") {
      holder := create(0, add(code, 32), mload(code))
    }
    if (holder == address(0)) revert BytesNotStored(data.length);
  }

  function load(address holder) internal view returns (bytes memory data) {
    data = new bytes(holder.code.length - 1);
    // Writes the bytes of `data` only.
    assembly ("memory-safe") {
      extcodecopy(holder, add(data, 32), 1, mload(data))
    }
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Bounds-checked cursor over encoded bytes in calldata.
/// @param cursor Calldata offset of the next byte.
/// @param end Calldata offset behind the last byte.
/// @param failed Sticky: something could not be decoded. From then on every read gives 0.
struct Reader {
  uint256 cursor;
  uint256 end;
  bool failed;
}

/// @dev Decoding never reverts: what cannot be decoded is judged, not refused.
library Readers {
  function over(bytes calldata encoded) internal pure returns (Reader memory reader) {
    uint256 start;
    assembly ("memory-safe") {
      start := encoded.offset
    }
    reader.cursor = start;
    reader.end = start + encoded.length;
  }

  function fail(Reader memory reader) internal pure {
    reader.failed = true;
    reader.cursor = reader.end;
  }

  /// @notice The next `bytesWide` (1 to 32) bytes as an unsigned big-endian number.
  function take(Reader memory reader, uint256 bytesWide) internal pure returns (uint256 value) {
    uint256 cursor = reader.cursor;
    if (reader.end - cursor < bytesWide) {
      fail(reader);
      return 0;
    }
    // in bounds by the check above; a shift by 0..248 bits
    assembly ("memory-safe") {
      value := shr(sub(256, shl(3, bytesWide)), calldataload(cursor))
    }
    reader.cursor = cursor + bytesWide;
  }

  /// @notice The next 4 bytes as a two's complement number.
  function takeSigned32(Reader memory reader) internal pure returns (int256) {
    return int32(uint32(take(reader, 4)));
  }

  /// @notice Fails unless `condition` holds.
  function need(Reader memory reader, bool condition) internal pure {
    if (!condition) fail(reader);
  }
}

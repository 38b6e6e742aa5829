// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IFeedInput} from "./IFeedInput.sol";
import {StoredBytes} from "./StoredBytes.sol";

/// @notice Fixed input bytes but for one i64 element: the time of the block, unix seconds. For models of seasons, schedules and decay,
/// which need nothing else; nobody can bend it but within a block's time.
contract TimestampInput is IFeedInput {
  uint256 private constant ELEMENT_BYTES = 8;

  /// @notice Where the i64 begins, bytes.
  uint256 public immutable offset;
  address private immutable _fixed;

  error OffsetOutOfBounds(uint256 offset, uint256 length);

  /// @param blob The input blob; the eight bytes at `offset_` do not matter.
  constructor(bytes memory blob, uint256 offset_) {
    if (blob.length < ELEMENT_BYTES || offset_ > blob.length - ELEMENT_BYTES)
      revert OffsetOutOfBounds(offset_, blob.length);
    offset = offset_;
    _fixed = StoredBytes.store(blob);
  }

  /// @inheritdoc IFeedInput
  function input() external view returns (bytes memory blob) {
    blob = StoredBytes.load(_fixed);
    // Elements are little-endian (docs/program.md §1).
    for (uint256 i = 0; i < ELEMENT_BYTES; ++i) blob[offset + i] = bytes1(uint8(block.timestamp >> (8 * i)));
  }
}

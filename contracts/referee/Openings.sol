// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Leaves} from "../interfaces/IReferee.sol";

/// @notice Leaves of one tensor, in memory.
/// @param count Opened leaves; 0 if the tensor is not opened.
/// @param numbers Address of their numbers, packed uint32, ascending.
/// @param data Address of their bytes, 256 each: leaves with consecutive numbers are contiguous.
/// @param hint Position of the last leaf found.
/// @param low Bytes low..high-1 of the tensor, those of the last leaf found, are in memory `shift` (modulo 2^256) further on.
/// @param operand Number of the operand, for errors.
struct Opening {
  uint256 count;
  uint256 numbers;
  uint256 data;
  uint256 hint;
  uint256 low;
  uint256 high;
  uint256 shift;
  uint256 operand;
}

library Openings {
  uint256 internal constant LEAF_BYTES = 256;

  error LeavesLength(uint256 data, uint256 indices);
  error LeafMissing(uint256 operand, uint256 leaf);

  /// @notice Copies leaves and their numbers to memory.
  function load(Leaves calldata leaves, uint256 operand) internal pure returns (Opening memory opening) {
    bytes memory data = leaves.data;
    bytes memory numbers = leaves.indices;
    uint256 count = numbers.length / 4;
    if (numbers.length != count * 4 || data.length != count * LEAF_BYTES) {
      revert LeavesLength(data.length, numbers.length);
    }
    opening.count = count;
    opening.operand = operand;
    assembly ("memory-safe") {
      mstore(add(opening, 0x20), add(numbers, 32))
      mstore(add(opening, 0x40), add(data, 32))
    }
  }

  /// @notice Address of `length` opened bytes that start at byte `offset` of the tensor. Reverts if one is not opened.
  function locate(Opening memory opening, uint256 offset, uint256 length) internal pure returns (uint256 ptr) {
    unchecked {
      // No overflow: offset and length are below 2^40, positions below the count.
      if (offset >= opening.low && offset + length <= opening.high) return offset + opening.shift;
      uint256 first = offset / LEAF_BYTES;
      uint256 position = _find(opening, first);
      uint256 last = (offset + length - 1) / LEAF_BYTES;
      // Numbers ascend strictly: if the last leaf stands where it must, no leaf between is missing.
      if (last != first) {
        uint256 lastPosition = position + last - first;
        if (lastPosition >= opening.count || number(opening, lastPosition) != last) {
          revert LeafMissing(opening.operand, last);
        }
        position = lastPosition;
      }
      opening.hint = position;
      opening.low = last * LEAF_BYTES;
      opening.high = opening.low + LEAF_BYTES;
      opening.shift = opening.data + position * LEAF_BYTES - opening.low;
      return offset + opening.shift;
    }
  }

  /// @notice Number of the leaf at `position`, which is below the count.
  function number(Opening memory opening, uint256 position) internal pure returns (uint256 leaf) {
    assembly ("memory-safe") {
      leaf := shr(224, mload(add(mload(add(opening, 0x20)), shl(2, position))))
    }
  }

  /// @dev Position of a leaf. Reverts if it is not opened.
  function _find(Opening memory opening, uint256 leaf) private pure returns (uint256) {
    unchecked {
      uint256 hint = opening.hint;
      uint256 low = 0;
      uint256 high = opening.count;
      // Reductions mostly stay in a leaf or go on to the next.
      for (uint256 end = hint + 2; hint < high && hint < end; ++hint) {
        if (number(opening, hint) == leaf) return hint;
      }
      while (low < high) {
        uint256 middle = (low + high) / 2;
        uint256 found = number(opening, middle);
        if (found == leaf) return middle;
        if (found < leaf) low = middle + 1;
        else high = middle;
      }
      revert LeafMissing(opening.operand, leaf);
    }
  }
}

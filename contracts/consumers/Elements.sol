// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Elements of 1, 2, 4 or 8 bytes in a blob: little-endian, one after the other (docs/program.md §7).
/// @dev `width` is in bytes throughout. The loops are assembly since they take a third of the gas of Solidity's
/// (test/consumers.snapshot.json).
library Elements {
  /// @dev A blob of this many bytes holds no whole number of elements.
  error LengthNotMultiple(uint256 length, uint256 width);
  error IndexOutOfBounds(uint256 index, uint256 elements);

  uint256 private constant EACH_SECOND_BYTE = 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
  uint256 private constant EACH_SECOND_2 = 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff;
  uint256 private constant EACH_SECOND_4 = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;

  /// @notice The low bytes of each value.
  function pack(uint256[] memory values, uint256 width) internal pure returns (bytes memory blob) {
    unchecked {
      blob = new bytes(values.length * width);
      uint256 perWord = 32 / width;
      for (uint256 first = 0; first < values.length; first += perWord) {
        uint256 word;
        // Reads elements first .. min(first + perWord, length) - 1 of `values`.
        assembly ("memory-safe") {
          let bits := mul(8, width)
          let mask := sub(shl(bits, 1), 1)
          let source := add(add(values, 32), mul(32, first))
          let full := add(source, mul(32, perWord))
          let end := add(add(values, 32), mul(32, mload(values)))
          if gt(end, full) {
            end := full
          }
          for {} lt(source, end) {
            source := add(source, 32)
          } {
            word := or(shl(bits, word), and(mload(source), mask))
          }
          word := shl(mul(bits, shr(5, sub(full, end))), word)
        }
        word = _reverse(word, width);
        // Whole words: the memory of `blob` is.
        assembly ("memory-safe") {
          mstore(add(add(blob, 32), mul(first, width)), word)
        }
      }
    }
  }

  /// @param signed Whether values are sign-extended.
  function unpack(bytes memory blob, uint256 width, bool signed) internal pure returns (uint256[] memory values) {
    unchecked {
      if (blob.length % width != 0) revert LengthNotMultiple(blob.length, width);
      values = new uint256[](blob.length / width);
      uint256 perWord = 32 / width;
      for (uint256 first = 0; first < values.length; first += perWord) {
        uint256 word;
        // Whole words: the memory of `blob` is.
        assembly ("memory-safe") {
          word := mload(add(add(blob, 32), mul(first, width)))
        }
        word = _reverse(word, width);
        // Writes elements first .. min(first + perWord, length) - 1 of `values`.
        assembly ("memory-safe") {
          let bits := mul(8, width)
          let down := sub(256, bits)
          let target := add(add(values, 32), mul(32, first))
          let end := add(target, mul(32, perWord))
          let last := add(add(values, 32), mul(32, mload(values)))
          if gt(end, last) {
            end := last
          }
          switch signed
          case 0 {
            for {} lt(target, end) {
              target := add(target, 32)
            } {
              mstore(target, shr(down, word))
              word := shl(bits, word)
            }
          }
          default {
            for {} lt(target, end) {
              target := add(target, 32)
            } {
              mstore(target, sar(down, word))
              word := shl(bits, word)
            }
          }
        }
      }
    }
  }

  /// @notice Element `index` of a blob, as an unsigned number.
  function load(bytes calldata blob, uint256 index, uint256 width) internal pure returns (uint256 value) {
    unchecked {
      if (index >= blob.length / width) revert IndexOutOfBounds(index, blob.length / width);
      // Within the blob, by the line above; what is read beyond the element is shifted out.
      assembly ("memory-safe") {
        value := shr(sub(256, mul(8, width)), calldataload(add(blob.offset, mul(index, width))))
      }
      return _reverse(value, width);
    }
  }

  /// @notice Sets element `index` of a blob to the low bytes of `value`.
  function store(bytes memory blob, uint256 index, uint256 width, uint256 value) internal pure {
    unchecked {
      if (index >= blob.length / width) revert IndexOutOfBounds(index, blob.length / width);
      uint256 mask = (1 << (8 * width)) - 1;
      uint256 reversed = _reverse(value & mask, width);
      // The word that ends with the element: it begins in the blob or in its length, and keeps its other bytes.
      assembly ("memory-safe") {
        let at := add(blob, mul(add(index, 1), width))
        mstore(at, or(and(mload(at), not(mask)), reversed))
      }
    }
  }

  /// @notice Sign-extends a value of `width` bytes.
  function signExtended(uint256 value, uint256 width) internal pure returns (int256 result) {
    assembly ("memory-safe") {
      result := signextend(sub(width, 1), value)
    }
  }

  /// @dev Reverses the bytes of each element of a word; also of a single element in its low bytes.
  function _reverse(uint256 word, uint256 width) private pure returns (uint256) {
    unchecked {
      if (width > 1) word = ((word & EACH_SECOND_BYTE) << 8) | ((word >> 8) & EACH_SECOND_BYTE);
      if (width > 2) word = ((word & EACH_SECOND_2) << 16) | ((word >> 16) & EACH_SECOND_2);
      if (width > 4) word = ((word & EACH_SECOND_4) << 32) | ((word >> 32) & EACH_SECOND_4);
      return word;
    }
  }
}

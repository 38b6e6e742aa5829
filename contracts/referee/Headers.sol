// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Reader, Readers} from "./Reader.sol";
import {Values} from "./Value.sol";

/// @notice A program header (docs/program.md §6).
/// @param inputs Calldata offset of the table of inputs.
/// @param outputs Calldata offset of the table of outputs.
struct Header {
  uint256 nInputs;
  uint256 nConstants;
  uint256 nInstructions;
  uint256 nOutputs;
  bytes32 constantsRoot;
  bytes32 instructionsRoot;
  uint256 inputs;
  uint256 outputs;
}

/// @param offset Where the tensor starts in the blob that holds it, in bytes.
struct Slot {
  uint256 dtype;
  uint256 elements;
  uint256 offset;
  uint256 instruction;
}

library Headers {
  using Readers for Reader;

  uint256 private constant FORMAT = 1;
  uint256 private constant FIXED_BYTES = 84;
  uint256 private constant INPUT_BYTES = 5;
  uint256 private constant OUTPUT_BYTES = 9;

  error NoSuchOutput(uint256 output, uint256 outputs);

  /// @return header Meaningless if malformed.
  /// @return ok False if malformed.
  function decode(bytes calldata encoded) internal pure returns (Header memory header, bool ok) {
    Reader memory reader = Readers.over(encoded);
    reader.need(reader.take(2) == FORMAT);
    reader.take(2); // lowering version: committed to, of no meaning here
    header.nInputs = reader.take(4);
    header.nConstants = reader.take(4);
    header.nInstructions = reader.take(4);
    header.nOutputs = reader.take(4);
    header.constantsRoot = bytes32(reader.take(32));
    header.instructionsRoot = bytes32(reader.take(32));
    // No overflow: the counts are below 2^32.
    uint256 length = FIXED_BYTES + header.nInputs * INPUT_BYTES + header.nOutputs * OUTPUT_BYTES;
    reader.need(length == encoded.length);
    header.inputs = reader.cursor;
    header.outputs = reader.cursor + header.nInputs * INPUT_BYTES;
    // The length bounds the loops: a failed reader leaves at the first entry.
    for (uint256 i = 0; i < header.nInputs && !reader.failed; ++i) {
      reader.need(Values.isDtype(reader.take(1)));
      reader.take(4);
    }
    for (uint256 i = 0; i < header.nOutputs && !reader.failed; ++i) {
      reader.need(Values.isDtype(reader.take(1)));
      reader.take(4);
      reader.need(reader.take(4) < header.nInstructions);
    }
    ok = !reader.failed;
  }

  /// @notice Input `index`, which exists, without its offset.
  function input(Header memory header, uint256 index) internal pure returns (Slot memory slot) {
    slot = _entry(header.inputs + index * INPUT_BYTES);
    slot.instruction = 0;
  }

  /// @notice Output `index` and its place in the output blob.
  /// @return slot The output.
  /// @return blobBytes Length of the whole blob.
  function output(Header memory header, uint256 index) internal pure returns (Slot memory slot, uint256 blobBytes) {
    if (index >= header.nOutputs) revert NoSuchOutput(index, header.nOutputs);
    for (uint256 i = 0; i < header.nOutputs; ++i) {
      Slot memory entry = _entry(header.outputs + i * OUTPUT_BYTES);
      if (i == index) {
        slot = entry;
        slot.offset = blobBytes;
      }
      blobBytes += entry.elements * Values.byteSize(entry.dtype);
    }
  }

  /// @dev `ptr` is the offset of an entry that `decode` has found to lie inside the header.
  function _entry(uint256 ptr) private pure returns (Slot memory slot) {
    uint256 word;
    assembly ("memory-safe") {
      word := calldataload(ptr)
    }
    slot.dtype = word >> 248;
    slot.elements = uint32(word >> 216);
    slot.instruction = uint32(word >> 184);
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IModelRegistry} from "../interfaces/IModelRegistry.sol";

/// @notice Reads the blob lengths out of a program header (docs/program.md §6).
library ProgramHeader {
  uint256 private constant FIXED_BYTES = 84;
  uint256 private constant INPUT_BYTES = 5;
  uint256 private constant OUTPUT_BYTES = 9;
  uint256 private constant FORMAT = 1;
  /// @dev Byte `code` is the size of one element of that dtype; 0: not a dtype of inputs and outputs.
  bytes32 private constant ELEMENT_BYTES = 0x0001010102020404080802020400000000000000000000000000000000000000;

  /// @notice Lengths of an input blob and an output blob, bytes. Reverts unless the header is whole and of format 1.
  function lengths(
    bytes calldata header
  ) internal pure returns (uint256 loweringVersion, uint256 inputBytes, uint256 outputBytes) {
    if (header.length < FIXED_BYTES || _uint(header, 0, 2) != FORMAT)
      revert IModelRegistry.HeaderMalformed(header.length);
    loweringVersion = _uint(header, 2, 2);
    uint256 inputs = _uint(header, 4, 4);
    uint256 outputs = _uint(header, 16, 4);
    if (header.length != FIXED_BYTES + INPUT_BYTES * inputs + OUTPUT_BYTES * outputs)
      revert IModelRegistry.HeaderMalformed(header.length);
    inputBytes = _sum(header, FIXED_BYTES, inputs, INPUT_BYTES);
    outputBytes = _sum(header, FIXED_BYTES + INPUT_BYTES * inputs, outputs, OUTPUT_BYTES);
  }

  function _sum(
    bytes calldata header,
    uint256 offset,
    uint256 count,
    uint256 stride
  ) private pure returns (uint256 total) {
    for (uint256 i = 0; i < count; ++i) {
      uint256 code = uint8(header[offset + i * stride]);
      uint256 size = code < 32 ? uint8(ELEMENT_BYTES[code]) : 0;
      if (size == 0) revert IModelRegistry.HeaderMalformed(header.length);
      total += size * _uint(header, offset + i * stride + 1, 4);
    }
  }

  function _uint(bytes calldata data, uint256 offset, uint256 size) private pure returns (uint256) {
    return uint256(bytes32(data[offset:offset + size])) >> (256 - 8 * size);
  }
}

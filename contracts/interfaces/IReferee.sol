// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Leaves of one tensor tree with their multi-proof.
/// @param data The leaves, 256 bytes each, in the order of `indices`.
/// @param indices Leaf indices, packed uint32, strictly ascending. Empty: the tensor is not opened.
/// @param path Siblings, packed bytes32: level by level from the leaves, left to right, those that cannot be computed.
struct Leaves {
  bytes data;
  bytes indices;
  bytes path;
}

/// @notice One operand of a step.
/// @param path Siblings of its tensor root up to the inputs, constants or trace root, packed bytes32.
struct Operand {
  bytes path;
  Leaves leaves;
}

/// @notice Everything needed to recompute one element of a trace.
/// @param header The program header (docs/program.md §6).
/// @param instruction Encoding of the instruction on trial; ignored for a position past the last instruction.
/// @param instructionPath Its siblings up to the instructions root, packed bytes32.
/// @param outputPath Siblings of the claimed tensor root up to the trace root, packed bytes32.
/// @param output The leaf of the claimed tensor that holds the element; for a position past the last
/// instruction, `output.data` is the claimed 32-byte trace leaf.
/// @param operands One per tensor load, in the order in which the loads start in the encoding (a load, then its gather loads).
struct StepProof {
  bytes header;
  bytes instruction;
  bytes instructionPath;
  bytes outputPath;
  Leaves output;
  Operand[] operands;
}

/// @notice Opens one element of a program output in the trace.
struct OutputProof {
  bytes header;
  bytes outputPath;
  Leaves output;
}

/// @notice Judges single elements of exact tensor programs. Stateless; no owner, no parameters.
/// @dev Verdicts are total: for authentic openings every element has exactly one right value. A proof that does not
/// authenticate, or lacks a leaf that the element reads, reverts and decides nothing.
interface IReferee {
  /// @notice Whether the claimed trace is wrong at `element` (in units of the output dtype, counted to the end of the
  /// padded tree) of the tensor of `instruction` (counted to the end of the padded trace tree).
  /// @return wrong True also if the instruction itself is malformed.
  function judgeStep(
    bytes32 programRoot,
    bytes32 traceRoot,
    bytes32 inputsRoot,
    uint256 instruction,
    uint256 element,
    StepProof calldata proof
  ) external view returns (bool wrong);

  /// @notice Whether `published` differs from program output `output` of the trace at `element` by more than
  /// atol + rtol * |exact|, in exact rationals, or is not canonical there (docs/program.md §2). With both 0, and of integers
  /// and booleans always, the bytes must be equal.
  /// @param published The whole output blob.
  /// @param atol binary32 bits of a finite non-negative number; likewise `rtol`.
  function judgeOutput(
    bytes32 programRoot,
    bytes32 traceRoot,
    uint256 output,
    uint256 element,
    bytes calldata published,
    uint32 atol,
    uint32 rtol,
    OutputProof calldata proof
  ) external view returns (bool wrong);

  /// @notice Inputs root of an input blob (docs/program.md §7). Reverts unless the lengths match the header.
  function inputsRoot(bytes32 programRoot, bytes calldata header, bytes calldata input) external view returns (bytes32);

  /// @notice Depth of the trace tree of a program.
  function traceDepth(bytes32 programRoot, bytes calldata header) external view returns (uint256);

  /// @notice Depth of the tensor tree of an instruction's output; 0 if the instruction is malformed.
  function tensorDepth(
    bytes32 programRoot,
    bytes calldata header,
    uint256 instruction,
    bytes calldata encoding,
    bytes calldata path
  ) external view returns (uint256);
}

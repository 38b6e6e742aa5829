// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IReferee, Leaves, Operand, OutputProof, StepProof} from "../interfaces/IReferee.sol";
import {Free} from "./Free.sol";
import {Hashing} from "./Hashing.sol";
import {Header, Headers, Slot} from "./Headers.sol";
import {Instruction, Instructions, Kind, Load} from "./Instructions.sol";
import {IInterpreter} from "./Interpreter.sol";
import {Opening, Openings} from "./Openings.sol";
import {TensorTree} from "./TensorTree.sol";
import {Tolerance} from "./Tolerance.sol";
import {Value, Values} from "./Value.sol";
import {Views} from "./Views.sol";

/// @title The judge of single elements of exact tensor programs
contract Referee is IReferee {
  error WrongHeader(bytes32 given, bytes32 programRoot);
  error MalformedHeader();
  error WrongInstruction(bytes32 given, bytes32 instructionsRoot);
  error WrongTrace(bytes32 given, bytes32 traceRoot);
  error WrongOperand(uint256 operand, bytes32 given, bytes32 root);
  error OperandCount(uint256 given, uint256 loads);
  error NoSuchInstruction(uint256 instruction, uint256 instructions);
  error NoSuchElement(uint256 element, uint256 elements);
  error OutputLeaf(uint256 leaf);
  error TraceLeafLength(uint256 length);
  error BlobLength(uint256 given, uint256 length);

  IInterpreter public immutable interpreter;

  constructor(IInterpreter interpreter_) {
    interpreter = interpreter_;
  }

  /// @inheritdoc IReferee
  function judgeStep(
    bytes32 programRoot,
    bytes32 traceRoot,
    bytes32 inputsRoot_,
    uint256 instruction,
    uint256 element,
    StepProof calldata proof
  ) external view returns (bool wrong) {
    (Header memory header, bool ok) = _header(programRoot, proof.header);
    if (!ok) return true;
    if (instruction >= header.nInstructions) return _judgePadding(traceRoot, header, instruction, proof);
    Instruction memory step;
    (step, ok) = _instruction(header, instruction, proof.instruction, proof.instructionPath);
    if (!ok) return true;
    uint256 size = Values.byteSize(step.dtype);
    Slot memory claim = Slot(step.dtype, step.outElements, 0, instruction);
    uint256 claimed = _openElement(traceRoot, header, claim, element, proof.outputPath, proof.output);
    if (element >= step.outElements) return !_isZero(claimed, size);
    _openOperands(traceRoot, inputsRoot_, header, step, proof.operands);
    (uint256 bits, uint256[4] memory acc) = interpreter.evaluate(proof.instruction, element, proof.operands);
    return step.dtype == Values.ACC ? !_equalsAcc(claimed, acc) : Views.littleEndian(claimed, size) != bits;
  }

  /// @inheritdoc IReferee
  function judgeOutput(
    bytes32 programRoot,
    bytes32 traceRoot,
    uint256 output,
    uint256 element,
    bytes calldata published,
    uint32 atol,
    uint32 rtol,
    OutputProof calldata proof
  ) external view returns (bool wrong) {
    Value memory atolValue = Tolerance.decode(atol);
    Value memory rtolValue = Tolerance.decode(rtol);
    (Header memory header, bool ok) = _header(programRoot, proof.header);
    if (!ok) return true;
    (Slot memory slot, uint256 blobBytes) = Headers.output(header, output);
    if (published.length != blobBytes) revert BlobLength(published.length, blobBytes);
    if (element >= slot.elements) revert NoSuchElement(element, slot.elements);
    uint256 right = _openElement(traceRoot, header, slot, element, proof.outputPath, proof.output);
    uint256 size = Values.byteSize(slot.dtype);
    uint256 offset = slot.offset + element * size;
    uint256 given = Hashing.copy(published[offset:offset + size]);
    if ((atol == 0 && rtol == 0) || !Values.isFloat(slot.dtype)) return !Hashing.equal(given, right, size);
    Value memory x = Values.decode(slot.dtype, Views.littleEndian(right, size));
    uint256 bits = Views.littleEndian(given, size);
    Value memory y = Values.decode(slot.dtype, bits);
    return !Values.isCanonical(slot.dtype, y, bits) || Tolerance.exceeded(x, y, atolValue, rtolValue);
  }

  /// @inheritdoc IReferee
  function inputsRoot(
    bytes32 programRoot,
    bytes calldata header,
    bytes calldata input
  ) external view returns (bytes32) {
    Header memory decoded = _wellFormedHeader(programRoot, header);
    bytes32[] memory roots = new bytes32[](decoded.nInputs + 1);
    uint256 offset = 0;
    for (uint256 i = 0; i < decoded.nInputs; ++i) {
      Slot memory slot = Headers.input(decoded, i);
      uint256 end = offset + slot.elements * Values.byteSize(slot.dtype);
      if (end > input.length) revert BlobLength(input.length, end);
      roots[i] = TensorTree.rootOfBytes(input[offset:end]);
      offset = end;
    }
    if (offset != input.length) revert BlobLength(input.length, offset);
    return TensorTree.rootOfNodes(roots, decoded.nInputs, bytes32(0));
  }

  /// @inheritdoc IReferee
  function traceDepth(bytes32 programRoot, bytes calldata header) external view returns (uint256) {
    return TensorTree.depthOf(_wellFormedHeader(programRoot, header).nInstructions);
  }

  /// @inheritdoc IReferee
  function tensorDepth(
    bytes32 programRoot,
    bytes calldata header,
    uint256 instruction,
    bytes calldata encoding,
    bytes calldata path
  ) external view returns (uint256) {
    Header memory decoded = _wellFormedHeader(programRoot, header);
    if (instruction >= decoded.nInstructions) revert NoSuchInstruction(instruction, decoded.nInstructions);
    (Instruction memory step, bool ok) = _instruction(decoded, instruction, encoding, path);
    return ok ? TensorTree.tensorDepth(step.outElements * Values.byteSize(step.dtype)) : 0;
  }

  /// @dev The header that the program root commits to.
  /// @return header Meaningless if malformed.
  /// @return ok False if it is malformed.
  function _header(bytes32 programRoot, bytes calldata encoded) private view returns (Header memory header, bool ok) {
    bytes32 hash = Hashing.ofCalldata(encoded);
    if (hash != programRoot) revert WrongHeader(hash, programRoot);
    return Headers.decode(encoded);
  }

  function _wellFormedHeader(bytes32 programRoot, bytes calldata encoded) private view returns (Header memory header) {
    bool ok;
    (header, ok) = _header(programRoot, encoded);
    if (!ok) revert MalformedHeader();
  }

  /// @dev The instruction that the program commits to at a place that exists.
  /// @return step Meaningless if malformed.
  /// @return ok False if it is malformed.
  function _instruction(
    Header memory header,
    uint256 instruction,
    bytes calldata encoded,
    bytes calldata path
  ) private view returns (Instruction memory step, bool ok) {
    uint256 depth = TensorTree.depthOf(header.nInstructions);
    bytes32 root = TensorTree.rootOf(Hashing.ofCalldata(encoded), instruction, depth, path);
    if (root != header.instructionsRoot) revert WrongInstruction(root, header.instructionsRoot);
    (step, ok) = Instructions.decode(encoded);
    ok = ok && Instructions.wellFormed(step, instruction, header);
  }

  /// @dev Judges a leaf of the trace tree behind the last instruction: it is zero.
  function _judgePadding(
    bytes32 traceRoot,
    Header memory header,
    uint256 instruction,
    StepProof calldata proof
  ) private view returns (bool wrong) {
    bytes calldata leaf = proof.output.data;
    if (leaf.length != 32) revert TraceLeafLength(leaf.length);
    uint256 depth = TensorTree.depthOf(header.nInstructions);
    bytes32 root = TensorTree.rootOf(bytes32(leaf), instruction, depth, proof.outputPath);
    if (root != traceRoot) revert WrongTrace(root, traceRoot);
    return bytes32(leaf) != 0;
  }

  /// @dev Opens one element of the tensor `slot` of the trace.
  /// @param element May be behind the tensor's end but not behind that of its tree.
  /// @return ptr Address of the element's bytes.
  function _openElement(
    bytes32 traceRoot,
    Header memory header,
    Slot memory slot,
    uint256 element,
    bytes calldata path,
    Leaves calldata leaves
  ) private view returns (uint256 ptr) {
    uint256 size = Values.byteSize(slot.dtype);
    uint256 depth = TensorTree.tensorDepth(slot.elements * size);
    uint256 room = (Openings.LEAF_BYTES << depth) / size;
    if (element >= room) revert NoSuchElement(element, room);
    uint256 leaf = (element * size) / Openings.LEAF_BYTES;
    if (leaves.indices.length != 4 || uint32(bytes4(leaves.indices)) != leaf) revert OutputLeaf(leaf);
    Opening memory opening = Openings.load(leaves, 0);
    bytes32 tensor = TensorTree.rootOf(opening, depth, leaves.path);
    bytes32 root = TensorTree.rootOf(tensor, slot.instruction, TensorTree.depthOf(header.nInstructions), path);
    if (root != traceRoot) revert WrongTrace(root, traceRoot);
    return Openings.locate(opening, element * size, size);
  }

  /// @dev Authenticates the operands, in the order in which their loads start in the encoding.
  function _openOperands(
    bytes32 traceRoot,
    bytes32 inputs,
    Header memory header,
    Instruction memory step,
    Operand[] calldata operands
  ) private view {
    uint256 count = 0;
    for (uint256 i = 0; i < step.loads.length; ++i) {
      Load memory load = step.loads[i];
      if (load.kind < Kind.INPUT) continue;
      _openOperand(traceRoot, inputs, header, load, operands, count++);
      for (uint256 j = 0; j < load.axes.length; ++j) {
        if (load.axes[j].gather.length == 0) continue;
        _openOperand(traceRoot, inputs, header, load.axes[j].gather[0], operands, count++);
      }
    }
    if (count != operands.length) revert OperandCount(operands.length, count);
  }

  /// @dev Authenticates operand `number` as the tensor that `load` names. One without leaves is not opened.
  function _openOperand(
    bytes32 traceRoot,
    bytes32 inputs,
    Header memory header,
    Load memory load,
    Operand[] calldata operands,
    uint256 number
  ) private view {
    if (number >= operands.length) revert OperandCount(operands.length, number + 1);
    Operand calldata operand = operands[number];
    if (operand.leaves.indices.length == 0) return;
    uint256 depth = TensorTree.tensorDepth(load.elements * Values.byteSize(load.dtype));
    uint256 mark = Free.mark();
    bytes32 tensor = TensorTree.rootOf(Openings.load(operand.leaves, number), depth, operand.leaves.path);
    Free.release(mark);
    (bytes32 expected, uint256 leaves) = load.kind == Kind.INPUT
      ? (inputs, header.nInputs)
      : load.kind == Kind.CONSTANT
        ? (header.constantsRoot, header.nConstants)
        : (traceRoot, header.nInstructions);
    bytes32 root = TensorTree.rootOf(tensor, load.id, TensorTree.depthOf(leaves), operand.path);
    if (root != expected) revert WrongOperand(number, root, expected);
  }

  function _isZero(uint256 ptr, uint256 size) private pure returns (bool) {
    uint256[4] memory zero;
    return size > 8 ? _equalsAcc(ptr, zero) : Views.littleEndian(ptr, size) == 0;
  }

  function _equalsAcc(uint256 ptr, uint256[4] memory acc) private pure returns (bool) {
    uint256 other;
    assembly ("memory-safe") {
      other := acc
    }
    return Hashing.equal(ptr, other, 128);
  }
}

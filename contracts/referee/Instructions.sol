// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Bodies} from "./Bodies.sol";
import {Fold} from "./Codes.sol";
import {Header} from "./Headers.sol";
import {Reader, Readers} from "./Reader.sol";
import {Opening} from "./Openings.sol";
import {Values} from "./Value.sol";

/// @notice One coordinate: affine, floor((base + sum of coef * index) / div), or gathered.
/// @param terms coef << 8 | dim, arithmetic.
/// @param gather The nested load, if gathered; else empty.
struct Axis {
  uint256 size;
  uint256 stride;
  int256 base;
  uint256 div;
  bool exact;
  int256[] terms;
  Load[] gather;
}

/// @notice A load (docs/program.md §3). An index load has one axis, its affine expression.
/// @param zero Zero point; 0 if there is none.
/// @param filled Whether an out-of-range load has a value.
/// @param bits Element bits of a literal or fill.
/// @param size Bytes of an element.
/// @param outside Set when bound: out of range whatever the reduction indices.
/// @param plain Set when bound: how many axes, the first ones, are affine.
/// @param base Set when bound: share of the element address that the output position fixes.
/// @param place Set when located: the element address; of an index load, its value.
/// @param inside Set when located: whether it is in range.
/// @param stride Set by a sweep: how the place advances.
struct Load {
  uint256 kind;
  uint256 dtype;
  uint256 size;
  uint256 id;
  uint256 elements;
  int256 zero;
  bool filled;
  uint256 bits;
  Axis[] axes;
  bool outside;
  uint256 plain;
  uint256 base;
  uint256 place;
  bool inside;
  uint256 stride;
  Opening opening;
}

/// @param dims Sizes of the iteration dimensions, the `nOut` output dimensions first.
/// @param outElements Product of the output dimensions.
struct Instruction {
  uint256 body;
  uint256 fold;
  uint256 dtype;
  uint256 nOut;
  uint256[] dims;
  uint256 outElements;
  Load[] loads;
}

library Kind {
  uint256 internal constant LITERAL = 0;
  uint256 internal constant INDEX = 1;
  uint256 internal constant INPUT = 2;
  uint256 internal constant CONSTANT = 3;
  uint256 internal constant INSTRUCTION = 4;
}

/// @notice Decoder of instructions (docs/program.md §6).
library Instructions {
  using Readers for Reader;

  uint256 private constant MAX_DIMS = 8;
  uint256 private constant MAX_AXES = 8;
  uint256 private constant MAX_TERMS = 8;
  uint256 private constant MAX_LOADS = 3;
  uint256 private constant MAX_OUT_ELEMENTS = 2 ** 32 - 1;
  uint256 private constant MAX_RED_ELEMENTS = 2 ** 20;
  uint256 private constant FLAG_ZERO = 1;
  uint256 private constant FLAG_FILL = 2;

  /// @notice An instruction from its encoding. Never reverts; work is bounded by the static limits.
  /// @return instruction Meaningless if malformed.
  /// @return ok False if the encoding breaks a static limit.
  function decode(bytes calldata encoded) internal pure returns (Instruction memory instruction, bool ok) {
    Reader memory reader = Readers.over(encoded);
    instruction.body = reader.take(1);
    instruction.fold = reader.take(1);
    instruction.dtype = reader.take(1);
    uint256 nOut = _count(reader, MAX_DIMS);
    uint256 nRed = _count(reader, MAX_DIMS);
    uint256 nLoads = _count(reader, MAX_LOADS);
    reader.need(instruction.fold <= Fold.LAST && Values.isDtype(instruction.dtype) && nLoads != 0);
    reader.need(instruction.fold != Fold.NONE || nRed == 0);
    instruction.nOut = nOut;
    (instruction.dims, instruction.outElements) = _dims(reader, nOut, nRed);
    if (reader.failed) return (instruction, false);
    instruction.loads = new Load[](nLoads);
    for (uint256 i = 0; i < nLoads && !reader.failed; ++i) {
      instruction.loads[i] = _load(reader, nOut + nRed);
    }
    reader.need(reader.cursor == reader.end);
    ok = !reader.failed;
  }

  /// @notice Whether decoded instruction `number` of a program is in the table of legal ones and refers to what exists.
  function wellFormed(
    Instruction memory instruction,
    uint256 number,
    Header memory header
  ) internal pure returns (bool) {
    Load[] memory loads = instruction.loads;
    uint256[3] memory dtypes;
    for (uint256 i = 0; i < loads.length; ++i) {
      dtypes[i] = loads[i].dtype;
      if (!_refersBack(loads[i], number, header)) return false;
      for (uint256 j = 0; j < loads[i].axes.length; ++j) {
        Load[] memory gather = loads[i].axes[j].gather;
        if (gather.length != 0 && !_refersBack(gather[0], number, header)) return false;
      }
    }
    return Bodies.legal(instruction.body, instruction.fold, instruction.dtype, dtypes, loads.length);
  }

  function _refersBack(Load memory load, uint256 number, Header memory header) private pure returns (bool) {
    if (load.kind == Kind.INPUT) return load.id < header.nInputs;
    if (load.kind == Kind.CONSTANT) return load.id < header.nConstants;
    return load.kind != Kind.INSTRUCTION || load.id < number;
  }

  function _count(Reader memory reader, uint256 limit) private pure returns (uint256 count) {
    count = reader.take(1);
    if (count <= limit) return count;
    reader.fail();
    return 0;
  }

  /// @dev No overflow: eight factors below 2^32.
  function _dims(
    Reader memory reader,
    uint256 nOut,
    uint256 nRed
  ) private pure returns (uint256[] memory dims, uint256 outElements) {
    unchecked {
      dims = new uint256[](nOut + nRed);
      outElements = 1;
      uint256 redElements = 1;
      for (uint256 i = 0; i < dims.length; ++i) {
        uint256 dim = reader.take(4);
        dims[i] = dim;
        if (i < nOut) outElements *= dim;
        else redElements *= dim;
      }
      reader.need(outElements != 0 && outElements <= MAX_OUT_ELEMENTS);
      reader.need(redElements != 0 && redElements <= MAX_RED_ELEMENTS);
    }
  }

  function _load(Reader memory reader, uint256 nDims) private pure returns (Load memory load) {
    uint256 kind = reader.take(1);
    load.kind = kind;
    if (kind == Kind.LITERAL) {
      load.dtype = reader.take(1);
      load.bits = _elementBits(reader, load.dtype);
    } else if (kind == Kind.INDEX) {
      load.dtype = Values.I64;
      load.axes = new Axis[](1);
      _affine(reader, load.axes[0], nDims);
    } else {
      _tensor(reader, load, nDims);
    }
  }

  function _elementBits(Reader memory reader, uint256 dtype) private pure returns (uint256 bits) {
    bits = reader.take(8);
    reader.need(Values.isDtype(dtype) && dtype != Values.ACC);
    if (!reader.failed) reader.need(bits >> (8 * Values.byteSize(dtype)) == 0);
  }

  function _tensor(Reader memory reader, Load memory load, uint256 nDims) private pure {
    _operand(reader, load);
    uint256 nAxes = _count(reader, MAX_AXES);
    if (reader.failed) return;
    load.axes = new Axis[](nAxes);
    for (uint256 i = 0; i < nAxes && !reader.failed; ++i) {
      Axis memory axis = load.axes[i];
      if (!_axis(reader, axis)) {
        _affine(reader, axis, nDims);
        continue;
      }
      axis.gather = new Load[](1);
      Load memory gather = axis.gather[0];
      gather.kind = reader.take(1);
      _operand(reader, gather);
      reader.need(Values.isInteger(gather.dtype));
      gather.axes = new Axis[](_count(reader, MAX_AXES));
      for (uint256 j = 0; j < gather.axes.length && !reader.failed; ++j) {
        reader.need(!_axis(reader, gather.axes[j]));
        _affine(reader, gather.axes[j], nDims);
      }
    }
  }

  /// @dev The part of a tensor load between its kind and its axes.
  function _operand(Reader memory reader, Load memory load) private pure {
    reader.need(load.kind >= Kind.INPUT && load.kind <= Kind.INSTRUCTION);
    uint256 dtype = reader.take(1);
    load.dtype = dtype;
    load.size = Values.byteSize(dtype);
    load.id = reader.take(4);
    load.elements = reader.take(4);
    uint256 flags = reader.take(1);
    reader.need(Values.isDtype(dtype) && flags <= (FLAG_ZERO | FLAG_FILL));
    if (flags & FLAG_ZERO != 0) {
      reader.need(Values.isInteger(dtype));
      load.zero = reader.takeSigned32();
    }
    if (flags & FLAG_FILL != 0) {
      load.filled = true;
      load.bits = _elementBits(reader, dtype);
    }
  }

  /// @return gathered Whether a nested load follows instead of an affine expression.
  function _axis(Reader memory reader, Axis memory axis) private pure returns (bool gathered) {
    axis.size = reader.take(4);
    axis.stride = reader.take(4);
    uint256 kind = reader.take(1);
    reader.need(kind <= 1);
    return kind == 1;
  }

  function _affine(Reader memory reader, Axis memory axis, uint256 nDims) private pure {
    axis.base = reader.takeSigned32();
    axis.div = reader.take(4);
    uint256 flags = reader.take(1);
    reader.need(axis.div != 0 && flags <= 1);
    axis.exact = flags == 1;
    axis.terms = new int256[](_count(reader, MAX_TERMS));
    for (uint256 i = 0; i < axis.terms.length && !reader.failed; ++i) {
      uint256 dim = reader.take(1);
      reader.need(dim < nDims);
      axis.terms[i] = (reader.takeSigned32() << 8) | int256(dim);
    }
  }
}

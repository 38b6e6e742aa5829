// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Accumulator} from "./Accumulator.sol";
import {Body, Fold} from "./Codes.sol";
import {DotF32} from "./DotF32.sol";
import {DotInt8} from "./DotInt8.sol";
import {Factor} from "./Factor.sol";
import {Instruction, Kind, Load} from "./Instructions.sol";
import {Openings} from "./Openings.sol";
import {Values} from "./Value.sol";
import {Range, Views} from "./Views.sol";

/// @notice How the innermost reduction dimensions of a sum of products can be taken at once.
/// @param from The box over the dimensions from here on is a run: along it (row-major) each load's element address advances
/// by one or not at all. NEVER if there is no such box.
/// @param spans Elements of the box from each dimension on; set from `from` on.
/// @param factors The loads, as the kernels take them; a copy has 1 as the second.
/// @param size Bytes of an element.
struct Run {
  uint256 from;
  uint256[] spans;
  Factor[2] factors;
  uint256 size;
}

library Runs {
  uint256 internal constant NEVER = type(uint256).max;
  uint256 private constant WORD = 32;
  uint256 private constant REPEAT_BYTE = 0x0101010101010101010101010101010101010101010101010101010101010101;
  uint256 private constant REPEAT_4_BYTES = 0x0000000100000001000000010000000100000001000000010000000100000001;
  uint256 private constant FLIP_SIGNS = 0x8080808080808080808080808080808080808080808080808080808080808080;
  uint256 private constant HALF = 128;
  uint256 private constant ONE_F32 = 0x3f800000;

  /// @param instruction Bound to an output element.
  function plan(Instruction memory instruction) internal pure returns (Run memory run) {
    unchecked {
      run.from = NEVER;
      if (!_covered(instruction)) return run;
      uint256[] memory dims = instruction.dims;
      run.spans = new uint256[](dims.length);
      uint256 span = 1;
      for (uint256 dim = dims.length; dim > instruction.nOut;) {
        --dim;
        if (dims[dim] != 1) {
          if (!_extends(instruction, run, dim, span)) break;
          span *= dims[dim];
        }
        run.spans[dim] = span;
        if (span != 1) run.from = dim;
      }
      if (span != 1) _prepare(instruction, run);
    }
  }

  /// @notice Adds the terms of the box from dimension `from` (>= run.from) on at the current index to `sum`, or to the total.
  /// @return done False if nothing was added because loads are in range for a part of the box only.
  /// @return integers What to add to the total of an integer sum.
  function add(
    Instruction memory instruction,
    Run memory run,
    uint256[] memory index,
    uint256 from,
    Accumulator memory sum
  ) internal pure returns (bool done, int256 integers) {
    unchecked {
      uint256 span = run.spans[from];
      if (span == 1) return (false, 0);
      Load[] memory loads = instruction.loads;
      bool mixed = false;
      for (uint256 k = 0; k < loads.length; ++k) {
        uint256 reach = run.factors[k].step == 0 ? 0 : span - 1;
        uint256 range = Views.locate(loads[k], index, instruction.dims, from, reach);
        if (range == Range.OUTSIDE && !loads[k].filled) return (true, 0);
        if (range != Range.INSIDE) mixed = true;
      }
      if (mixed) return (false, 0);
      // All terms are in range: every element of the run is needed, so a missing leaf rightly reverts.
      for (uint256 k = 0; k < loads.length; ++k) {
        if (loads[k].kind != Kind.LITERAL) _point(run.factors[k], loads[k], run.size, span);
      }
      if (run.size == 1) integers = DotInt8.dot(run.factors[0], run.factors[1], span);
      else DotF32.add(sum, run.factors[0], run.factors[1], span);
      done = true;
    }
  }

  /// @dev Sums of copies or products of f32, or of 8-bit integers. (Sums of floats to integers are not legal, nor the reverse.)
  function _covered(Instruction memory instruction) private pure returns (bool) {
    if (instruction.fold != Fold.SUM) return false;
    if (instruction.body != Body.COPY && instruction.body != Body.MUL) return false;
    Load[] memory loads = instruction.loads;
    bool bytes_ = _isByte(loads[0]);
    for (uint256 k = 0; k < loads.length; ++k) {
      if (loads[k].kind == Kind.INDEX) return false;
      if (!(bytes_ ? _isByte(loads[k]) : loads[k].dtype == Values.F32)) return false;
    }
    return true;
  }

  function _isByte(Load memory load) private pure returns (bool) {
    return load.dtype == Values.U8 || load.dtype == Values.I8;
  }

  /// @dev Whether the run of `span` elements over the dimensions behind `dim` goes on along `dim`.
  function _extends(
    Instruction memory instruction,
    Run memory run,
    uint256 dim,
    uint256 span
  ) private pure returns (bool) {
    unchecked {
      for (uint256 k = 0; k < instruction.loads.length; ++k) {
        (bool linear, int256 stride) = Views.strideAlong(instruction.loads[k], dim);
        if (!linear) return false;
        if (span == 1) {
          if (stride != 0 && stride != 1) return false;
          run.factors[k].step = uint256(stride) * WORD;
        } else if (stride != int256(run.factors[k].step == 0 ? 0 : span)) {
          return false;
        }
      }
      return true;
    }
  }

  function _prepare(Instruction memory instruction, Run memory run) private pure {
    unchecked {
      Load[] memory loads = instruction.loads;
      run.size = _isByte(loads[0]) ? 1 : 4;
      for (uint256 k = 0; k < 2; ++k) {
        Factor memory factor = run.factors[k];
        if (k >= loads.length) {
          _repeat(factor, run.size == 1 ? 1 : ONE_F32, run.size);
          continue;
        }
        factor.zero = loads[k].zero;
        // An i8 is its byte with the sign bit flipped, less 128.
        if (loads[k].dtype == Values.I8) {
          factor.flip = FLIP_SIGNS;
          factor.zero += int256(HALF);
        }
        if (loads[k].kind == Kind.LITERAL) _repeat(factor, loads[k].bits, run.size);
      }
    }
  }

  /// @dev Points a factor at the load's elements, which are opened.
  function _point(Factor memory factor, Load memory load, uint256 size, uint256 span) private pure {
    unchecked {
      bool advances = factor.step != 0;
      uint256 ptr = Openings.locate(load.opening, load.place * size, advances ? span * size : size);
      if (advances) factor.ptr = ptr;
      else _repeat(factor, Views.littleEndian(ptr, size), size);
    }
  }

  /// @dev Points a factor at a word that repeats one element.
  function _repeat(Factor memory factor, uint256 bits, uint256 size) private pure {
    unchecked {
      uint256 stored = (bits >> 24) | ((bits >> 8) & 0xff00) | ((bits << 8) & 0xff0000) | ((bits & 0xff) << 24);
      factor.word = size == 1 ? bits * REPEAT_BYTE : stored * REPEAT_4_BYTES;
      assembly ("memory-safe") {
        mstore(factor, add(factor, 0x80)) // ptr: the address of word
      }
    }
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Accumulator, Accumulators} from "./Accumulator.sol";
import {Bodies} from "./Bodies.sol";
import {Body, Fold} from "./Codes.sol";
import {Free} from "./Free.sol";
import {Instruction, Kind, Load} from "./Instructions.sol";
import {Reals} from "./Reals.sol";
import {Run, Runs} from "./Runs.sol";
import {IScalars} from "./Scalars.sol";
import {Openings} from "./Openings.sol";
import {Value, Values} from "./Value.sol";
import {Range, Views} from "./Views.sol";

/// @notice A reduction under way.
/// @param index Iteration indices of the current term.
/// @param loads The loads of the instruction, `arity` of them.
/// @param values Their values in the current term.
/// @param real Whether terms are added to `sum`: sums to float or acc, and any copy from or to acc.
/// @param total Sum so far of an integer sum, exact: 2^20 terms below 2^131.
/// @param result Bits so far of the other folds.
/// @param sweeps Whether all loads advance evenly along the innermost dimension.
struct Reduction {
  Instruction instruction;
  IScalars scalars;
  uint256[] index;
  Load[3] loads;
  uint256 arity;
  Value[3] values;
  bool real;
  Accumulator sum;
  int256 total;
  uint256 result;
  Run run;
  bool sweeps;
}

/// @notice Elements of instructions (docs/program.md §3, §4).
library Folds {
  using Accumulators for Accumulator;

  uint256 private constant ACC_BYTES = 128;

  /// @notice The one right element of an instruction.
  /// @param instruction Well-formed and opened; is bound in place.
  /// @param element Below instruction.outElements.
  /// @param scalars Evaluates the bodies that are not evaluated here.
  /// @return bits Of any output dtype but acc.
  /// @return acc The 128 bytes of an acc.
  function evaluate(
    Instruction memory instruction,
    uint256 element,
    IScalars scalars
  ) internal pure returns (uint256 bits, uint256[4] memory acc) {
    Reduction memory reduction;
    reduction.scalars = scalars;
    reduction.instruction = instruction;
    reduction.index = _unravel(instruction, element);
    reduction.arity = instruction.loads.length;
    for (uint256 k = 0; k < reduction.arity; ++k) {
      Views.bind(instruction.loads[k], instruction.nOut, reduction.index);
      reduction.loads[k] = instruction.loads[k];
    }
    uint256 dtype = instruction.dtype;
    bool toInteger = Values.isInteger(dtype);
    // A copy from or to acc is the sum of one term.
    bool accs = dtype == Values.ACC || instruction.loads[0].dtype == Values.ACC;
    reduction.real = accs || (instruction.fold == Fold.SUM && !toInteger);
    reduction.result = _identity(instruction.fold, dtype);
    reduction.run = Runs.plan(instruction);
    reduction.sweeps = _sweeps(instruction);
    _walk(reduction, instruction.nOut);
    if (dtype == Values.ACC) acc = reduction.sum.store();
    else if (reduction.real) bits = reduction.sum.round(dtype);
    else if (instruction.fold == Fold.SUM) bits = Values.wrapBits(dtype, reduction.total);
    else bits = reduction.result;
  }

  function _unravel(Instruction memory instruction, uint256 element) private pure returns (uint256[] memory index) {
    unchecked {
      index = new uint256[](instruction.dims.length);
      for (uint256 dim = instruction.nOut; dim > 0;) {
        --dim;
        index[dim] = element % instruction.dims[dim];
        element /= instruction.dims[dim];
      }
    }
  }

  /// @dev Visits the terms in row-major order; runs are taken at once. Depth of recursion: at most 9.
  function _walk(Reduction memory reduction, uint256 dim) private pure {
    unchecked {
      uint256[] memory dims = reduction.instruction.dims;
      if (dim == dims.length) return _term(reduction);
      if (dim >= reduction.run.from && _runFrom(reduction, dim)) return;
      if (dim + 1 == dims.length && reduction.sweeps && _sweep(reduction, dim)) return;
      uint256[] memory index = reduction.index;
      uint256 size = dims[dim];
      for (uint256 i = 0; i < size; ++i) {
        index[dim] = i;
        _walk(reduction, dim + 1);
      }
      index[dim] = 0;
    }
  }

  /// @dev Sets the strides of the loads along the innermost dimension.
  /// @return even Whether each advances by a number of elements that is not negative.
  function _sweeps(Instruction memory instruction) private pure returns (bool even) {
    unchecked {
      if (instruction.body == Body.FIRST || instruction.dims.length == instruction.nOut) return false;
      for (uint256 k = 0; k < instruction.loads.length; ++k) {
        Load memory load = instruction.loads[k];
        (bool linear, int256 stride) = Views.strideAlong(load, instruction.dims.length - 1);
        if (!linear || (stride < 0 && load.kind != Kind.INDEX)) return false;
        load.stride = uint256(stride);
      }
      return true;
    }
  }

  /// @dev Visits the terms along the innermost dimension without locating each load anew.
  /// @return done False if nothing was done because a load is in range for a part of them only.
  function _sweep(Reduction memory reduction, uint256 dim) private pure returns (bool done) {
    unchecked {
      Instruction memory instruction = reduction.instruction;
      Load[] memory loads = instruction.loads;
      uint256 size = instruction.dims[dim];
      for (uint256 k = 0; k < loads.length; ++k) {
        Load memory load = loads[k];
        uint256 range = Views.locate(load, reduction.index, instruction.dims, dim, load.stride * (size - 1));
        // a sum, min or max alike skips terms: there is no reduction without a fold
        if (range == Range.OUTSIDE && !load.filled) return true;
        if (range != Range.INSIDE) return false;
        load.inside = true;
      }
      uint256 mark = Free.mark();
      (Load memory a, Load memory b, Load memory c) = (reduction.loads[0], reduction.loads[1], reduction.loads[2]);
      for (uint256 i = 0; i < size; ++i) {
        _addLocated(reduction);
        a.place += a.stride;
        b.place += b.stride;
        c.place += c.stride;
        Free.release(mark);
      }
      return true;
    }
  }

  function _runFrom(Reduction memory reduction, uint256 dim) private pure returns (bool done) {
    unchecked {
      uint256 mark = Free.mark();
      int256 integers;
      (done, integers) = Runs.add(reduction.instruction, reduction.run, reduction.index, dim, reduction.sum);
      reduction.total += integers;
      Free.release(mark);
    }
  }

  /// @dev Adds the term at the current index. Everything that it allocates is released.
  function _term(Reduction memory reduction) private pure {
    Instruction memory instruction = reduction.instruction;
    uint256 mark = Free.mark();
    if (_locate(instruction, reduction.index)) _addLocated(reduction);
    Free.release(mark);
  }

  function _addLocated(Reduction memory reduction) private pure {
    Load memory load = reduction.loads[0];
    if (load.dtype == Values.ACC) _addAcc(reduction, load);
    else _addTerm(reduction);
  }

  /// @return present False if the term is skipped because a load is out of range.
  function _locate(Instruction memory instruction, uint256[] memory index) private pure returns (bool present) {
    unchecked {
      Load[] memory loads = instruction.loads;
      uint256[] memory dims = instruction.dims;
      bool first = instruction.body == Body.FIRST;
      for (uint256 k = 0; k < loads.length; ++k) {
        Load memory load = loads[k];
        bool inside = Views.locate(load, index, dims, dims.length, 0) == Range.INSIDE;
        load.inside = inside;
        if (first) {
          if (inside) break;
          if (k + 1 < loads.length) continue;
        }
        if (!inside && !load.filled && instruction.fold != Fold.NONE) return false;
      }
      return true;
    }
  }

  function _addAcc(Reduction memory reduction, Load memory load) private pure {
    unchecked {
      if (!load.inside) return;
      reduction.sum.addStored(Openings.locate(load.opening, load.place * ACC_BYTES, ACC_BYTES));
    }
  }

  function _addTerm(Reduction memory reduction) private pure {
    unchecked {
      Instruction memory instruction = reduction.instruction;
      uint256 body = instruction.body;
      uint256 arity = reduction.arity;
      Load memory load = reduction.loads[0];
      if (body == Body.FIRST) {
        for (uint256 k = 1; k < arity && !load.inside; ++k) load = reduction.loads[k];
        (body, arity) = (Body.COPY, 1);
      }
      Value memory a = reduction.values[0];
      Value memory b = reduction.values[1];
      Value memory c = reduction.values[2];
      Views.read(load, a);
      if (arity > 1) Views.read(reduction.loads[1], b);
      if (reduction.real) {
        if (body == Body.MUL) reduction.sum.addProduct(a, b);
        else reduction.sum.add(a);
        return;
      }
      if (arity > 2) Views.read(reduction.loads[2], c);
      if (body == Body.SELEQ) {
        if (!_same(a, b)) return;
        (a, body, arity) = (c, Body.COPY, 1);
      }
      uint256 dtype = instruction.dtype;
      if (instruction.fold == Fold.SUM) {
        reduction.total += Bodies.exact(body, dtype, a, b, c);
        return;
      }
      bool integers =
        Values.isInteger(a.dtype) &&
          (arity < 2 || Values.isInteger(b.dtype)) &&
          (arity < 3 || Values.isInteger(c.dtype));
      uint256 bits =
        Values.isInteger(dtype) && integers
          ? Values.wrapBits(dtype, Bodies.exact(body, dtype, a, b, c))
          : _evaluate(reduction.scalars, body, dtype, a, b, c);
      reduction.result = _combine(instruction.fold, dtype, reduction.result, bits);
    }
  }

  /// @dev Equal real values, or both NaN.
  function _same(Value memory a, Value memory b) private pure returns (bool) {
    if (a.class == Values.NAN || b.class == Values.NAN) return a.class == b.class;
    return Reals.compare(a, b) == 0;
  }

  /// @dev As Bodies.evaluate. What reductions mostly do for each term is done here, without a call.
  function _evaluate(
    IScalars scalars,
    uint256 body,
    uint256 dtype,
    Value memory a,
    Value memory b,
    Value memory c
  ) private pure returns (uint256) {
    if (dtype > Values.I64) {
      // a float dtype
      if (body == Body.COPY) return a.dtype == dtype ? _encode(a) : Reals.round(dtype, a);
      if (body == Body.ADD) return _add(dtype, a, b);
      if (body == Body.MUL) return Reals.mul(dtype, a, b);
    }
    return scalars.evaluate(body, dtype, a, b, c);
  }

  function _add(uint256 dtype, Value memory a, Value memory b) private pure returns (uint256) {
    return Reals.fma(dtype, a, Values.integer(1), b);
  }

  /// @dev The bits of a float as decoded: nothing is to be rounded.
  function _encode(Value memory v) private pure returns (uint256 bits) {
    unchecked {
      uint256 dtype = v.dtype;
      if (v.class == Values.NAN) return Values.nan(dtype);
      if (v.class != Values.FINITE) return Values.infinity(dtype, v.class == Values.NEG_INF);
      (uint256 fraction, uint256 exponents) = Values.floatFormat(dtype);
      bits = uint256(v.m < 0 ? -v.m : v.m);
      // a normal number: the leading bit is not stored, the exponent field is
      if (bits >> fraction != 0) bits += (uint256(v.e + int256((exponents >> 1) + fraction)) - 1) << fraction;
      if (v.m < 0) bits |= (exponents + 1) << fraction;
    }
  }

  /// @dev Result of a fold without terms; of fold none without its term.
  function _identity(uint256 fold, uint256 dtype) private pure returns (uint256) {
    if (fold == Fold.OPROD) return Values.one(dtype);
    if (fold < Fold.MIN || fold > Fold.MAXNUM) return 0;
    if (Values.isFloat(dtype)) return Values.infinity(dtype, fold != Fold.MIN);
    return Values.wrapBits(dtype, fold == Fold.MIN ? Values.maxOf(dtype) : Values.minOf(dtype));
  }

  /// @dev The folds other than sum, both operands canonical.
  function _combine(uint256 fold, uint256 dtype, uint256 so, uint256 bits) private pure returns (uint256) {
    if (fold == Fold.NONE) return bits;
    if (fold >= Fold.OSUM) {
      Value memory a = Values.decode(dtype, so);
      Value memory b = Values.decode(dtype, bits);
      return fold == Fold.OSUM ? _add(dtype, a, b) : Reals.mul(dtype, a, b);
    }
    if (dtype > Values.I64) {
      // a float dtype
      uint256 nan = Values.nan(dtype);
      if (so == nan) return so;
      if (bits == nan) return fold == Fold.MAXNUM ? so : bits;
    }
    bool below = _rank(dtype, bits) < _rank(dtype, so);
    return below == (fold == Fold.MIN) ? bits : so;
  }

  /// @dev A number that orders as canonical elements other than NaN do.
  function _rank(uint256 dtype, uint256 bits) private pure returns (int256) {
    unchecked {
      if (dtype <= Values.I64) return Values.wrap(dtype, int256(bits));
      uint256 sign = 1 << (Values.bitWidth(dtype) - 1);
      return bits & sign == 0 ? int256(bits) : -int256(bits ^ sign);
    }
  }
}

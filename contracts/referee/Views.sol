// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Axis, Kind, Load} from "./Instructions.sol";
import {Openings} from "./Openings.sol";
import {Value, Values} from "./Value.sol";

/// @notice Where a load of a box of iteration indices falls.
library Range {
  uint256 internal constant OUTSIDE = 0;
  uint256 internal constant INSIDE = 1;
  uint256 internal constant MIXED = 2;
}

/// @notice Addresses and values of loads (docs/program.md §3).
/// @dev Arithmetic is unchecked. Coordinates are at most eight products of an i32 and an index below 2^32, plus an i32:
/// below 2^67. Gathered ones are elements less an i32: below 2^65. Sizes and strides are below 2^32, so that an address, the
/// sum of at most eight coordinates in range times strides, is below 2^67.
library Views {
  /// @notice Fixes the output indices, in place: only terms over reduction dimensions remain, axes that no longer vary move
  /// into the address, gathered axes come last.
  /// @param index Iteration indices, those of the output dimensions set.
  function bind(Load memory load, uint256 nOut, uint256[] memory index) internal pure {
    unchecked {
      Axis[] memory axes = load.axes;
      Axis[] memory kept = new Axis[](axes.length);
      uint256 count = 0;
      for (uint256 i = 0; i < axes.length; ++i) {
        Axis memory axis = axes[i];
        if (axis.gather.length != 0) continue;
        _bindAxis(axis, nOut, index);
        if (load.kind == Kind.INDEX) break;
        if (axis.terms.length != 0) {
          kept[count++] = axis;
          continue;
        }
        (int256 coordinate, bool whole) = _floor(axis.base, axis);
        if (!whole || uint256(coordinate) >= axis.size) load.outside = true;
        else load.base += uint256(coordinate) * axis.stride;
      }
      load.plain = count;
      if (load.kind == Kind.INDEX) kept[count++] = axes[0];
      for (uint256 i = 0; i < axes.length; ++i) {
        Axis memory axis = axes[i];
        if (axis.gather.length == 0) continue;
        bind(axis.gather[0], nOut, index);
        kept[count++] = axis;
      }
      // shorter than it was allocated
      assembly ("memory-safe") {
        mstore(kept, count)
      }
      load.axes = kept;
    }
  }

  /// @notice Range of a load over the box of indices that extends over the dimensions from `from` on, whose indices are 0;
  /// with `from` = number of dimensions, at the current index. Sets its place, at the first index of the box.
  /// @dev Coordinates that vary inside the box must be linear in it (`strideAlong`). Bounds are those of the single
  /// terms: INSIDE and OUTSIDE are certain, MIXED may be either where a dimension has two terms in one axis.
  /// @param index Iteration indices.
  /// @param reach Distance from the address of the first element of the box to that of the farthest.
  function locate(
    Load memory load,
    uint256[] memory index,
    uint256[] memory dims,
    uint256 from,
    uint256 reach
  ) internal pure returns (uint256 range) {
    unchecked {
      if (load.kind == Kind.LITERAL) return Range.INSIDE;
      if (load.outside) return Range.OUTSIDE;
      uint256 place;
      (range, place) = _plainAxes(load, index, dims, from);
      // A gather's leaf is needed only if the load is in range so far.
      if (range != Range.INSIDE) return range;
      for (uint256 i = load.plain; i < load.axes.length; ++i) {
        Axis memory axis = load.axes[i];
        (bool found, int256 coordinate) = _coordinate(axis, index, dims);
        if (!found) return Range.OUTSIDE;
        if (load.kind == Kind.INDEX) {
          load.place = uint256(coordinate);
          return range;
        }
        // a negative one is a large unsigned number
        if (uint256(coordinate) >= axis.size) return Range.OUTSIDE;
        place += uint256(coordinate) * axis.stride;
      }
      load.place = place;
      if (place + reach < load.elements) return Range.INSIDE;
      return place < load.elements ? Range.MIXED : Range.OUTSIDE;
    }
  }

  /// @notice How the element address, or the value of an index load, moves with the index of dimension `dim`.
  /// @return linear False if it is not an affine function of it.
  function strideAlong(Load memory load, uint256 dim) internal pure returns (bool linear, int256 stride) {
    unchecked {
      for (uint256 i = 0; i < load.axes.length; ++i) {
        Axis memory axis = load.axes[i];
        if (axis.gather.length != 0) {
          Axis[] memory inner = axis.gather[0].axes;
          for (uint256 j = 0; j < inner.length; ++j) {
            (bool varies_, ) = _coefficient(inner[j], dim);
            if (varies_) return (false, 0);
          }
          continue;
        }
        (bool varies, int256 coef) = _coefficient(axis, dim);
        if (varies && axis.div != 1) return (false, 0);
        stride += load.kind == Kind.INDEX ? coef : coef * int256(axis.stride);
      }
      linear = true;
    }
  }

  /// @notice Sets `v` to the value of a located load other than acc: to its fill or 0 if it is out of range.
  function read(Load memory load, Value memory v) internal pure {
    unchecked {
      uint256 dtype = load.dtype;
      if (!load.inside || load.kind == Kind.LITERAL) {
        Values.decodeInto(v, dtype, load.bits); // without a fill the bits are 0
      } else if (load.kind == Kind.INDEX) {
        Values.decodeInto(v, dtype, load.place);
      } else {
        uint256 size = load.size;
        uint256 ptr = Openings.locate(load.opening, load.place * size, size);
        Values.decodeInto(v, dtype, littleEndian(ptr, size));
        v.m -= load.zero;
      }
    }
  }

  /// @notice The `size` (1 to 8) bytes of memory at `ptr` as a little-endian number.
  function littleEndian(uint256 ptr, uint256 size) internal pure returns (uint256 bits) {
    // At most 31 bytes behind the element are read and shifted or masked away; reading never fails.
    assembly ("memory-safe") {
      bits := mload(ptr)
      switch size
      case 1 {
        bits := shr(248, bits)
      }
      default {
        bits := shr(192, bits)
        bits := or(shl(8, and(bits, 0x00ff00ff00ff00ff)), and(shr(8, bits), 0x00ff00ff00ff00ff))
        bits := or(shl(16, and(bits, 0x0000ffff0000ffff)), and(shr(16, bits), 0x0000ffff0000ffff))
        bits := or(shl(32, and(bits, 0xffffffff)), shr(32, bits))
        bits := and(bits, sub(shl(shl(3, size), 1), 1))
      }
    }
  }

  function _bindAxis(Axis memory axis, uint256 nOut, uint256[] memory index) private pure {
    unchecked {
      int256[] memory terms = axis.terms;
      uint256 count = 0;
      for (uint256 i = 0; i < terms.length; ++i) {
        uint256 dim = uint8(uint256(terms[i]));
        if (dim < nOut) axis.base += (terms[i] >> 8) * int256(index[dim]);
        else terms[count++] = terms[i];
      }
      // shorter than it was allocated
      assembly ("memory-safe") {
        mstore(terms, count)
      }
    }
  }

  /// @dev Range over the box, and place so far, of the axes whose coordinates are affine. Reads the
  /// axes, their terms, and of `index` and `dims` dimensions that the decoder has checked. Writes scratch space only.
  function _plainAxes(
    Load memory load,
    uint256[] memory index,
    uint256[] memory dims,
    uint256 from
  ) private pure returns (uint256 range, uint256 place) {
    range = Range.INSIDE;
    place = load.base;
    Axis[] memory axes = load.axes;
    uint256 count = load.plain;
    assembly ("memory-safe") {
      from := shl(5, from)
      mstore(0, add(index, 32))
      mstore(32, add(dims, 32))
      for {
        let end := add(axes, shl(5, count))
      } lt(axes, end) {} {
        axes := add(axes, 32)
        let axis := mload(axes)
        let first := mload(add(axis, 0x40)) // base
        let low := 0
        let high := 0
        {
          let term := mload(add(axis, 0xa0)) // terms
          for {
            let last := add(term, shl(5, mload(term)))
          } lt(term, last) {} {
            term := add(term, 32)
            let coef := mload(term)
            let dim := shl(5, and(coef, 0xff))
            coef := sar(8, coef)
            switch lt(dim, from)
            case 1 {
              first := add(first, mul(coef, mload(add(mload(0), dim))))
            }
            default {
              let extent := mul(coef, sub(mload(add(mload(32), dim)), 1))
              switch slt(extent, 0)
              case 1 {
                low := add(low, extent)
              }
              default {
                high := add(high, extent)
              }
            }
          }
        }
        let div_ := mload(add(axis, 0x60))
        if gt(div_, 1) {
          // low and high are 0: the coordinate does not vary inside the box
          let quotient := sdiv(first, div_)
          let rest := sub(first, mul(quotient, div_))
          if and(iszero(iszero(rest)), mload(add(axis, 0x80))) {
            range := 0
            break
          }
          first := sub(quotient, slt(rest, 0)) // floor
        }
        let size := mload(axis)
        low := add(low, first)
        high := add(high, first)
        if or(slt(high, 0), iszero(slt(low, size))) {
          range := 0
          break
        }
        // a negative bound is a large unsigned number
        if iszero(and(lt(low, size), lt(high, size))) {
          range := 2
        }
        place := add(place, mul(first, mload(add(axis, 0x20)))) // stride
      }
    }
  }

  /// @dev A gathered coordinate, or an index, at the current index.
  /// @return found False if it is out of range whatever the size.
  function _coordinate(
    Axis memory axis,
    uint256[] memory index,
    uint256[] memory dims
  ) private pure returns (bool found, int256 coordinate) {
    unchecked {
      if (axis.gather.length != 0) {
        Load memory gather = axis.gather[0];
        gather.inside = locate(gather, index, dims, dims.length, 0) == Range.INSIDE;
        if (!gather.inside && !gather.filled) return (false, 0);
        Value memory v;
        read(gather, v);
        return (true, v.m);
      }
      coordinate = axis.base;
      for (uint256 i = 0; i < axis.terms.length; ++i) {
        coordinate += (axis.terms[i] >> 8) * int256(index[uint8(uint256(axis.terms[i]))]);
      }
      (coordinate, found) = _floor(coordinate, axis);
    }
  }

  /// @dev Sum of the coefficients of `dim`, and whether it has any.
  function _coefficient(Axis memory axis, uint256 dim) private pure returns (bool varies, int256 coef) {
    unchecked {
      for (uint256 i = 0; i < axis.terms.length; ++i) {
        if (uint8(uint256(axis.terms[i])) != dim) continue;
        varies = true;
        coef += axis.terms[i] >> 8;
      }
    }
  }

  /// @return quotient floor(numerator / div)
  /// @return whole False if a remainder puts the coordinate out of range.
  function _floor(int256 numerator, Axis memory axis) private pure returns (int256 quotient, bool whole) {
    unchecked {
      int256 div = int256(axis.div);
      quotient = numerator / div;
      int256 remainder = numerator - quotient * div;
      if (remainder < 0) --quotient;
      whole = remainder == 0 || !axis.exact;
    }
  }
}

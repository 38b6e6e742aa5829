// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Elements} from "./Elements.sol";
import {BF16, F16, F32, Floats, Format} from "./Floats.sol";

/// @title Inputs and outputs of models, as Solidity's own types
/// @notice For each dtype X: `packX` makes a tensor's bytes of an array, `unpackX` the array of the bytes, `XAt` reads and `putX`
/// writes one element. Floats are fixed-point integers of any number of decimals here (n of d decimals is n / 10^d), rounded to
/// nearest, ties to even.
/// @dev A blob is its tensors one after the other: `bytes.concat(Tensors.packF32(prices, 18), Tensors.packU8(flags))`, and to read the
/// second tensor of an output `Tensors.u8At(output[4 * 10:], 3)`. What is unpacked may be in memory; single elements are read where
/// outputs arrive, in calldata. Raw bits of floats are `U32` and `U16`. Elements of INT4, UINT4, INT2 and UINT2 have a byte each:
/// outputs are read as `I8` and `U8`.
library Tensors {
  error NotBool(uint256 index, uint256 value);
  error OutOfRange(uint256 index, int256 value, int256 min, int256 max);
  error NoElements();

  // Integers

  function packU8(uint8[] memory values) internal pure returns (bytes memory) {
    return Elements.pack(_words(values), 1);
  }

  function unpackU8(bytes memory blob) internal pure returns (uint8[] memory values) {
    uint256[] memory words = Elements.unpack(blob, 1, false);
    assembly ("memory-safe") {
      values := words
    }
  }

  function u8At(bytes calldata blob, uint256 index) internal pure returns (uint8) {
    return uint8(Elements.load(blob, index, 1));
  }

  function putU8(bytes memory blob, uint256 index, uint8 value) internal pure {
    Elements.store(blob, index, 1, value);
  }

  function packI8(int8[] memory values) internal pure returns (bytes memory) {
    return Elements.pack(_words(values), 1);
  }

  function unpackI8(bytes memory blob) internal pure returns (int8[] memory values) {
    uint256[] memory words = Elements.unpack(blob, 1, true);
    assembly ("memory-safe") {
      values := words
    }
  }

  function i8At(bytes calldata blob, uint256 index) internal pure returns (int8) {
    return int8(Elements.signExtended(Elements.load(blob, index, 1), 1));
  }

  function putI8(bytes memory blob, uint256 index, int8 value) internal pure {
    Elements.store(blob, index, 1, uint256(int256(value)));
  }

  function packU16(uint16[] memory values) internal pure returns (bytes memory) {
    return Elements.pack(_words(values), 2);
  }

  function unpackU16(bytes memory blob) internal pure returns (uint16[] memory values) {
    uint256[] memory words = Elements.unpack(blob, 2, false);
    assembly ("memory-safe") {
      values := words
    }
  }

  function u16At(bytes calldata blob, uint256 index) internal pure returns (uint16) {
    return uint16(Elements.load(blob, index, 2));
  }

  function putU16(bytes memory blob, uint256 index, uint16 value) internal pure {
    Elements.store(blob, index, 2, value);
  }

  function packI16(int16[] memory values) internal pure returns (bytes memory) {
    return Elements.pack(_words(values), 2);
  }

  function unpackI16(bytes memory blob) internal pure returns (int16[] memory values) {
    uint256[] memory words = Elements.unpack(blob, 2, true);
    assembly ("memory-safe") {
      values := words
    }
  }

  function i16At(bytes calldata blob, uint256 index) internal pure returns (int16) {
    return int16(Elements.signExtended(Elements.load(blob, index, 2), 2));
  }

  function putI16(bytes memory blob, uint256 index, int16 value) internal pure {
    Elements.store(blob, index, 2, uint256(int256(value)));
  }

  function packU32(uint32[] memory values) internal pure returns (bytes memory) {
    return Elements.pack(_words(values), 4);
  }

  function unpackU32(bytes memory blob) internal pure returns (uint32[] memory values) {
    uint256[] memory words = Elements.unpack(blob, 4, false);
    assembly ("memory-safe") {
      values := words
    }
  }

  function u32At(bytes calldata blob, uint256 index) internal pure returns (uint32) {
    return uint32(Elements.load(blob, index, 4));
  }

  function putU32(bytes memory blob, uint256 index, uint32 value) internal pure {
    Elements.store(blob, index, 4, value);
  }

  function packI32(int32[] memory values) internal pure returns (bytes memory) {
    return Elements.pack(_words(values), 4);
  }

  function unpackI32(bytes memory blob) internal pure returns (int32[] memory values) {
    uint256[] memory words = Elements.unpack(blob, 4, true);
    assembly ("memory-safe") {
      values := words
    }
  }

  function i32At(bytes calldata blob, uint256 index) internal pure returns (int32) {
    return int32(Elements.signExtended(Elements.load(blob, index, 4), 4));
  }

  function putI32(bytes memory blob, uint256 index, int32 value) internal pure {
    Elements.store(blob, index, 4, uint256(int256(value)));
  }

  function packU64(uint64[] memory values) internal pure returns (bytes memory) {
    return Elements.pack(_words(values), 8);
  }

  function unpackU64(bytes memory blob) internal pure returns (uint64[] memory values) {
    uint256[] memory words = Elements.unpack(blob, 8, false);
    assembly ("memory-safe") {
      values := words
    }
  }

  function u64At(bytes calldata blob, uint256 index) internal pure returns (uint64) {
    return uint64(Elements.load(blob, index, 8));
  }

  function putU64(bytes memory blob, uint256 index, uint64 value) internal pure {
    Elements.store(blob, index, 8, value);
  }

  function packI64(int64[] memory values) internal pure returns (bytes memory) {
    return Elements.pack(_words(values), 8);
  }

  function unpackI64(bytes memory blob) internal pure returns (int64[] memory values) {
    uint256[] memory words = Elements.unpack(blob, 8, true);
    assembly ("memory-safe") {
      values := words
    }
  }

  function i64At(bytes calldata blob, uint256 index) internal pure returns (int64) {
    return int64(Elements.signExtended(Elements.load(blob, index, 8), 8));
  }

  function putI64(bytes memory blob, uint256 index, int64 value) internal pure {
    Elements.store(blob, index, 8, uint256(int256(value)));
  }

  // Integers of 4 and 2 bits, as inputs

  function packU4(uint8[] memory values) internal pure returns (bytes memory) {
    for (uint256 i = 0; i < values.length; ++i) _checkRange(i, int256(uint256(values[i])), 0, 15);
    return packU8(values);
  }

  function packI4(int8[] memory values) internal pure returns (bytes memory) {
    for (uint256 i = 0; i < values.length; ++i) _checkRange(i, values[i], -8, 7);
    return packI8(values);
  }

  function packU2(uint8[] memory values) internal pure returns (bytes memory) {
    for (uint256 i = 0; i < values.length; ++i) _checkRange(i, int256(uint256(values[i])), 0, 3);
    return packU8(values);
  }

  function packI2(int8[] memory values) internal pure returns (bytes memory) {
    for (uint256 i = 0; i < values.length; ++i) _checkRange(i, values[i], -2, 1);
    return packI8(values);
  }

  // Bools

  function packBool(bool[] memory values) internal pure returns (bytes memory) {
    return Elements.pack(_words(values), 1);
  }

  function unpackBool(bytes memory blob) internal pure returns (bool[] memory values) {
    uint256[] memory words = Elements.unpack(blob, 1, false);
    for (uint256 i = 0; i < words.length; ++i) _checkBool(i, words[i]);
    assembly ("memory-safe") {
      values := words
    }
  }

  function boolAt(bytes calldata blob, uint256 index) internal pure returns (bool) {
    return _checkBool(index, Elements.load(blob, index, 1));
  }

  function putBool(bytes memory blob, uint256 index, bool value) internal pure {
    Elements.store(blob, index, 1, value ? 1 : 0);
  }

  // Floats. Signed and unsigned values have functions of the same name; what is read as unsigned ends in U

  function packF32(int256[] memory values, uint256 decimals) internal pure returns (bytes memory) {
    return Elements.pack(_toFloats(F32, values, decimals), 4);
  }

  function packF32(uint256[] memory values, uint256 decimals) internal pure returns (bytes memory) {
    return Elements.pack(_toFloats(F32, values, decimals), 4);
  }

  function unpackF32(bytes memory blob, uint256 decimals) internal pure returns (int256[] memory) {
    return _toInts(F32, Elements.unpack(blob, 4, false), decimals);
  }

  function unpackF32U(bytes memory blob, uint256 decimals) internal pure returns (uint256[] memory) {
    return _toUints(F32, Elements.unpack(blob, 4, false), decimals);
  }

  function f32At(bytes calldata blob, uint256 index, uint256 decimals) internal pure returns (int256) {
    return Floats.toInt(F32, index, Elements.load(blob, index, 4), decimals);
  }

  function f32AtU(bytes calldata blob, uint256 index, uint256 decimals) internal pure returns (uint256) {
    return Floats.toUint(F32, index, Elements.load(blob, index, 4), decimals);
  }

  function putF32(bytes memory blob, uint256 index, int256 value, uint256 decimals) internal pure {
    Elements.store(blob, index, 4, Floats.fromInt(F32, index, value, decimals));
  }

  function putF32(bytes memory blob, uint256 index, uint256 value, uint256 decimals) internal pure {
    Elements.store(blob, index, 4, Floats.fromUint(F32, index, value, decimals));
  }

  function packF16(int256[] memory values, uint256 decimals) internal pure returns (bytes memory) {
    return Elements.pack(_toFloats(F16, values, decimals), 2);
  }

  function packF16(uint256[] memory values, uint256 decimals) internal pure returns (bytes memory) {
    return Elements.pack(_toFloats(F16, values, decimals), 2);
  }

  function unpackF16(bytes memory blob, uint256 decimals) internal pure returns (int256[] memory) {
    return _toInts(F16, Elements.unpack(blob, 2, false), decimals);
  }

  function unpackF16U(bytes memory blob, uint256 decimals) internal pure returns (uint256[] memory) {
    return _toUints(F16, Elements.unpack(blob, 2, false), decimals);
  }

  function f16At(bytes calldata blob, uint256 index, uint256 decimals) internal pure returns (int256) {
    return Floats.toInt(F16, index, Elements.load(blob, index, 2), decimals);
  }

  function f16AtU(bytes calldata blob, uint256 index, uint256 decimals) internal pure returns (uint256) {
    return Floats.toUint(F16, index, Elements.load(blob, index, 2), decimals);
  }

  function putF16(bytes memory blob, uint256 index, int256 value, uint256 decimals) internal pure {
    Elements.store(blob, index, 2, Floats.fromInt(F16, index, value, decimals));
  }

  function putF16(bytes memory blob, uint256 index, uint256 value, uint256 decimals) internal pure {
    Elements.store(blob, index, 2, Floats.fromUint(F16, index, value, decimals));
  }

  function packBF16(int256[] memory values, uint256 decimals) internal pure returns (bytes memory) {
    return Elements.pack(_toFloats(BF16, values, decimals), 2);
  }

  function packBF16(uint256[] memory values, uint256 decimals) internal pure returns (bytes memory) {
    return Elements.pack(_toFloats(BF16, values, decimals), 2);
  }

  function unpackBF16(bytes memory blob, uint256 decimals) internal pure returns (int256[] memory) {
    return _toInts(BF16, Elements.unpack(blob, 2, false), decimals);
  }

  function unpackBF16U(bytes memory blob, uint256 decimals) internal pure returns (uint256[] memory) {
    return _toUints(BF16, Elements.unpack(blob, 2, false), decimals);
  }

  function bf16At(bytes calldata blob, uint256 index, uint256 decimals) internal pure returns (int256) {
    return Floats.toInt(BF16, index, Elements.load(blob, index, 2), decimals);
  }

  function bf16AtU(bytes calldata blob, uint256 index, uint256 decimals) internal pure returns (uint256) {
    return Floats.toUint(BF16, index, Elements.load(blob, index, 2), decimals);
  }

  function putBF16(bytes memory blob, uint256 index, int256 value, uint256 decimals) internal pure {
    Elements.store(blob, index, 2, Floats.fromInt(BF16, index, value, decimals));
  }

  function putBF16(bytes memory blob, uint256 index, uint256 value, uint256 decimals) internal pure {
    Elements.store(blob, index, 2, Floats.fromUint(BF16, index, value, decimals));
  }

  // What a classifier means

  /// @return best Index of the largest element, the first of equals.
  function argmaxU8(bytes calldata blob) internal pure returns (uint256 best) {
    if (blob.length == 0) revert NoElements();
    uint8 most = uint8(blob[0]);
    for (uint256 i = 1; i < blob.length; ++i) if (uint8(blob[i]) > most) (best, most) = (i, uint8(blob[i]));
  }

  /// @return best Index of the largest element, the first of equals.
  function argmaxI8(bytes calldata blob) internal pure returns (uint256 best) {
    if (blob.length == 0) revert NoElements();
    int8 most = int8(uint8(blob[0]));
    for (uint256 i = 1; i < blob.length; ++i) if (int8(uint8(blob[i])) > most) (best, most) = (i, int8(uint8(blob[i])));
  }

  /// @return best Index of the largest element, the first of equals. An infinity may be it; a NaN is an error.
  function argmaxF32(bytes calldata blob) internal pure returns (uint256 best) {
    if (blob.length % 4 != 0) revert Elements.LengthNotMultiple(blob.length, 4);
    if (blob.length == 0) revert NoElements();
    int256 most = Floats.order(F32, 0, Elements.load(blob, 0, 4));
    for (uint256 i = 1; i < blob.length / 4; ++i) {
      int256 key = Floats.order(F32, i, Elements.load(blob, i, 4));
      if (key > most) (most, best) = (key, i);
    }
  }

  function _toFloats(
    Format format,
    int256[] memory values,
    uint256 decimals
  ) private pure returns (uint256[] memory bits) {
    bits = new uint256[](values.length);
    for (uint256 i = 0; i < values.length; ++i) bits[i] = Floats.fromInt(format, i, values[i], decimals);
  }

  function _toFloats(
    Format format,
    uint256[] memory values,
    uint256 decimals
  ) private pure returns (uint256[] memory bits) {
    bits = new uint256[](values.length);
    for (uint256 i = 0; i < values.length; ++i) bits[i] = Floats.fromUint(format, i, values[i], decimals);
  }

  /// @dev In place.
  function _toInts(
    Format format,
    uint256[] memory bits,
    uint256 decimals
  ) private pure returns (int256[] memory values) {
    for (uint256 i = 0; i < bits.length; ++i) bits[i] = uint256(Floats.toInt(format, i, bits[i], decimals));
    assembly ("memory-safe") {
      values := bits
    }
  }

  /// @dev In place.
  function _toUints(Format format, uint256[] memory bits, uint256 decimals) private pure returns (uint256[] memory) {
    for (uint256 i = 0; i < bits.length; ++i) bits[i] = Floats.toUint(format, i, bits[i], decimals);
    return bits;
  }

  function _checkBool(uint256 index, uint256 value) private pure returns (bool) {
    if (value > 1) revert NotBool(index, value);
    return value == 1;
  }

  function _checkRange(uint256 index, int256 value, int256 min, int256 max) private pure {
    if (value < min || value > max) revert OutOfRange(index, value, min, max);
  }

  // Arrays of every elementary type have one word an element in memory.

  function _words(bool[] memory values) private pure returns (uint256[] memory words) {
    assembly ("memory-safe") {
      words := values
    }
  }

  function _words(uint8[] memory values) private pure returns (uint256[] memory words) {
    assembly ("memory-safe") {
      words := values
    }
  }

  function _words(int8[] memory values) private pure returns (uint256[] memory words) {
    assembly ("memory-safe") {
      words := values
    }
  }

  function _words(uint16[] memory values) private pure returns (uint256[] memory words) {
    assembly ("memory-safe") {
      words := values
    }
  }

  function _words(int16[] memory values) private pure returns (uint256[] memory words) {
    assembly ("memory-safe") {
      words := values
    }
  }

  function _words(uint32[] memory values) private pure returns (uint256[] memory words) {
    assembly ("memory-safe") {
      words := values
    }
  }

  function _words(int32[] memory values) private pure returns (uint256[] memory words) {
    assembly ("memory-safe") {
      words := values
    }
  }

  function _words(uint64[] memory values) private pure returns (uint256[] memory words) {
    assembly ("memory-safe") {
      words := values
    }
  }

  function _words(int64[] memory values) private pure returns (uint256[] memory words) {
    assembly ("memory-safe") {
      words := values
    }
  }
}

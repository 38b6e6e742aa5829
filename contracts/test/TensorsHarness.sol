// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Tensors} from "../consumers/Tensors.sol";

/// @notice Many calls to itself in one.
abstract contract Batch {
  /// @param calls Calldata of this contract's functions.
  /// @return success Whether each succeeded.
  /// @return results What each returned or reverted with.
  function batch(bytes[] calldata calls) external view returns (bool[] memory success, bytes[] memory results) {
    (success, results) = (new bool[](calls.length), new bytes[](calls.length));
    for (uint256 i = 0; i < calls.length; ++i) (success[i], results[i]) = address(this).staticcall(calls[i]);
  }
}

/// @dev Exposes the integers and bools of Tensors to tests.
contract IntegersHarness is Batch {
  function argmaxU8(bytes calldata blob) external pure returns (uint256) {
    return Tensors.argmaxU8(blob);
  }

  function argmaxI8(bytes calldata blob) external pure returns (uint256) {
    return Tensors.argmaxI8(blob);
  }

  function packU8(uint8[] memory values) external pure returns (bytes memory) {
    return Tensors.packU8(values);
  }

  function unpackU8(bytes memory blob) external pure returns (uint8[] memory) {
    return Tensors.unpackU8(blob);
  }

  function u8At(bytes calldata blob, uint256 index) external pure returns (uint8) {
    return Tensors.u8At(blob, index);
  }

  function putU8(bytes memory blob, uint256 index, uint8 value) external pure returns (bytes memory) {
    Tensors.putU8(blob, index, value);
    return blob;
  }

  function packI8(int8[] memory values) external pure returns (bytes memory) {
    return Tensors.packI8(values);
  }

  function unpackI8(bytes memory blob) external pure returns (int8[] memory) {
    return Tensors.unpackI8(blob);
  }

  function i8At(bytes calldata blob, uint256 index) external pure returns (int8) {
    return Tensors.i8At(blob, index);
  }

  function putI8(bytes memory blob, uint256 index, int8 value) external pure returns (bytes memory) {
    Tensors.putI8(blob, index, value);
    return blob;
  }

  function packU16(uint16[] memory values) external pure returns (bytes memory) {
    return Tensors.packU16(values);
  }

  function unpackU16(bytes memory blob) external pure returns (uint16[] memory) {
    return Tensors.unpackU16(blob);
  }

  function u16At(bytes calldata blob, uint256 index) external pure returns (uint16) {
    return Tensors.u16At(blob, index);
  }

  function putU16(bytes memory blob, uint256 index, uint16 value) external pure returns (bytes memory) {
    Tensors.putU16(blob, index, value);
    return blob;
  }

  function packI16(int16[] memory values) external pure returns (bytes memory) {
    return Tensors.packI16(values);
  }

  function unpackI16(bytes memory blob) external pure returns (int16[] memory) {
    return Tensors.unpackI16(blob);
  }

  function i16At(bytes calldata blob, uint256 index) external pure returns (int16) {
    return Tensors.i16At(blob, index);
  }

  function putI16(bytes memory blob, uint256 index, int16 value) external pure returns (bytes memory) {
    Tensors.putI16(blob, index, value);
    return blob;
  }

  function packU32(uint32[] memory values) external pure returns (bytes memory) {
    return Tensors.packU32(values);
  }

  function unpackU32(bytes memory blob) external pure returns (uint32[] memory) {
    return Tensors.unpackU32(blob);
  }

  function u32At(bytes calldata blob, uint256 index) external pure returns (uint32) {
    return Tensors.u32At(blob, index);
  }

  function putU32(bytes memory blob, uint256 index, uint32 value) external pure returns (bytes memory) {
    Tensors.putU32(blob, index, value);
    return blob;
  }

  function packI32(int32[] memory values) external pure returns (bytes memory) {
    return Tensors.packI32(values);
  }

  function unpackI32(bytes memory blob) external pure returns (int32[] memory) {
    return Tensors.unpackI32(blob);
  }

  function i32At(bytes calldata blob, uint256 index) external pure returns (int32) {
    return Tensors.i32At(blob, index);
  }

  function putI32(bytes memory blob, uint256 index, int32 value) external pure returns (bytes memory) {
    Tensors.putI32(blob, index, value);
    return blob;
  }

  function packU64(uint64[] memory values) external pure returns (bytes memory) {
    return Tensors.packU64(values);
  }

  function unpackU64(bytes memory blob) external pure returns (uint64[] memory) {
    return Tensors.unpackU64(blob);
  }

  function u64At(bytes calldata blob, uint256 index) external pure returns (uint64) {
    return Tensors.u64At(blob, index);
  }

  function putU64(bytes memory blob, uint256 index, uint64 value) external pure returns (bytes memory) {
    Tensors.putU64(blob, index, value);
    return blob;
  }

  function packI64(int64[] memory values) external pure returns (bytes memory) {
    return Tensors.packI64(values);
  }

  function unpackI64(bytes memory blob) external pure returns (int64[] memory) {
    return Tensors.unpackI64(blob);
  }

  function i64At(bytes calldata blob, uint256 index) external pure returns (int64) {
    return Tensors.i64At(blob, index);
  }

  function putI64(bytes memory blob, uint256 index, int64 value) external pure returns (bytes memory) {
    Tensors.putI64(blob, index, value);
    return blob;
  }

  function packBool(bool[] memory values) external pure returns (bytes memory) {
    return Tensors.packBool(values);
  }

  function unpackBool(bytes memory blob) external pure returns (bool[] memory) {
    return Tensors.unpackBool(blob);
  }

  function boolAt(bytes calldata blob, uint256 index) external pure returns (bool) {
    return Tensors.boolAt(blob, index);
  }

  function putBool(bytes memory blob, uint256 index, bool value) external pure returns (bytes memory) {
    Tensors.putBool(blob, index, value);
    return blob;
  }

  function packU4(uint8[] memory values) external pure returns (bytes memory) {
    return Tensors.packU4(values);
  }

  function packI4(int8[] memory values) external pure returns (bytes memory) {
    return Tensors.packI4(values);
  }

  function packU2(uint8[] memory values) external pure returns (bytes memory) {
    return Tensors.packU2(values);
  }

  function packI2(int8[] memory values) external pure returns (bytes memory) {
    return Tensors.packI2(values);
  }
}

/// @dev Exposes the floats of Tensors to tests.
contract FloatsHarness is Batch {
  function argmaxF32(bytes calldata blob) external pure returns (uint256) {
    return Tensors.argmaxF32(blob);
  }

  function packF32(int256[] memory values, uint256 decimals) external pure returns (bytes memory) {
    return Tensors.packF32(values, decimals);
  }

  function unpackF32(bytes memory blob, uint256 decimals) external pure returns (int256[] memory) {
    return Tensors.unpackF32(blob, decimals);
  }

  function f32At(bytes calldata blob, uint256 index, uint256 decimals) external pure returns (int256) {
    return Tensors.f32At(blob, index, decimals);
  }

  function putF32(
    bytes memory blob,
    uint256 index,
    int256 value,
    uint256 decimals
  ) external pure returns (bytes memory) {
    Tensors.putF32(blob, index, value, decimals);
    return blob;
  }

  function packF32(uint256[] memory values, uint256 decimals) external pure returns (bytes memory) {
    return Tensors.packF32(values, decimals);
  }

  function unpackF32U(bytes memory blob, uint256 decimals) external pure returns (uint256[] memory) {
    return Tensors.unpackF32U(blob, decimals);
  }

  function f32AtU(bytes calldata blob, uint256 index, uint256 decimals) external pure returns (uint256) {
    return Tensors.f32AtU(blob, index, decimals);
  }

  function putF32U(
    bytes memory blob,
    uint256 index,
    uint256 value,
    uint256 decimals
  ) external pure returns (bytes memory) {
    Tensors.putF32(blob, index, value, decimals);
    return blob;
  }

  function packF16(int256[] memory values, uint256 decimals) external pure returns (bytes memory) {
    return Tensors.packF16(values, decimals);
  }

  function unpackF16(bytes memory blob, uint256 decimals) external pure returns (int256[] memory) {
    return Tensors.unpackF16(blob, decimals);
  }

  function f16At(bytes calldata blob, uint256 index, uint256 decimals) external pure returns (int256) {
    return Tensors.f16At(blob, index, decimals);
  }

  function putF16(
    bytes memory blob,
    uint256 index,
    int256 value,
    uint256 decimals
  ) external pure returns (bytes memory) {
    Tensors.putF16(blob, index, value, decimals);
    return blob;
  }

  function packF16(uint256[] memory values, uint256 decimals) external pure returns (bytes memory) {
    return Tensors.packF16(values, decimals);
  }

  function unpackF16U(bytes memory blob, uint256 decimals) external pure returns (uint256[] memory) {
    return Tensors.unpackF16U(blob, decimals);
  }

  function f16AtU(bytes calldata blob, uint256 index, uint256 decimals) external pure returns (uint256) {
    return Tensors.f16AtU(blob, index, decimals);
  }

  function putF16U(
    bytes memory blob,
    uint256 index,
    uint256 value,
    uint256 decimals
  ) external pure returns (bytes memory) {
    Tensors.putF16(blob, index, value, decimals);
    return blob;
  }

  function packBF16(int256[] memory values, uint256 decimals) external pure returns (bytes memory) {
    return Tensors.packBF16(values, decimals);
  }

  function unpackBF16(bytes memory blob, uint256 decimals) external pure returns (int256[] memory) {
    return Tensors.unpackBF16(blob, decimals);
  }

  function bf16At(bytes calldata blob, uint256 index, uint256 decimals) external pure returns (int256) {
    return Tensors.bf16At(blob, index, decimals);
  }

  function putBF16(
    bytes memory blob,
    uint256 index,
    int256 value,
    uint256 decimals
  ) external pure returns (bytes memory) {
    Tensors.putBF16(blob, index, value, decimals);
    return blob;
  }

  function packBF16(uint256[] memory values, uint256 decimals) external pure returns (bytes memory) {
    return Tensors.packBF16(values, decimals);
  }

  function unpackBF16U(bytes memory blob, uint256 decimals) external pure returns (uint256[] memory) {
    return Tensors.unpackBF16U(blob, decimals);
  }

  function bf16AtU(bytes calldata blob, uint256 index, uint256 decimals) external pure returns (uint256) {
    return Tensors.bf16AtU(blob, index, decimals);
  }

  function putBF16U(
    bytes memory blob,
    uint256 index,
    uint256 value,
    uint256 decimals
  ) external pure returns (bytes memory) {
    Tensors.putBF16(blob, index, value, decimals);
    return blob;
  }
}

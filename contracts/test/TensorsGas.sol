// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Tensors} from "../consumers/Tensors.sol";

/// @notice Gas of the functions of Tensors alone, for arrays and blobs as they are given. The plain ones are what the assembly of
/// Elements is measured against.
contract TensorsGas {
  function packU8(uint8[] memory values) external view returns (uint256 used, bytes memory made) {
    used = gasleft();
    made = Tensors.packU8(values);
    used -= gasleft();
  }

  function unpackU8(bytes memory blob) external view returns (uint256 used, uint8[] memory made) {
    used = gasleft();
    made = Tensors.unpackU8(blob);
    used -= gasleft();
  }

  function packI16(int16[] memory values) external view returns (uint256 used, bytes memory made) {
    used = gasleft();
    made = Tensors.packI16(values);
    used -= gasleft();
  }

  function unpackI16(bytes memory blob) external view returns (uint256 used, int16[] memory made) {
    used = gasleft();
    made = Tensors.unpackI16(blob);
    used -= gasleft();
  }

  function packU32(uint32[] memory values) external view returns (uint256 used, bytes memory made) {
    used = gasleft();
    made = Tensors.packU32(values);
    used -= gasleft();
  }

  function unpackU32(bytes memory blob) external view returns (uint256 used, uint32[] memory made) {
    used = gasleft();
    made = Tensors.unpackU32(blob);
    used -= gasleft();
  }

  function packI64(int64[] memory values) external view returns (uint256 used, bytes memory made) {
    used = gasleft();
    made = Tensors.packI64(values);
    used -= gasleft();
  }

  function unpackI64(bytes memory blob) external view returns (uint256 used, int64[] memory made) {
    used = gasleft();
    made = Tensors.unpackI64(blob);
    used -= gasleft();
  }

  function packBool(bool[] memory values) external view returns (uint256 used, bytes memory made) {
    used = gasleft();
    made = Tensors.packBool(values);
    used -= gasleft();
  }

  function unpackBool(bytes memory blob) external view returns (uint256 used, bool[] memory made) {
    used = gasleft();
    made = Tensors.unpackBool(blob);
    used -= gasleft();
  }

  function packF32(int256[] memory values, uint256 decimals) external view returns (uint256 used, bytes memory made) {
    used = gasleft();
    made = Tensors.packF32(values, decimals);
    used -= gasleft();
  }

  function unpackF32(bytes memory blob, uint256 decimals) external view returns (uint256 used, int256[] memory made) {
    used = gasleft();
    made = Tensors.unpackF32(blob, decimals);
    used -= gasleft();
  }

  function packF16(int256[] memory values, uint256 decimals) external view returns (uint256 used, bytes memory made) {
    used = gasleft();
    made = Tensors.packF16(values, decimals);
    used -= gasleft();
  }

  function unpackF16(bytes memory blob, uint256 decimals) external view returns (uint256 used, int256[] memory made) {
    used = gasleft();
    made = Tensors.unpackF16(blob, decimals);
    used -= gasleft();
  }

  function packBF16(int256[] memory values, uint256 decimals) external view returns (uint256 used, bytes memory made) {
    used = gasleft();
    made = Tensors.packBF16(values, decimals);
    used -= gasleft();
  }

  function unpackBF16(bytes memory blob, uint256 decimals) external view returns (uint256 used, int256[] memory made) {
    used = gasleft();
    made = Tensors.unpackBF16(blob, decimals);
    used -= gasleft();
  }

  function u8At(bytes calldata blob) external view returns (uint256 used, uint256 sum) {
    for (uint256 i = 0; i < blob.length; ++i) {
      uint256 before = gasleft();
      uint256 value = Tensors.u8At(blob, i);
      used += before - gasleft();
      sum ^= value;
    }
  }

  function i64At(bytes calldata blob) external view returns (uint256 used, int256 sum) {
    for (uint256 i = 0; i < blob.length / 8; ++i) {
      uint256 before = gasleft();
      int256 value = Tensors.i64At(blob, i);
      used += before - gasleft();
      sum ^= value;
    }
  }

  function f32At(bytes calldata blob, uint256 decimals) external view returns (uint256 used, int256 sum) {
    for (uint256 i = 0; i < blob.length / 4; ++i) {
      uint256 before = gasleft();
      int256 value = Tensors.f32At(blob, i, decimals);
      used += before - gasleft();
      sum ^= value;
    }
  }

  function putF32(int256[] memory values, uint256 decimals) external view returns (uint256 used, bytes memory blob) {
    blob = new bytes(4 * values.length);
    for (uint256 i = 0; i < values.length; ++i) {
      uint256 before = gasleft();
      Tensors.putF32(blob, i, values[i], decimals);
      used += before - gasleft();
    }
  }

  function argmaxU8(bytes calldata blob) external view returns (uint256 used, uint256 best) {
    used = gasleft();
    best = Tensors.argmaxU8(blob);
    used -= gasleft();
  }

  function argmaxF32(bytes calldata blob) external view returns (uint256 used, uint256 best) {
    used = gasleft();
    best = Tensors.argmaxF32(blob);
    used -= gasleft();
  }

  function plainPackU32(uint32[] memory values) external view returns (uint256 used, bytes memory blob) {
    used = gasleft();
    blob = new bytes(4 * values.length);
    unchecked {
      for (uint256 i = 0; i < values.length; ++i) {
        uint256 value = values[i];
        for (uint256 k = 0; k < 4; ++k) blob[4 * i + k] = bytes1(uint8(value >> (8 * k)));
      }
    }
    used -= gasleft();
  }

  function plainUnpackU32(bytes memory blob) external view returns (uint256 used, uint32[] memory values) {
    used = gasleft();
    values = new uint32[](blob.length / 4);
    unchecked {
      for (uint256 i = 0; i < values.length; ++i) {
        uint256 value = 0;
        for (uint256 k = 0; k < 4; ++k) value |= uint256(uint8(blob[4 * i + k])) << (8 * k);
        values[i] = uint32(value);
      }
    }
    used -= gasleft();
  }
}

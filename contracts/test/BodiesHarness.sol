// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Accumulator, Accumulators} from "../referee/Accumulator.sol";
import {Bodies} from "../referee/Bodies.sol";
import {Value, Values} from "../referee/Value.sol";

/// @dev Exposes the scalar bodies and sums to tests.
contract BodiesHarness {
  using Accumulators for Accumulator;

  uint256 private constant WORD = 8; // bytes of one packed element

  /// @param operandDtypes Dtypes of the operands; 0 ends the list.
  /// @param operands Cases, each its operands' bits as 8 bytes big-endian.
  /// @return results 8 bytes a case, big-endian.
  /// @return maxGas Gas of the dearest evaluation, without decoding.
  /// @return totalGas Gas of all evaluations.
  function batch(
    uint256 body,
    uint256 dtype,
    uint256[3] calldata operandDtypes,
    bytes calldata operands
  ) external view returns (bytes memory results, uint256 maxGas, uint256 totalGas) {
    uint256 arity =
      operandDtypes[2] != 0
        ? 3
        : operandDtypes[1] != 0
          ? 2
          : 1;
    uint256 count = operands.length / (WORD * arity);
    results = new bytes(count * WORD);
    for (uint256 i = 0; i < count; ++i) {
      Value[3] memory v;
      for (uint256 j = 0; j < arity; ++j) {
        uint256 start = (i * arity + j) * WORD;
        v[j] = Values.decode(operandDtypes[j], uint64(bytes8(operands[start:start + WORD])));
      }
      uint256 used = gasleft();
      uint256 bits = Bodies.evaluate(body, dtype, v[0], v[1], v[2]);
      used -= gasleft();
      totalGas += used;
      if (used > maxGas) maxGas = used;
      for (uint256 k = 0; k < WORD; ++k) results[i * WORD + k] = bytes1(uint8(bits >> (8 * (WORD - 1 - k))));
    }
  }

  /// @param a Factors of dtype `source`, packed big-endian; likewise `b`.
  /// @return bits Their exact sum of products rounded to `target`.
  function sumOfProducts(
    uint256 source,
    uint256 target,
    bytes calldata a,
    bytes calldata b
  ) external pure returns (uint256 bits) {
    uint256 size = Values.byteSize(source);
    Accumulator memory sum;
    for (uint256 start = 0; start < a.length; start += size) {
      Value memory x = Values.decode(source, uint256(bytes32(a[start:start + size])) >> (256 - 8 * size));
      sum.addProduct(x, Values.decode(source, uint256(bytes32(b[start:start + size])) >> (256 - 8 * size)));
    }
    return sum.round(target);
  }

  /// @param cases 7 bytes each: body, fold, dtype, the number of loads and three operand dtypes.
  /// @return verdicts One byte a case, 0 or 1.
  function legal(bytes calldata cases) external pure returns (bytes memory verdicts) {
    uint256 count = cases.length / 7;
    verdicts = new bytes(count);
    uint256[3] memory operands;
    for (uint256 i = 0; i < count; ++i) {
      bytes calldata c = cases[7 * i:7 * i + 7];
      for (uint256 k = 0; k < 3; ++k) operands[k] = uint8(c[4 + k]);
      if (Bodies.legal(uint8(c[0]), uint8(c[1]), uint8(c[2]), operands, uint8(c[3]))) verdicts[i] = 0x01;
    }
  }
}

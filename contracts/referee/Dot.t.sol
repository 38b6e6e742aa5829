// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

// solhint-disable gas-custom-errors

import {Accumulator, Accumulators} from "./Accumulator.sol";
import {DotF32} from "./DotF32.sol";
import {DotInt8} from "./DotInt8.sol";
import {Factor} from "./Factor.sol";
import {Value, Values} from "./Value.sol";
import {Views} from "./Views.sol";

contract DotTest {
  using Accumulators for Accumulator;

  uint256 private constant ALL_SIGNS = 0x8080808080808080808080808080808080808080808080808080808080808080;

  function _at(bytes memory data) private pure returns (uint256 ptr) {
    assembly ("memory-safe") {
      ptr := add(data, 32)
    }
  }

  function _factor(bytes memory data, bool advances) private pure returns (Factor memory factor) {
    factor.ptr = _at(data);
    factor.step = advances ? 32 : 0;
  }

  /// @dev Element `i` of what a kernel reads.
  function _f32(Factor memory factor, uint256 i) private pure returns (Value memory) {
    return Values.decode(Values.F32, Views.littleEndian(factor.ptr + (factor.step == 0 ? i % 8 : i) * 4, 4));
  }

  /// @dev Turns bytes into floats among which the special ones are as frequent as `specials` says.
  function _shape(bytes memory data, uint256 specials) private pure {
    for (uint256 i = 0; i + 4 <= data.length; i += 4) {
      if (specials % 4 == 0) data[i + 3] &= 0xbf; // below 2: no infinity, no NaN
      if (specials % 4 == 1 && uint8(data[i]) < 20) (data[i], data[i + 1], data[i + 2]) = (0, 0, 0x80);
      if (specials % 4 == 1 && uint8(data[i + 1]) < 20) (data[i + 2], data[i + 3]) = (0x80, 0x7f);
      if (specials % 4 == 2) (data[i + 2], data[i + 3]) = (data[i + 2] & 0x80, 0x7f); // all special or huge
      if (specials % 4 == 3 && uint8(data[i]) < 128) (data[i + 2], data[i + 3]) = (data[i + 2] & 0x7f, 0x80);
    }
  }

  function testFuzz_f32KernelAddsWhatTheLoopAdds(bytes memory a, bytes memory b, uint256 seed) public pure {
    a = abi.encodePacked(a, keccak256(a));
    b = abi.encodePacked(b, keccak256(b));
    _shape(a, seed);
    _shape(b, seed >> 2);
    Factor memory x = _factor(a, seed & 16 == 0);
    Factor memory y = _factor(b, seed & 32 == 0);
    uint256 count =
      (
        x.step == 0
          ? b.length
          : y.step == 0 || a.length < b.length
            ? a.length
            : b.length
      ) / 4;
    if (x.step == 0 && y.step == 0) count = 3;
    Accumulator memory fast;
    Accumulator memory slow;
    DotF32.add(fast, x, y, count);
    for (uint256 i = 0; i < count; ++i) slow.addProduct(_f32(x, i), _f32(y, i));
    require(fast.classes == slow.classes, "classes");
    if (slow.classes != 0) return; // the bins have no meaning then
    require(keccak256(abi.encode(fast.store())) == keccak256(abi.encode(slow.store())), "sum");
  }

  function test_f32KernelKeepsTheLargestSums() public pure {
    // 2^13 times the square of the largest number, then as often its negative, then the square of the smallest
    uint256 n = 2 ** 13;
    Factor memory x = _factor(hex"ffff7f7fffff7f7fffff7f7fffff7f7fffff7f7fffff7f7fffff7f7fffff7f7f", false);
    Factor memory y = _factor(hex"ffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fff", false);
    Factor memory z = _factor(hex"01000000", true);
    Accumulator memory sum;
    DotF32.add(sum, x, x, n);
    require(sum.round(Values.F32) == 0x7f800000, "overflows only when rounded");
    DotF32.add(sum, x, y, n);
    require(sum.round(Values.F32) == 0, "cancels");
    DotF32.add(sum, z, z, 1);
    require(sum.store()[0] == 1 << 248, "one unit of 2^-298 is left");
  }

  function testFuzz_int8KernelAddsWhatTheLoopAdds(
    bytes memory a,
    bytes memory b,
    int32 zeroA,
    int32 zeroB,
    bool signedA,
    bool signedB,
    uint256 seed
  ) public pure {
    a = abi.encodePacked(a, keccak256(a));
    b = abi.encodePacked(b, keccak256(b));
    Factor memory x = _factor(a, seed & 1 == 0);
    Factor memory y = _factor(b, seed & 2 == 0);
    uint256 count = a.length < b.length ? a.length : b.length;
    int256 total = 0;
    for (uint256 i = 0; i < count; ++i) {
      total += _byte(a, x.step, i, signedA, zeroA) * _byte(b, y.step, i, signedB, zeroB);
    }
    (x.zero, x.flip) = signedA ? (int256(zeroA) + 128, ALL_SIGNS) : (int256(zeroA), 0);
    (y.zero, y.flip) = signedB ? (int256(zeroB) + 128, ALL_SIGNS) : (int256(zeroB), 0);
    require(DotInt8.dot(x, y, count) == total, "sum");
  }

  function _byte(bytes memory data, uint256 step, uint256 i, bool signed, int256 zero) private pure returns (int256) {
    uint8 value = uint8(data[step == 0 ? i % 32 : i]);
    return (signed ? int256(int8(value)) : int256(uint256(value))) - zero;
  }

  function test_int8KernelBeyondAChunk() public pure {
    // a lane of 32 bits holds 2^15 products of 255 and 255, not many more
    bytes memory data = new bytes(3 * 2 ** 15 + 5);
    for (uint256 i = 0; i < data.length; ++i) data[i] = 0xff;
    Factor memory x = _factor(data, true);
    require(DotInt8.dot(x, x, data.length) == int256(data.length * 255 * 255), "sum");
  }
}

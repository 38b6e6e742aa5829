// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {VM, check} from "../test/Vm.sol";
import {Elements} from "./Elements.sol";
import {F32, Floats} from "./Floats.sol";
import {Tensors} from "./Tensors.sol";

/// @notice What goes into a blob comes out of it. (Values are held against other implementations in test/consumers.)
contract TensorsTest {
  function testFuzz_bytes(uint8[] memory values) public view {
    bytes memory blob = Tensors.packU8(values);
    check(keccak256(abi.encode(Tensors.unpackU8(blob))) == keccak256(abi.encode(values)), "array");
    for (uint256 i = 0; i < values.length; ++i) check(this.u8At(blob, i) == values[i], "element");
  }

  function testFuzz_words(int16[] memory values) public view {
    bytes memory blob = Tensors.packI16(values);
    check(blob.length == 2 * values.length, "length");
    check(keccak256(abi.encode(Tensors.unpackI16(blob))) == keccak256(abi.encode(values)), "array");
    for (uint256 i = 0; i < values.length; ++i) check(this.i16At(blob, i) == values[i], "element");
  }

  function testFuzz_longs(int64[] memory values) public view {
    bytes memory blob = Tensors.packI64(values);
    check(keccak256(abi.encode(Tensors.unpackI64(blob))) == keccak256(abi.encode(values)), "array");
    for (uint256 i = 0; i < values.length; ++i) check(this.i64At(blob, i) == values[i], "element");
  }

  function testFuzz_bools(bool[] memory values) public pure {
    bytes memory blob = Tensors.packBool(values);
    check(keccak256(abi.encode(Tensors.unpackBool(blob))) == keccak256(abi.encode(values)), "array");
  }

  /// @dev Neither the length word of a blob nor the elements beside change.
  function testFuzz_putChangesOneElement(uint32[] memory values, uint256 index, uint32 value) public pure {
    if (values.length == 0) return;
    index %= values.length;
    bytes memory blob = Tensors.packU32(values);
    bytes memory after_ = new bytes(32);
    Tensors.putU32(blob, index, value);
    values[index] = value;
    check(keccak256(blob) == keccak256(Tensors.packU32(values)), "one element");
    check(after_.length == 32 && bytes32(after_) == 0, "what lies behind");
  }

  /// @dev Dirty bits above a value's type do not reach its neighbours.
  function testFuzz_dirtyBitsAreCutOff(uint256 a, uint256 b) public pure {
    uint32[] memory values = new uint32[](2);
    assembly ("memory-safe") {
      mstore(add(values, 32), a)
      mstore(add(values, 64), b)
    }
    bytes memory blob = Tensors.packU32(values);
    uint32[] memory back = Tensors.unpackU32(blob);
    check(back[0] == uint32(a) && back[1] == uint32(b), "cut off");
  }

  /// @dev A number of 24 significant bits is a float32.
  function testFuzz_floatsOf24BitsAreExact(uint24 significand, uint8 shift, bool negative) public pure {
    int256 value = int256(uint256(significand) << (shift % 105));
    if (negative) value = -value;
    uint256 bits = Floats.fromInt(F32, 0, value, 0);
    check(Floats.toInt(F32, 0, bits, 0) == value, "exact");
  }

  /// @dev Half a unit in the last place, and order, are kept.
  function testFuzz_floatsAreNearAndInOrder(int120 a, int120 b, uint8 decimals) public pure {
    decimals = decimals % 19;
    uint256 x = Floats.fromInt(F32, 0, a, decimals);
    uint256 y = Floats.fromInt(F32, 1, b, decimals);
    check(a > b || Floats.order(F32, 0, x) <= Floats.order(F32, 1, y), "order");
    int256 back = Floats.toInt(F32, 0, x, decimals);
    uint256 off = uint256(back > a ? back - a : a - back);
    check(off << 24 <= uint256(a < 0 ? -int256(a) : int256(a)), "near");
  }

  function test_errorsReachTheCaller() public {
    VM.expectPartialRevert(Elements.IndexOutOfBounds.selector);
    this.u8At(hex"00", 1);
    VM.expectPartialRevert(Floats.NotANumber.selector);
    this.f32At(hex"0000c07f", 0);
  }

  function u8At(bytes calldata blob, uint256 index) external pure returns (uint8) {
    return Tensors.u8At(blob, index);
  }

  function i16At(bytes calldata blob, uint256 index) external pure returns (int16) {
    return Tensors.i16At(blob, index);
  }

  function i64At(bytes calldata blob, uint256 index) external pure returns (int64) {
    return Tensors.i64At(blob, index);
  }

  function f32At(bytes calldata blob, uint256 index) external pure returns (int256) {
    return Tensors.f32At(blob, index, 18);
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {VM, check, checkEq} from "../test/Vm.sol";
import {StoredBytes} from "./StoredBytes.sol";
import {TimestampInput} from "./TimestampInput.sol";

contract InputsTest {
  function store(bytes calldata data) external returns (address) {
    return StoredBytes.store(data);
  }

  function testFuzz_storedBytesComeBack(bytes calldata data) public {
    check(keccak256(StoredBytes.load(StoredBytes.store(data))) == keccak256(data), "bytes");
  }

  function test_storedBytesAreAtMostACodesLength() public {
    bytes memory data = new bytes(StoredBytes.MAX_BYTES);
    data[data.length - 1] = 0xef;
    check(keccak256(StoredBytes.load(this.store(data))) == keccak256(data), "longest");
    VM.expectPartialRevert(StoredBytes.BytesTooLong.selector);
    this.store(new bytes(StoredBytes.MAX_BYTES + 1));
  }

  function test_storedBytesCannotRun() public {
    // SELFDESTRUCT, were it run.
    address holder = StoredBytes.store(hex"33ff");
    (bool success, ) = holder.call("");
    check(success && holder.code.length == 3, "stopped");
  }

  function testFuzz_timestampInputWritesTheTime(uint64 time, uint256 offset, uint8 length) public {
    VM.assume(length >= 8);
    offset %= uint256(length) - 7;
    bytes memory blob = new bytes(length);
    for (uint256 i = 0; i < length; ++i) blob[i] = bytes1(uint8(i + 1));
    TimestampInput source = new TimestampInput(blob, offset);
    VM.warp(time);
    bytes memory input = source.input();
    uint256 read;
    for (uint256 i = 0; i < 8; ++i) read |= uint256(uint8(input[offset + i])) << (8 * i);
    checkEq(read, time, "time");
    checkEq(input.length, length, "length");
    for (uint256 i = 0; i < length; ++i)
      if (i < offset || i >= offset + 8) check(input[i] == blob[i], "the other bytes");
  }

  function test_timestampInputFits() public {
    VM.expectPartialRevert(TimestampInput.OffsetOutOfBounds.selector);
    new TimestampInput(new bytes(16), 9);
    VM.expectPartialRevert(TimestampInput.OffsetOutOfBounds.selector);
    new TimestampInput(new bytes(7), 0);
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

// solhint-disable gas-custom-errors

import {Header, Headers} from "./Headers.sol";
import {Instruction, Instructions} from "./Instructions.sol";

/// @dev What a decoder makes of hostile bytes: it never reverts, and its work is bounded by the length.
contract InstructionsTest {
  /// @dev 1.5 million is what the largest instruction within the limits takes.
  uint256 private constant GAS = 4_000_000;

  function decode(bytes calldata encoded, bytes calldata header) external pure returns (bool ok) {
    Instruction memory instruction;
    (instruction, ok) = Instructions.decode(encoded);
    (Header memory decoded, ) = Headers.decode(header);
    if (ok) Instructions.wellFormed(instruction, 1, decoded);
  }

  function decodeHeader(bytes calldata header) external pure returns (bool ok) {
    (, ok) = Headers.decode(header);
  }

  function _header(uint32 inputs, bytes memory rest) private pure returns (bytes memory) {
    bytes memory counts = abi.encodePacked(uint16(1), uint16(7), inputs, uint32(1), uint32(2), uint32(0));
    return abi.encodePacked(counts, bytes32(0), bytes32(0), rest);
  }

  /// @dev copy of element i of input 0, f32, i below 4.
  function _copy() private pure returns (bytes memory) {
    bytes memory head = abi.encodePacked(hex"01000c010001", uint32(4));
    bytes memory load = abi.encodePacked(hex"020c", uint32(0), uint32(4), hex"0001", uint32(4), uint32(1), hex"00");
    return abi.encodePacked(head, load, int32(0), uint32(1), hex"0001", hex"00", int32(1));
  }

  function test_knowsAWellFormedOne() public view {
    require(this.decode(_copy(), _header(1, hex"0c00000004")), "copy");
    require(this.decodeHeader(_header(1, hex"0c00000004")), "header");
  }

  function testFuzz_neverRevertsOnAnything(bytes memory encoded, bytes memory header) public view {
    this.decode{gas: GAS}(encoded, header);
    this.decodeHeader{gas: GAS}(header);
  }

  /// @dev Bytes that get past the first checks.
  function testFuzz_neverRevertsOnChangedOnes(uint256 where, uint8 what, uint8 nOut, bytes memory tail) public view {
    bytes memory encoded = abi.encodePacked(_copy(), tail);
    encoded[where % encoded.length] = bytes1(what);
    if (nOut % 3 == 0) encoded[3] = bytes1(nOut % 12);
    this.decode{gas: GAS}(encoded, _header(1, hex"0c00000004"));
  }

  function testFuzz_everyTruncationIsMalformed(uint256 length) public view {
    bytes memory whole = _copy();
    bytes memory part = new bytes(length % whole.length);
    for (uint256 i = 0; i < part.length; ++i) part[i] = whole[i];
    require(!this.decode(part, _header(1, hex"0c00000004")), "truncated");
    require(!this.decode(abi.encodePacked(whole, part, hex"00"), _header(1, hex"0c00000004")), "trailing");
  }

  function testFuzz_absurdCountsAreMalformed(uint32 inputs, bytes memory rest) public view {
    bytes memory header = _header(inputs, rest);
    bool ok = this.decodeHeader{gas: GAS}(header);
    require(!ok || uint256(inputs) * 5 == rest.length, "length");
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {check, checkEq} from "../test/Vm.sol";
import {FixedPointElement} from "./FixedPointElement.sol";

contract FixedPointElementTest {
  function read(bytes calldata output, uint256 offset, uint8 dtype, uint8 decimals) public pure returns (bool, int256) {
    return FixedPointElement.read(output, offset, dtype, decimals);
  }

  /// @param bits Big-endian, as people write them.
  function _f32(uint32 bits, uint8 decimals) private view returns (bool isNumber, int256 value) {
    return this.read(_reversed(abi.encodePacked(bits)), 0, FixedPointElement.F32, decimals);
  }

  function _reversed(bytes memory data) private pure returns (bytes memory turned) {
    turned = new bytes(data.length);
    for (uint256 i = 0; i < data.length; ++i) turned[i] = data[data.length - 1 - i];
  }

  function _expect(uint32 bits, uint8 decimals, int256 expected) private view {
    (bool isNumber, int256 value) = _f32(bits, decimals);
    check(isNumber && value == expected, "value");
  }

  function test_floatsOfATable() public view {
    _expect(0x3f800000, 8, 1e8); // 1
    _expect(0xbfc00000, 8, -1.5e8); // -1.5
    _expect(0x80000000, 8, 0); // -0
    _expect(0x3dcccccd, 8, 10_000_000); // 0.1 as a float: 0.10000000149
    _expect(0x3dcccccd, 18, 100000001490116119); // 0.100000001490116119384765625
    _expect(0x3f000000, 0, 0); // 0.5: the tie goes to even
    _expect(0x3fc00000, 0, 2); // 1.5
    _expect(0x40200000, 0, 2); // 2.5
    _expect(0xc0200000, 0, -2); // -2.5
    _expect(0x00000001, 18, 0); // 2^-149
    _expect(0x4b800001, 2, 1677721800); // 2^24 + 2
    _expect(0x7f7fffff, 0, int256((2 ** 24 - 1) << 104)); // the greatest
    _expect(0xff7fffff, 18, -int256(((2 ** 24 - 1) << 104) * 1e18));
    for (uint256 i = 0; i < 2; ++i) {
      (bool isNumber, ) = _f32([0x7fc00000, 0xff800000][i], 8); // NaN, -infinity
      check(!isNumber, "no number");
    }
  }

  /// @dev |value - exact| <= 1/2, by exact integers scaled by 2^149; at a half, the value is even.
  function testFuzz_floatsAreRoundedToNearestEven(uint32 bits, uint8 decimals) public view {
    decimals %= FixedPointElement.MAX_DECIMALS + 1;
    (bool isNumber, int256 value) = _f32(bits, decimals);
    uint256 exponent = (bits >> 23) & 0xff;
    check(isNumber == (exponent != 0xff), "is a number");
    // Above, every value is a whole number, far from overflowing: the table has the greatest.
    if (!isNumber || exponent > 150) return;
    uint256 significand = exponent == 0 ? (bits & 0x7fffff) << 1 : (bits & 0x7fffff) | 0x800000;
    uint256 magnitude = uint256(value < 0 ? -value : value);
    check(magnitude == 0 || value < 0 == (bits >> 31 == 1), "sign");
    // exact = significand * 10^decimals / 2^cut
    uint256 cut = 150 - exponent;
    uint256 exact = significand * 10 ** decimals;
    uint256 shown = magnitude << cut;
    uint256 apart = shown > exact ? shown - exact : exact - shown;
    check(2 * apart <= 1 << cut, "nearest");
    if (2 * apart == 1 << cut) checkEq(magnitude & 1, 0, "even");
  }

  function testFuzz_integersOfEveryDtype(int64 number, uint8 decimals, uint8 before) public view {
    decimals %= FixedPointElement.MAX_DECIMALS + 1;
    int256[10] memory expected = [
      int256(0),
      int256(uint256(uint8(uint64(number)))),
      int256(uint256(uint8(uint64(number)))),
      int256(int8(number)),
      int256(uint256(uint16(uint64(number)))),
      int256(int16(number)),
      int256(uint256(uint32(uint64(number)))),
      int256(int32(number)),
      int256(uint256(uint64(number))),
      int256(number)
    ];
    bytes memory little = _reversed(abi.encodePacked(number));
    for (uint8 dtype = 1; dtype < 10; ++dtype) {
      // The element between other bytes.
      bytes memory output = abi.encodePacked(new bytes(before), little, hex"ff");
      (bool isNumber, int256 value) = this.read(output, before, dtype, decimals);
      check(isNumber && value == expected[dtype] * int256(10 ** decimals), "integer");
    }
  }

  function test_widths() public pure {
    uint8[14] memory widths = [0, 1, 1, 1, 2, 2, 4, 4, 8, 8, 0, 0, 4, 0];
    for (uint8 dtype = 0; dtype < 14; ++dtype) checkEq(FixedPointElement.width(dtype), widths[dtype], "width");
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

// solhint-disable gas-custom-errors

import {Rounding} from "./Rounding.sol";
import {Value, Values} from "./Value.sol";

contract RoundingTest {
  function _dtype(uint256 pick) private pure returns (uint256) {
    return Values.F16 + (pick % 3);
  }

  /// @dev Orders floats other than NaN by their bits.
  function _rank(uint256 dtype, uint256 bits) private pure returns (int256) {
    uint256 sign = 1 << (Values.bitWidth(dtype) - 1);
    return bits & sign == 0 ? int256(bits) : -int256(bits ^ sign);
  }

  function testFuzz_exactOnRepresentables(uint256 pick, uint256 bits) public pure {
    uint256 dtype = _dtype(pick);
    bits &= (1 << Values.bitWidth(dtype)) - 1;
    Value memory v = Values.decode(dtype, bits);
    if (v.class != Values.FINITE) return;
    uint256 again = Rounding.round(dtype, v.m < 0, uint256(v.m < 0 ? -v.m : v.m), v.e, false);
    require(again == (v.m == 0 ? 0 : bits), "changed");
  }

  function testFuzz_ignoresTheScaleOfW(uint256 pick, uint64 w, uint8 shift, int256 e, bool neg) public pure {
    e = e % 400;
    uint256 s = uint256(shift) % 190;
    uint256 direct = Rounding.round(_dtype(pick), neg, w, e, false);
    require(Rounding.round(_dtype(pick), neg, uint256(w) << s, e - int256(s), false) == direct, "scaled");
  }

  function testFuzz_monotone(uint256 pick, uint256 w, uint256 x, int256 e, bool sticky) public pure {
    uint256 dtype = _dtype(pick);
    e = e % 400;
    w >>= 1;
    x >>= 1;
    (uint256 low, uint256 high) = w < x ? (w, x) : (x, w);
    int256 a = _rank(dtype, Rounding.round(dtype, false, low, e, sticky && low < high));
    require(a <= _rank(dtype, Rounding.round(dtype, false, high, e, false)), "not monotone");
    require(-a == _rank(dtype, Rounding.round(dtype, true, low, e, sticky && low < high)), "not odd");
  }

  /// @dev Against the definition: of the results' neighbours none is nearer, and a tie goes to even bits. A w around the
  /// midpoint of `bits` and the next float, in units an eighth of half the spacing.
  function testFuzz_nearest(uint256 pick, uint256 bits, int8 offset, bool sticky) public pure {
    uint256 dtype = _dtype(pick);
    bits %= Values.infinity(dtype, false);
    Value memory v = Values.decode(dtype, bits);
    // Zero has the spacing of the subnormals.
    int256 e = v.m == 0 ? Values.decode(dtype, 1).e : v.e;
    int256 delta = int256(offset) % 8;
    uint256 w = uint256(v.m * 16 + 8 + delta);
    bool up = delta > 0 || (delta == 0 && (sticky || bits & 1 == 1));
    // A sticky part below one unit never reaches the midpoint from a delta of -1 or less. Wide enough for `sticky`: 2^70.
    uint256 rounded = Rounding.round(dtype, false, w << 70, e - 74, sticky);
    require(rounded == bits + (up ? 1 : 0), "not nearest");
  }

  function testFuzz_msb(uint256 x) public pure {
    uint256 r = Rounding.msb(x);
    require(x == 0 ? r == 0 : x >> r == 1, "msb");
  }

  function test_edges() public pure {
    require(Rounding.round(Values.F32, true, 1, -150, false) == 0, "half the least subnormal is a tie to 0, unsigned");
    require(Rounding.round(Values.F32, true, 1, -150, true) == 0x80000001, "a bit more is not");
    require(Rounding.round(Values.F32, false, (1 << 25) - 1, 103, false) == 0x7f800000, "tie at the overflow");
    require(Rounding.round(Values.F32, false, (1 << 26) - 3, 102, false) == 0x7f7fffff, "below it");
    require(Rounding.round(Values.F16, false, 65520, 0, false) == 0x7c00, "f16 overflow");
    require(Rounding.round(Values.F16, false, 65519, 0, true) == 0x7bff, "f16 largest");
    require(Rounding.round(Values.BF16, false, 0x1ff, 0, false) == 0x4400, "carry into the exponent");
    require(Rounding.round(Values.F32, true, 0, 77, false) == 0, "zero");
    require(Rounding.round(Values.F32, false, type(uint256).max, -256, false) == 0x3f800000, "full width");
    require(Rounding.round(Values.F32, true, 1, 1e30, false) == 0xff800000, "huge exponent");
    require(Rounding.round(Values.F32, true, 1, -1e30, false) == 0, "tiny exponent");
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

library FixedPoint {
  /// @dev floor(a * b / 2^s) for 0 < s < 256, provided it is below 2^256. The product has 512 bits: mod 2^256 by mul,
  /// mod 2^256 - 1 by mulmod, and their difference is the high word (Remco Bloemen's method).
  function mulShift(uint256 a, uint256 b, uint256 s) internal pure returns (uint256 r) {
    assembly ("memory-safe") {
      let low := mul(a, b)
      let mm := mulmod(a, b, not(0))
      let high := sub(sub(mm, low), lt(mm, low))
      r := or(shl(sub(256, s), high), shr(s, low))
    }
  }
}

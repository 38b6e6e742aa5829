// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice One element of an output blob as a fixed-point number.
library FixedPointElement {
  /// @dev Codes of docs/program.md §2: bool and the integers are 1 to 9.
  uint8 internal constant U8 = 2;
  uint8 internal constant U64 = 8;
  uint8 internal constant I64 = 9;
  uint8 internal constant F32 = 12;
  /// @dev With these every f32 and every integer fits in 188 bits.
  uint8 internal constant MAX_DECIMALS = 18;

  /// @dev A binary32 is significand * 2 ** (exponent - 150).
  uint256 private constant F32_BIAS = 150;

  /// @return Bytes of an element; 0 if this library does not read the dtype.
  function width(uint8 dtype) internal pure returns (uint256) {
    if (dtype == F32) return 4;
    if (dtype == 0 || dtype > I64) return 0;
    return 1 << (dtype / 2 - (dtype == 1 ? 0 : 1));
  }

  /// @notice The element at `offset` times 10 ** decimals, an f32 rounded to nearest, ties to even.
  /// @param decimals At most MAX_DECIMALS.
  /// @return isNumber False: NaN or an infinity.
  function read(
    bytes calldata output,
    uint256 offset,
    uint8 dtype,
    uint8 decimals
  ) internal pure returns (bool isNumber, int256 value) {
    uint256 bits = _littleEndian(output[offset:offset + width(dtype)]);
    if (dtype == F32) return _fromFloat(bits, decimals);
    int256 integer = int256(bits);
    // Odd codes from 3 are two's complement.
    if (dtype > U8 && dtype % 2 == 1) {
      uint256 above = 256 - 8 * width(dtype);
      integer = int256(bits << above) >> above;
    }
    return (true, integer * int256(10 ** decimals));
  }

  /// @dev A significand has 24 bits, 10 ** 18 has 60, and the largest exponent shifts by 104: 188 bits.
  function _fromFloat(uint256 bits, uint8 decimals) private pure returns (bool, int256) {
    uint256 exponent = (bits >> 23) & 0xff;
    uint256 significand = bits & 0x7fffff;
    if (exponent == 0xff) return (false, 0);
    if (exponent == 0) exponent = 1;
    else significand |= 1 << 23;
    uint256 scaled = significand * 10 ** decimals;
    if (exponent >= F32_BIAS) {
      scaled <<= exponent - F32_BIAS;
    } else {
      uint256 cut = F32_BIAS - exponent;
      // Half of the last place, less one unless what is kept is odd: ties go to even.
      scaled = (scaled + (1 << (cut - 1)) - 1 + ((scaled >> cut) & 1)) >> cut;
    }
    return (true, bits >> 31 == 1 ? -int256(scaled) : int256(scaled));
  }

  function _littleEndian(bytes calldata element) private pure returns (uint256 bits) {
    for (uint256 i = 0; i < element.length; ++i) bits |= uint256(uint8(element[i])) << (8 * i);
  }
}

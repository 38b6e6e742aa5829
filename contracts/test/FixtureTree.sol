// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Whole SHA-256 trees, the obvious way.
library FixtureTree {
  /// @notice levels[0] are the leaves, padded with `pad` to 2^depth; levels[depth][0] is the root.
  function build(
    bytes32[] memory leaves,
    uint256 depth,
    bytes32 pad
  ) internal pure returns (bytes32[][] memory levels) {
    levels = new bytes32[][](depth + 1);
    levels[0] = new bytes32[](1 << depth);
    for (uint256 i = 0; i < levels[0].length; ++i) levels[0][i] = i < leaves.length ? leaves[i] : pad;
    for (uint256 level = 1; level <= depth; ++level) {
      bytes32[] memory children = levels[level - 1];
      bytes32[] memory above = new bytes32[](children.length / 2);
      for (uint256 i = 0; i < above.length; ++i) above[i] = sha256(abi.encode(children[2 * i], children[2 * i + 1]));
      levels[level] = above;
    }
  }

  function root(bytes32[][] memory levels) internal pure returns (bytes32) {
    return levels[levels.length - 1][0];
  }

  /// @notice Packed siblings from (`level`, `index`) up to level `top`.
  function path(
    bytes32[][] memory levels,
    uint256 level,
    uint256 index,
    uint256 top
  ) internal pure returns (bytes memory packed) {
    for (; level < top; ++level) {
      packed = abi.encodePacked(packed, levels[level][index ^ 1]);
      index >>= 1;
    }
  }

  /// @notice Packed nodes of `level` below node (`top`, `index`).
  function below(
    bytes32[][] memory levels,
    uint256 level,
    uint256 index,
    uint256 top
  ) internal pure returns (bytes memory packed) {
    uint256 count = 1 << (top - level);
    bytes32[] memory nodes = new bytes32[](count);
    for (uint256 i = 0; i < count; ++i) nodes[i] = levels[level][(index << (top - level)) + i];
    return abi.encodePacked(nodes);
  }

  /// @notice The first `keep` words of packed nodes.
  function head(bytes memory packed, uint256 keep) internal pure returns (bytes memory shorter) {
    shorter = new bytes(32 * keep);
    for (uint256 i = 0; i < shorter.length; ++i) shorter[i] = packed[i];
  }
}

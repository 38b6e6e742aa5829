// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IDisputeGame} from "../interfaces/IDisputeGame.sol";

/// @notice SHA-256 trees of docs/program.md §7: subtree roots from revealed nodes, and paths.
library Trees {
  uint256 internal constant LEAF_BYTES = 256;
  /// @dev A move goes down this many levels at most, to 64 nodes.
  uint256 internal constant MOVE_LEVELS = 6;
  /// @dev Unused leaf of the trace tree.
  bytes32 internal constant TRACE_PADDING = 0;
  /// @dev Unused leaf of a tensor tree: sha256 of 256 zero bytes.
  bytes32 internal constant TENSOR_PADDING = 0x5341e6b2646979a70e57653007a1f310169421ec9bdd9f1a5648f75ade005af1;

  function levelsBelow(uint256 height) internal pure returns (uint256) {
    return height < MOVE_LEVELS ? height : MOVE_LEVELS;
  }

  /// @notice Value of a node with nothing but padding below it.
  function padding(bool tensor, uint256 height) internal view returns (bytes32 pad) {
    pad = tensor ? TENSOR_PADDING : TRACE_PADDING;
    for (uint256 i = 0; i < height; ++i) pad = hashPair(pad, pad);
  }

  /// @notice Root of a subtree of `levels` levels (at most 6) over packed nodes; missing nodes at the end are `pad`.
  function subtreeRoot(bytes calldata nodes, uint256 levels, bytes32 pad) internal view returns (bytes32) {
    uint256 maxBytes = 32 << levels;
    if (nodes.length == 0 || nodes.length > maxBytes || nodes.length % 32 != 0)
      revert IDisputeGame.ChildrenLengthIs(nodes.length, maxBytes);
    // One word more: a level of odd length is completed with a padding node.
    bytes memory level = new bytes(nodes.length + 32);
    assembly ("memory-safe") {
      calldatacopy(add(level, 32), nodes.offset, nodes.length)
    }
    uint256 count = nodes.length / 32;
    for (uint256 i = 0; i < levels; ++i) {
      count = _hashLevel(level, count, pad);
      pad = hashPair(pad, pad);
    }
    return _first(level);
  }

  /// @notice Root reached from a node at position `index` of its level by packed siblings.
  /// @param path Exactly `levels` siblings from `offset` on; the caller has checked its length.
  function climb(
    bytes32 node,
    uint256 index,
    bytes calldata path,
    uint256 offset,
    uint256 levels
  ) internal view returns (bytes32) {
    for (uint256 i = 0; i < levels; ++i) {
      bytes32 sibling = bytes32(path[offset + 32 * i:]);
      node = (index >> i) & 1 == 0 ? hashPair(node, sibling) : hashPair(sibling, node);
    }
    return node;
  }

  function hashPair(bytes32 left, bytes32 right) internal view returns (bytes32 result) {
    // Scratch space only. The sha256 precompile takes any input; it fails for want of gas alone.
    assembly ("memory-safe") {
      mstore(0, left)
      mstore(32, right)
      if iszero(staticcall(gas(), 2, 0, 64, 0, 32)) {
        revert(0, 0)
      }
      result := mload(0)
    }
  }

  /// @dev Replaces the first `count` words of `level` by the ceil(count / 2) nodes above them. `level` has room for
  /// count + 1 words.
  function _hashLevel(bytes memory level, uint256 count, bytes32 pad) private view returns (uint256 above) {
    assembly ("memory-safe") {
      let start := add(level, 32)
      if and(count, 1) {
        mstore(add(start, shl(5, count)), pad)
      }
      above := shr(1, add(count, 1))
      for {
        let i := 0
      } lt(i, above) {
        i := add(i, 1)
      } {
        if iszero(staticcall(gas(), 2, add(start, shl(6, i)), 64, add(start, shl(5, i)), 32)) {
          revert(0, 0)
        }
      }
    }
  }

  function _first(bytes memory level) private pure returns (bytes32 node) {
    assembly ("memory-safe") {
      node := mload(add(level, 32))
    }
  }
}

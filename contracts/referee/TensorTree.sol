// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Hashing} from "./Hashing.sol";
import {Opening, Openings} from "./Openings.sol";

/// @notice SHA-256 trees over tensors (docs/program.md §7). The caller derives every depth from the program.
library TensorTree {
  using Openings for Opening;

  uint256 private constant LEAF_BYTES = Openings.LEAF_BYTES;
  bytes32 private constant ZERO_LEAF = 0x5341e6b2646979a70e57653007a1f310169421ec9bdd9f1a5648f75ade005af1;

  error PathLength(uint256 given, uint256 used);
  error LeavesNotAscending(uint256 position);
  error NoSuchLeaf(uint256 index, uint256 depth);

  /// @notice ceil(log2(max(1, leaves))), for leaves < 2^255.
  function depthOf(uint256 leaves) internal pure returns (uint256 depth) {
    while ((1 << depth) < leaves) ++depth;
  }

  function tensorDepth(uint256 tensorBytes) internal pure returns (uint256) {
    return depthOf((tensorBytes + LEAF_BYTES - 1) / LEAF_BYTES);
  }

  /// @notice Root of a tree of `depth` levels whose leaf `index` is `leaf`. Reverts if the tree has no such leaf.
  function rootOf(
    bytes32 leaf,
    uint256 index,
    uint256 depth,
    bytes calldata path
  ) internal view returns (bytes32 node) {
    if (index >> depth != 0) revert NoSuchLeaf(index, depth);
    if (path.length != depth * 32) revert PathLength(path.length, depth * 32);
    node = leaf;
    for (uint256 level = 0; level < depth; ++level) {
      bytes32 sibling = bytes32(path[level * 32:]);
      node = (index >> level) & 1 == 0 ? Hashing.pair(node, sibling) : Hashing.pair(sibling, node);
    }
  }

  /// @notice Root of a tensor tree of `depth` (at most 32) levels that holds the opened leaves, at least one. Reverts
  /// unless their numbers ascend strictly and lie inside the tree and `path` is all that is missing.
  function rootOf(Opening memory opening, uint256 depth, bytes calldata path) internal view returns (bytes32 root) {
    _checkNumbers(opening, depth);
    uint256 nodes = _hashLeaves(opening);
    uint256 numbers = _unpack(opening);
    uint256 used;
    (root, used) = _climb(nodes, numbers, opening.count, depth, path);
    if (path.length != used) revert PathLength(path.length, used);
  }

  /// @notice Tensor root of raw bytes.
  function rootOfBytes(bytes calldata tensor) internal view returns (bytes32) {
    uint256 leaves = tensor.length == 0 ? 1 : (tensor.length + LEAF_BYTES - 1) / LEAF_BYTES;
    bytes32[] memory nodes = new bytes32[](leaves + 1);
    bytes memory padded = new bytes(leaves * LEAF_BYTES);
    assembly ("memory-safe") {
      calldatacopy(add(padded, 32), tensor.offset, tensor.length)
    }
    uint256 data;
    assembly ("memory-safe") {
      data := add(padded, 32)
    }
    for (uint256 i = 0; i < leaves; ++i) nodes[i] = Hashing.memoryRange(data + i * LEAF_BYTES, LEAF_BYTES);
    return rootOfNodes(nodes, leaves, ZERO_LEAF);
  }

  /// @notice Root over nodes[0..count), padded to a power of two with `pad`. Overwrites `nodes`.
  /// @param nodes Has room for one more than `count`, which is at least 1.
  function rootOfNodes(bytes32[] memory nodes, uint256 count, bytes32 pad) internal view returns (bytes32) {
    while (count > 1) {
      if (count % 2 == 1) nodes[count++] = pad;
      count /= 2;
      for (uint256 i = 0; i < count; ++i) nodes[i] = Hashing.pair(nodes[2 * i], nodes[2 * i + 1]);
      pad = Hashing.pair(pad, pad);
    }
    return nodes[0];
  }

  function _checkNumbers(Opening memory opening, uint256 depth) private pure {
    uint256 count = opening.count;
    uint256 previous = opening.number(0);
    for (uint256 i = 1; i < count; ++i) {
      uint256 number = opening.number(i);
      if (number <= previous) revert LeavesNotAscending(i);
      previous = number;
    }
    if (previous >> depth != 0) revert NoSuchLeaf(previous, depth);
  }

  /// @dev Hashes of the leaves, contiguous at the returned address.
  function _hashLeaves(Opening memory opening) private view returns (uint256 nodes) {
    bytes32[] memory hashes = new bytes32[](opening.count);
    for (uint256 i = 0; i < hashes.length; ++i) {
      hashes[i] = Hashing.memoryRange(opening.data + i * LEAF_BYTES, LEAF_BYTES);
    }
    assembly ("memory-safe") {
      nodes := add(hashes, 32)
    }
  }

  /// @dev The leaf numbers, a word each, contiguous at the returned address.
  function _unpack(Opening memory opening) private pure returns (uint256 words) {
    uint256[] memory numbers = new uint256[](opening.count);
    for (uint256 i = 0; i < numbers.length; ++i) numbers[i] = opening.number(i);
    assembly ("memory-safe") {
      words := add(numbers, 32)
    }
  }

  /// @dev Reduces `count` nodes (with their numbers, ascending, below 2^depth) level by level in place. Reads and writes
  /// stay inside the two arrays of `count` words: a level has at most as many nodes as the one below it. Siblings are read
  /// from `path` one after another, zero behind its end: the caller compares `used` with its length.
  function _climb(
    uint256 nodes,
    uint256 numbers,
    uint256 count,
    uint256 depth,
    bytes calldata path
  ) private view returns (bytes32 root, uint256 used) {
    uint256 pathLength = path.length;
    uint256 ok = 1;
    assembly ("memory-safe") {
      for {} depth {
        depth := sub(depth, 1)
      } {
        let end := shl(5, count)
        let to := 0
        for {
          let from := 0
        } lt(from, end) {} {
          let leaf := mload(add(numbers, from))
          let pair := add(nodes, from)
          let next := add(from, 32)
          // leaf + 1 is the right sibling of an even number
          switch and(and(iszero(and(leaf, 1)), lt(next, end)), eq(mload(add(numbers, next)), add(leaf, 1)))
          case 1 {
            from := add(next, 32)
          }
          default {
            let sibling := 0
            if lt(used, pathLength) {
              sibling := calldataload(add(path.offset, used))
            }
            used := add(used, 32)
            let side := shl(5, and(leaf, 1))
            mstore(side, mload(pair))
            mstore(xor(side, 32), sibling)
            pair := 0
            from := next
          }
          let done := staticcall(gas(), 2, pair, 64, add(nodes, to), 32)
          ok := and(ok, and(done, eq(returndatasize(), 32)))
          mstore(add(numbers, to), shr(1, leaf))
          to := add(to, 32)
        }
        count := shr(5, to)
      }
      root := mload(nodes)
    }
    if (ok == 0) revert Hashing.HashFailed();
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

// solhint-disable gas-custom-errors

import {Leaves} from "../interfaces/IReferee.sol";
import {Opening, Openings} from "./Openings.sol";
import {TensorTree} from "./TensorTree.sol";

contract TensorTreeTest {
  uint256 private constant LEAF = 256;

  function open(Leaves calldata leaves, uint256 depth) external view returns (bytes32) {
    return TensorTree.rootOf(Openings.load(leaves, 0), depth, leaves.path);
  }

  function read(Leaves calldata leaves, uint256 offset, uint256 length) external pure returns (bytes memory found) {
    Opening memory opening = Openings.load(leaves, 7);
    // twice, from the binary search and from what it remembers
    require(Openings.locate(opening, offset, length) == Openings.locate(opening, offset, length), "hint");
    uint256 ptr = Openings.locate(opening, offset, length);
    found = new bytes(length);
    for (uint256 i = 0; i < length; ++i) {
      bytes32 word;
      assembly ("memory-safe") {
        word := mload(add(ptr, i))
      }
      found[i] = word[0];
    }
  }

  function rootOfBytes(bytes calldata tensor) external view returns (bytes32) {
    return TensorTree.rootOfBytes(tensor);
  }

  function climb(bytes32 leaf, uint256 index, uint256 depth, bytes calldata path) external view returns (bytes32) {
    return TensorTree.rootOf(leaf, index, depth, path);
  }

  /// @dev A whole tree, level by level, the obvious way.
  function _levels(bytes memory data, uint256 depth) private pure returns (bytes32[][] memory levels) {
    levels = new bytes32[][](depth + 1);
    levels[0] = new bytes32[](1 << depth);
    for (uint256 i = 0; i < 1 << depth; ++i) levels[0][i] = sha256(_slice(data, i * LEAF, LEAF));
    for (uint256 level = 1; level <= depth; ++level) {
      levels[level] = new bytes32[](1 << (depth - level));
      for (uint256 i = 0; i < levels[level].length; ++i) {
        levels[level][i] = sha256(abi.encodePacked(levels[level - 1][2 * i], levels[level - 1][2 * i + 1]));
      }
    }
  }

  function _slice(bytes memory data, uint256 start, uint256 length) private pure returns (bytes memory part) {
    part = new bytes(length);
    for (uint256 i = 0; i < length && start + i < data.length; ++i) part[i] = data[start + i];
  }

  /// @dev Leaves whose bit is set in `mask`, with the siblings that are not known: those of which no opened leaf is below.
  function _prove(
    bytes memory data,
    bytes32[][] memory levels,
    uint256 mask
  ) private pure returns (Leaves memory leaves) {
    bool[] memory known = new bool[](levels[0].length);
    for (uint256 i = 0; i < known.length; ++i) {
      if ((mask >> i) & 1 == 0) continue;
      known[i] = true;
      leaves.indices = abi.encodePacked(leaves.indices, uint32(i));
      leaves.data = abi.encodePacked(leaves.data, _slice(data, i * LEAF, LEAF));
    }
    for (uint256 level = 0; level + 1 < levels.length; ++level) {
      bool[] memory above = new bool[](levels[level + 1].length);
      for (uint256 i = 0; i < above.length; ++i) {
        (bool left, bool right) = (known[2 * i], known[2 * i + 1]);
        above[i] = left || right;
        if (above[i] && !left) leaves.path = abi.encodePacked(leaves.path, levels[level][2 * i]);
        if (above[i] && !right) leaves.path = abi.encodePacked(leaves.path, levels[level][2 * i + 1]);
      }
      known = above;
    }
  }

  function _mask(uint256 mask, uint256 depth) private pure returns (uint256) {
    mask &= (1 << (1 << depth)) - 1;
    return mask == 0 ? 1 : mask;
  }

  function testFuzz_multiProof(bytes memory data, uint256 mask, uint256 depth) public view {
    depth = depth % 5;
    bytes32[][] memory levels = _levels(data, depth);
    Leaves memory leaves = _prove(data, levels, _mask(mask, depth));
    require(this.open(leaves, depth) == levels[depth][0], "root");
  }

  function testFuzz_tamperedMultiProof(bytes memory data, uint256 mask, uint256 depth, uint256 where) public view {
    depth = depth % 5;
    bytes32[][] memory levels = _levels(data, depth);
    Leaves memory leaves = _prove(data, levels, _mask(mask, depth));
    uint256 bytesTotal = leaves.data.length + leaves.path.length;
    where = where % bytesTotal;
    if (where < leaves.data.length) leaves.data[where] ^= 0x40;
    else leaves.path[where - leaves.data.length] ^= 0x01;
    require(this.open(leaves, depth) != levels[depth][0], "accepted");
  }

  function testFuzz_refusesOtherPathLengths(bytes memory data, uint256 mask, uint256 depth) public view {
    depth = depth % 5;
    Leaves memory leaves = _prove(data, _levels(data, depth), _mask(mask, depth));
    bytes memory path = leaves.path;
    leaves.path = abi.encodePacked(path, bytes32(0));
    require(_refused(leaves, depth), "longer");
    if (path.length == 0) return;
    leaves.path = _slice(path, 0, path.length - 32);
    require(_refused(leaves, depth), "shorter");
  }

  function testFuzz_refusesDisorder(bytes memory data, uint256 depth, uint32 a, uint32 b) public view {
    depth = 1 + (depth % 4);
    (a, b) = (uint32(a % (1 << depth)), uint32(b % (1 << depth)));
    if (a < b) (a, b) = (b, a);
    Leaves memory leaves = _prove(data, _levels(data, depth), 3);
    leaves.indices = abi.encodePacked(a, b); // equal or descending
    require(_refused(leaves, depth), "disorder");
    leaves.indices = abi.encodePacked(uint32(0), uint32(1 << depth));
    require(_refused(leaves, depth), "outside");
    leaves.indices = abi.encodePacked(uint32(0), uint32(1), uint8(0));
    require(_refused(leaves, depth), "length");
  }

  function _refused(Leaves memory leaves, uint256 depth) private view returns (bool) {
    try this.open(leaves, depth) returns (bytes32) {
      return false;
    } catch {
      return true;
    }
  }

  function testFuzz_reads(bytes memory data, uint256 mask, uint256 offset, uint256 length) public view {
    uint256 depth = 3;
    mask = _mask(mask, depth);
    Leaves memory leaves = _prove(data, _levels(data, depth), mask);
    offset = offset % (LEAF << depth);
    length = 1 + (length % ((LEAF << depth) - offset));
    bool opened = true;
    for (uint256 i = offset / LEAF; i <= (offset + length - 1) / LEAF; ++i) {
      if ((mask >> i) & 1 == 0) opened = false;
    }
    try this.read(leaves, offset, length) returns (bytes memory found) {
      require(opened && keccak256(found) == keccak256(_slice(data, offset, length)), "read");
    } catch (bytes memory reason) {
      require(!opened && bytes4(reason) == Openings.LeafMissing.selector, "missing");
    }
  }

  function testFuzz_rootOfBytes(bytes memory data) public view {
    uint256 depth = TensorTree.tensorDepth(data.length);
    require(1 << depth < 2 * (data.length / LEAF + 1), "no deeper than needed");
    require(this.rootOfBytes(data) == _levels(data, depth)[depth][0], "root");
  }

  function testFuzz_path(bytes memory data, uint256 depth, uint256 index) public view {
    depth = depth % 5;
    index = index % (1 << depth);
    bytes32[][] memory levels = _levels(data, depth);
    Leaves memory leaves = _prove(data, levels, 1 << index);
    require(this.climb(levels[0][index], index, depth, leaves.path) == levels[depth][0], "root");
    try this.climb(levels[0][index], index + (1 << depth), depth, leaves.path) returns (bytes32) {
      revert("an index outside the tree");
    } catch {}
  }
}

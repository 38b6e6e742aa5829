// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IDisputeGame} from "../interfaces/IDisputeGame.sol";
import {FixtureTree} from "../test/FixtureTree.sol";
import {VM, check} from "../test/Vm.sol";
import {Trees} from "./Trees.sol";

contract TreesTest {
  function subtreeRoot(bytes calldata nodes, uint256 levels, bytes32 pad) public view returns (bytes32) {
    return Trees.subtreeRoot(nodes, levels, pad);
  }

  function climb(bytes32 node, uint256 index, bytes calldata path, uint256 levels) public view returns (bytes32) {
    return Trees.climb(node, index, path, 0, levels);
  }

  function test_paddingConstant() public pure {
    check(Trees.TENSOR_PADDING == sha256(new bytes(256)), "sha256 of a zero leaf");
  }

  function testFuzz_subtreeRootIsThatOfThePaddedTree(bytes32 seed, uint8 levels, uint8 count, bytes32 pad) public view {
    levels %= 7;
    count = uint8(1 + (count % (1 << levels)));
    bytes32[] memory leaves = new bytes32[](count);
    for (uint256 i = 0; i < count; ++i) leaves[i] = keccak256(abi.encode(seed, i));
    bytes32[][] memory tree = FixtureTree.build(leaves, levels, pad);
    check(this.subtreeRoot(abi.encodePacked(leaves), levels, pad) == FixtureTree.root(tree), "root");
  }

  function testFuzz_climbReachesTheRoot(bytes32 seed, uint8 depth, uint8 index) public view {
    depth %= 8;
    index = uint8(index % (1 << depth));
    bytes32[] memory leaves = new bytes32[](1 << depth);
    for (uint256 i = 0; i < leaves.length; ++i) leaves[i] = keccak256(abi.encode(seed, i));
    bytes32[][] memory tree = FixtureTree.build(leaves, depth, 0);
    bytes memory path = FixtureTree.path(tree, 0, index, depth);
    check(this.climb(leaves[index], index, path, depth) == FixtureTree.root(tree), "root");
  }

  function testFuzz_paddingIsTheRootOfAnEmptyTree(uint8 height, bool tensor) public view {
    height %= 8;
    bytes32 pad = tensor ? sha256(new bytes(256)) : bytes32(0);
    bytes32[][] memory tree = FixtureTree.build(new bytes32[](0), height, pad);
    check(Trees.padding(tensor, height) == FixtureTree.root(tree), "padding");
  }

  function test_refusesNoNodesTooManyAndBrokenOnes() public {
    uint256[3] memory lengths = [uint256(0), 65 * 32, 33];
    for (uint256 i = 0; i < 3; ++i) {
      VM.expectPartialRevert(IDisputeGame.ChildrenLengthIs.selector);
      this.subtreeRoot(new bytes(lengths[i]), 6, 0);
    }
  }
}

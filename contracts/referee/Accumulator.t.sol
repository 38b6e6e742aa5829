// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

// solhint-disable gas-custom-errors

import {Accumulator, Accumulators} from "./Accumulator.sol";
import {Value, Values} from "./Value.sol";

contract AccumulatorTest {
  using Accumulators for Accumulator;

  uint256 private constant ONE = 0x3f800000;

  function _f32(uint256 bits) private pure returns (Value memory) {
    return Values.decode(Values.F32, bits);
  }

  function _addStored(Accumulator memory sum, uint256[4] memory element) private pure {
    uint256 ptr;
    assembly ("memory-safe") {
      ptr := element
    }
    sum.addStored(ptr);
  }

  function _same(Accumulator memory a, Accumulator memory b) private pure returns (bool) {
    return keccak256(abi.encode(a.store())) == keccak256(abi.encode(b.store()));
  }

  function testFuzz_storesWhatItLoads(uint256[4] memory element) public pure {
    Accumulator memory sum;
    _addStored(sum, element);
    uint256 class = Accumulators.reverse(element[3]) >> 224;
    uint256[4] memory again = sum.store();
    if (class == Values.FINITE) {
      require(keccak256(abi.encode(again)) == keccak256(abi.encode(element)), "finite");
    } else {
      uint256 canonical = class > Values.NEG_INF ? Values.NAN : class;
      require(again[0] | again[1] | again[2] == 0 && again[3] == canonical << 24, "canonical");
    }
  }

  function testFuzz_splittingASumDoesNotRound(uint32[12] memory bits, uint256 cut) public pure {
    Accumulator memory whole;
    Accumulator memory head;
    Accumulator memory tail;
    cut = cut % 12;
    for (uint256 i = 0; i < 12; i += 2) {
      (Value memory a, Value memory b) = (_f32(bits[i]), _f32(bits[i + 1]));
      whole.addProduct(a, b);
      (i < cut ? head : tail).addProduct(a, b);
    }
    Accumulator memory joined;
    _addStored(joined, tail.store());
    _addStored(joined, head.store());
    require(_same(whole, joined), "joined");
    require(whole.round(Values.F32) == joined.round(Values.F32), "rounded");
  }

  function testFuzz_roundsOneTermAsItself(uint32 bits) public pure {
    Accumulator memory sum;
    Value memory v = _f32(bits);
    sum.add(v);
    uint256 canonical =
      v.class == Values.NAN
        ? 0x7fc00000
        : v.class == Values.FINITE && v.m == 0
          ? 0
          : bits;
    require(sum.round(Values.F32) == canonical, "add");
    Accumulator memory products;
    products.addProduct(_f32(ONE), v);
    require(products.round(Values.F32) == canonical, "addProduct");
  }

  function testFuzz_sumsCancel(uint32[8] memory bits) public pure {
    Accumulator memory sum;
    for (uint256 i = 0; i < 8; ++i) {
      Value memory v = _f32(bits[i] & 0xff7fffff); // finite
      sum.addProduct(v, v);
      sum.add(v);
    }
    for (uint256 i = 0; i < 8; ++i) {
      Value memory v = _f32(bits[i] & 0xff7fffff);
      Value memory w = _f32((bits[i] & 0xff7fffff) ^ 0x80000000);
      sum.addProduct(v, w);
      sum.add(w);
    }
    uint256[4] memory zero;
    require(!sum.negative() && keccak256(abi.encode(sum.store())) == keccak256(abi.encode(zero)), "zero");
  }

  function testFuzz_sign(uint32 a, uint32 b) public pure {
    Value memory x = _f32(a & 0xff7fffff);
    Value memory y = _f32(b & 0xff7fffff);
    Accumulator memory sum;
    sum.add(x);
    sum.addProduct(y, _f32(ONE | 0x80000000));
    uint256 rounded = sum.round(Values.F32); // a difference of floats rounds to 0 only if it is 0
    require(sum.negative() == (rounded >> 31 == 1), "sign");
  }
}

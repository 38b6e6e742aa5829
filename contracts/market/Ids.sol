// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Request, RequestId, ResultId} from "../interfaces/Types.sol";

/// @notice Ids of requests and results, the same in market and game.
/// @dev INVARIANT I-9: a RequestId binds chain, market and every field of the request, the snapshots of terms and parameters
/// included. Nothing that governs a request can change under it.
library Ids {
  /// @dev A Request has 14 static fields, one word each, in calldata as in memory.
  uint256 private constant REQUEST_BYTES = 14 * 32;

  /// @notice keccak256(abi.encode(chainid, market, request)).
  /// @dev Hashes the words as they came: a field with dirty high bits gives the id of no request.
  function requestId(Request calldata request, address market) internal view returns (RequestId id) {
    // Writes beyond the free memory pointer only, 512 bytes.
    assembly ("memory-safe") {
      let buffer := mload(64)
      mstore(buffer, chainid())
      mstore(add(buffer, 32), market)
      calldatacopy(add(buffer, 64), request, REQUEST_BYTES)
      id := keccak256(buffer, add(REQUEST_BYTES, 64))
    }
  }

  /// @notice The same of a request in memory.
  function requestIdOfMemory(Request memory request, address market) internal view returns (RequestId id) {
    // Writes beyond the free memory pointer only, 512 bytes.
    assembly ("memory-safe") {
      let buffer := mload(64)
      mstore(buffer, chainid())
      mstore(add(buffer, 32), market)
      mcopy(add(buffer, 64), request, REQUEST_BYTES)
      id := keccak256(buffer, add(REQUEST_BYTES, 64))
    }
  }

  function resultId(RequestId requestId_, address operator, bytes32 outputHash) internal pure returns (ResultId) {
    return ResultId.wrap(keccak256(abi.encode(requestId_, operator, outputHash)));
  }
}

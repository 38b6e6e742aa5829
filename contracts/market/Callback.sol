// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceCallback} from "../interfaces/IInferenceCallback.sol";
import {RequestId} from "../interfaces/Types.sol";

/// @notice A call that cannot hurt its caller.
library Callback {
  /// @dev What the caller needs afterwards, and the cost of the call itself (gas).
  uint256 private constant RESERVE = 15_000;

  /// @notice Calls `onInference` on `target` with exactly `callbackGas`, if there is gas enough to give it that (EIP-150 keeps
  /// 1/64) and to finish after it.
  /// @return gasNow Gas left before the call.
  /// @return needed Least `gasNow`; if it is more, no call was made.
  /// @return success False if the call failed or `target` has no code.
  function send(
    RequestId requestId,
    address target,
    uint64 nonce,
    uint256 callbackGas,
    bytes calldata output
  ) internal returns (uint256 gasNow, uint256 needed, bool success) {
    bytes memory data = abi.encodeCall(IInferenceCallback.onInference, (requestId, nonce, output));
    bool hasCode = target.code.length != 0;
    gasNow = gasleft();
    needed = (callbackGas * 64) / 63 + RESERVE;
    if (gasNow < needed || !hasCode) return (gasNow, needed, false);
    // Reads `data` only; no return data is copied.
    assembly ("memory-safe") {
      success := call(callbackGas, target, 0, add(data, 32), mload(data), 0, 0)
    }
  }
}

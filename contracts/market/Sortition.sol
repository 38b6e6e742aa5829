// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {RequestId} from "../interfaces/Types.sol";

/// @notice Spreads the operators of an open request over time, so that they do not all answer at once. Congestion control, never
/// security: whoever answers is judged alike.
library Sortition {
  /// @notice Delay of an operator's turn after the request, rounded down, seconds. Uniform between 0 and turnEthSeconds /
  /// stake, by a hash that neither can choose without changing the request or the account.
  /// @dev INVARIANT I-10: the delay is at most `capSeconds`, so that any bonded operator may answer in what is left.
  /// @param stakeWei Stake that was active before the request; 0 waits for the cap.
  /// @param turnEthSeconds Scale, ether * seconds; 0: no turns.
  function delayDown(
    RequestId requestId,
    address operator,
    uint256 stakeWei,
    uint256 turnEthSeconds,
    uint256 capSeconds
  ) internal pure returns (uint256) {
    if (turnEthSeconds == 0) return 0;
    if (stakeWei == 0) return capSeconds;
    uint256 draw = uint64(uint256(keccak256(abi.encode(requestId, operator))));
    // Below 2^16 * 2^60 * 2^64: no overflow.
    uint256 delay = ((turnEthSeconds * 1 ether * draw) >> 64) / stakeWei;
    return delay < capSeconds ? delay : capSeconds;
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Parameters, ParameterSet} from "../interfaces/Types.sol";

/// @notice Layout, from the low bits: protocolFeeBps 16, minWindow 24, maxWindow 24, operatorClock 24, challengerClock 24,
/// challengerBondGwei 32, selectDepositGwei 32, responseGas 24, turnEthSeconds 16; the 40 bits above are zero (the market keeps
/// its pause there).
library ParametersLib {
  using ParametersLib for Parameters;

  uint256 internal constant BITS = 216;

  function pack(ParameterSet memory set) internal pure returns (Parameters) {
    return
      Parameters.wrap(
        uint256(set.protocolFeeBps) |
          (uint256(set.minWindow) << 16) |
          (uint256(set.maxWindow) << 40) |
          (uint256(set.operatorClock) << 64) |
          (uint256(set.challengerClock) << 88) |
          (uint256(set.challengerBondGwei) << 112) |
          (uint256(set.selectDepositGwei) << 144) |
          (uint256(set.responseGas) << 176) |
          (uint256(set.turnEthSeconds) << 200)
      );
  }

  function unpack(Parameters parameters) internal pure returns (ParameterSet memory) {
    return
      ParameterSet({
        protocolFeeBps: uint16(parameters.protocolFeeBps()),
        minWindow: uint24(parameters.minWindow()),
        maxWindow: uint24(parameters.maxWindow()),
        operatorClock: uint24(parameters.operatorClock()),
        challengerClock: uint24(parameters.challengerClock()),
        challengerBondGwei: uint32(Parameters.unwrap(parameters) >> 112),
        selectDepositGwei: uint32(Parameters.unwrap(parameters) >> 144),
        responseGas: uint24(parameters.responseGas()),
        turnEthSeconds: uint16(parameters.turnEthSeconds())
      });
  }

  function protocolFeeBps(Parameters parameters) internal pure returns (uint256) {
    return uint16(Parameters.unwrap(parameters));
  }

  function minWindow(Parameters parameters) internal pure returns (uint256) {
    return uint24(Parameters.unwrap(parameters) >> 16);
  }

  function maxWindow(Parameters parameters) internal pure returns (uint256) {
    return uint24(Parameters.unwrap(parameters) >> 40);
  }

  function operatorClock(Parameters parameters) internal pure returns (uint256) {
    return uint24(Parameters.unwrap(parameters) >> 64);
  }

  function challengerClock(Parameters parameters) internal pure returns (uint256) {
    return uint24(Parameters.unwrap(parameters) >> 88);
  }

  /// @return Least bond of a game, wei.
  function challengerBondWei(Parameters parameters) internal pure returns (uint256) {
    return uint256(uint32(Parameters.unwrap(parameters) >> 112)) * 1 gwei;
  }

  /// @return Least deposit of a select, wei.
  function selectDepositWei(Parameters parameters) internal pure returns (uint256) {
    return uint256(uint32(Parameters.unwrap(parameters) >> 144)) * 1 gwei;
  }

  function responseGas(Parameters parameters) internal pure returns (uint256) {
    return uint24(Parameters.unwrap(parameters) >> 176);
  }

  function turnEthSeconds(Parameters parameters) internal pure returns (uint256) {
    return uint16(Parameters.unwrap(parameters) >> 200);
  }
}

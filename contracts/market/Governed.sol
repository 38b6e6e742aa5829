// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {Parameters, ParameterSet} from "../interfaces/Types.sol";
import {ParametersLib} from "./Parameters.sol";

/// @notice All that a role can do: bounded parameters of later requests, and a pause of new requests that ends by itself.
/// @dev INVARIANT I-19: no restricted function touches a request that exists, a stake, or a game.
abstract contract Governed is IInferenceMarket, AccessManaged {
  using ParametersLib for Parameters;

  uint256 public constant MAX_PROTOCOL_FEE_BPS = 1_000;
  /// @dev Longest window, answering period and clock, seconds.
  uint256 public constant MAX_SECONDS = 60 days;
  /// @dev A challenge window that all parameters allow.
  uint256 public constant COMMON_WINDOW = 7 days;
  /// @dev Most that a challenger may have to lock for a game or a select, gwei.
  uint256 public constant MAX_CHALLENGER_BOND_GWEI = 1e9;
  uint256 public constant MAX_SELECT_DEPOSIT_GWEI = 1e8;
  uint256 public constant MAX_PAUSE = 3 days;
  uint256 public constant PAUSE_GAP = 4 days;
  /// @notice Least challenge window and clock that parameters may set, seconds.
  uint256 public immutable floorSeconds;

  /// @dev Parameters, with the end of the pause (unix seconds, 40 bits) above them: one read for both.
  uint256 private _governed;

  constructor(address authority_, uint256 floorSeconds_, ParameterSet memory set) AccessManaged(authority_) {
    floorSeconds = floorSeconds_;
    _setParameters(set);
  }

  /// @inheritdoc IInferenceMarket
  function setParameters(ParameterSet calldata set) external restricted {
    _setParameters(set);
  }

  /// @inheritdoc IInferenceMarket
  function pause(uint256 duration) external restricted {
    // INVARIANT I-20: a pause lasts at most three days, and four days pass before the next.
    if (duration == 0 || duration > MAX_PAUSE) revert PauseOutOfBounds(duration, MAX_PAUSE);
    uint256 allowedAt = pausedUntil() + PAUSE_GAP;
    if (block.timestamp < allowedAt) revert PauseTooSoon(allowedAt);
    _setPause(block.timestamp + duration);
  }

  /// @inheritdoc IInferenceMarket
  function unpause() external restricted {
    if (block.timestamp < pausedUntil()) _setPause(block.timestamp);
  }

  /// @inheritdoc IInferenceMarket
  function parameters() external view returns (ParameterSet memory) {
    return packedParameters().unpack();
  }

  /// @inheritdoc IInferenceMarket
  function packedParameters() public view returns (Parameters) {
    return Parameters.wrap(_governed & ((1 << ParametersLib.BITS) - 1));
  }

  /// @inheritdoc IInferenceMarket
  function pausedUntil() public view returns (uint256) {
    return _governed >> ParametersLib.BITS;
  }

  function _parametersUnlessPaused() internal view returns (Parameters) {
    uint256 governed = _governed;
    uint256 until = governed >> ParametersLib.BITS;
    if (block.timestamp < until) revert RequestsPaused(until);
    return Parameters.wrap(governed & ((1 << ParametersLib.BITS) - 1));
  }

  /// @dev INVARIANT I-21: windows and clocks are never below the network's floor, fees and challengers' stakes never above their
  /// caps, and a window of seven days is always allowed.
  function _setParameters(ParameterSet memory set) private {
    bool bounded =
      set.protocolFeeBps <= MAX_PROTOCOL_FEE_BPS &&
        set.minWindow >= floorSeconds &&
        set.minWindow != 0 &&
        set.minWindow <= COMMON_WINDOW &&
        set.maxWindow >= COMMON_WINDOW &&
        set.maxWindow <= MAX_SECONDS &&
        set.operatorClock >= floorSeconds &&
        set.operatorClock <= MAX_SECONDS &&
        set.challengerClock >= floorSeconds &&
        set.challengerClock <= MAX_SECONDS &&
        set.challengerBondGwei <= MAX_CHALLENGER_BOND_GWEI &&
        set.selectDepositGwei <= MAX_SELECT_DEPOSIT_GWEI;
    if (!bounded) revert ParameterOutOfBounds(set);
    Parameters packed = ParametersLib.pack(set);
    _governed = Parameters.unwrap(packed) | (pausedUntil() << ParametersLib.BITS);
    emit ParametersChanged(packed);
  }

  function _setPause(uint256 until) private {
    _governed = Parameters.unwrap(packedParameters()) | (until << ParametersLib.BITS);
    emit PausedUntil(until);
  }
}

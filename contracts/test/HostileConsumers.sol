// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceCallback} from "../interfaces/IInferenceCallback.sol";
import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {Request, RequestId} from "../interfaces/Types.sol";

/// @notice A requester whose callback behaves as told.
contract HostileConsumer is IInferenceCallback {
  enum Mood {
    Accept,
    Revert,
    BurnGas,
    ReturnBomb,
    RevertBomb,
    Reenter
  }

  error Refused();

  Mood public mood;
  uint256 public calls;
  uint256 public gasSeen;
  bytes32 public outputHash;
  bool public reentered;

  IInferenceMarket private _market;
  Request private _request;
  address private _operator;

  function setMood(Mood mood_) external {
    mood = mood_;
  }

  function armReentry(IInferenceMarket market, Request calldata request, address operator) external {
    (_market, _operator) = (market, operator);
    _request = request;
  }

  function onInference(RequestId, uint64, bytes calldata output) external {
    if (mood == Mood.Revert) revert Refused();
    if (mood == Mood.BurnGas) {
      while (true) {}
    }
    if (mood == Mood.ReturnBomb || mood == Mood.RevertBomb) {
      bool reverts = mood == Mood.RevertBomb;
      assembly {
        if reverts {
          revert(0, 200000)
        }
        return(0, 200000)
      }
    }
    if (mood == Mood.Reenter) {
      try _market.finalize(_request, _operator, output) {
        reentered = true;
      } catch {}
      try _market.deliver(_request, _operator, output) {
        reentered = true;
      } catch {}
      try _market.refund(_request) {
        reentered = true;
      } catch {}
    }
    gasSeen = gasleft();
    outputHash = keccak256(output);
    ++calls;
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {InferenceSchedule} from "../feeds/InferenceSchedule.sol";
import {Recurring} from "../feeds/Recurring.sol";

/// @notice Receives tips, pokes, owns schedules and is scheduled: as badly as told.
contract HostilePoker {
  enum Mood {
    Accept,
    Refuse,
    PokeAgain,
    WithdrawAll,
    Cancel
  }

  error Refused();

  Mood public mood;
  uint256 public calls;
  /// @notice Whether the reentrant call succeeded.
  bool public reentered;

  function setMood(Mood mood_) external {
    mood = mood_;
  }

  function poke(Recurring target) external returns (uint256) {
    return target.poke(address(this));
  }

  /// @notice What a schedule calls.
  function tick() external payable {
    _act(payable(msg.sender));
  }

  receive() external payable {
    _act(payable(msg.sender));
  }

  function _act(address payable caller) private {
    if (mood == Mood.Refuse) revert Refused();
    ++calls;
    Mood now_ = mood;
    // Once: what it does may send to it.
    mood = Mood.Accept;
    if (now_ == Mood.PokeAgain) {
      try Recurring(caller).poke(address(this)) {
        reentered = true;
      } catch {}
    }
    if (now_ == Mood.WithdrawAll) {
      try Recurring(caller).withdraw(caller.balance, address(this)) {
        reentered = true;
      } catch {}
    }
    if (now_ == Mood.Cancel) {
      try InferenceSchedule(caller).cancel(address(this)) {
        reentered = true;
      } catch {}
    }
    if (now_ != Mood.Accept) mood = now_;
  }
}

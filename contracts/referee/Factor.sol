// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice One operand of a kernel.
/// @param ptr Address of its elements as stored.
/// @param step 32 if they follow each other there; 0 if the word there is read again and again.
/// @param flip 8-bit integers: exclusive-or that makes them unsigned.
/// @param zero 8-bit integers: what is subtracted from each of the unsigned ones.
/// @param word Room for the repeated word.
struct Factor {
  uint256 ptr;
  uint256 step;
  uint256 flip;
  int256 zero;
  uint256 word;
}

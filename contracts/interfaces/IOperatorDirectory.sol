// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ReleaseId} from "./Types.sol";

/// @notice What an operator asks for one answer: feeWei + (gas + callback gas) * (base fee + tip) * gasPercent / 100. A price in
/// gas follows the base fee by itself, so an offer need not change with it.
/// @param feeWei Fixed part of the price, wei.
/// @param gas Gas of answering and finalizing without the callback.
/// @param tipMwei Tip that it pays for each unit of gas, millions of wei.
/// @param gasPercent What gas is charged at, percent of base fee and tip; 0: the price is `feeWei` alone.
/// @param maxBondWei Largest bond that the operator takes on, wei; 0: there is no offer.
struct Offer {
  uint96 feeWei;
  uint24 gas;
  uint24 tipMwei;
  uint16 gasPercent;
  uint96 maxBondWei;
}

/// @notice Where operators can be reached, and at which price they answer. Everyone speaks for itself.
/// @dev Warning: what is said here binds nobody, proves nothing and costs only gas. Look at an operator's stake, and give a
/// request a deadline. Endpoints may be any text of the right length, or somebody else's.
interface IOperatorDirectory {
  struct ReleaseOffer {
    ReleaseId releaseId;
    Offer offer;
  }

  /// @param endpoints Base URLs, in place of all earlier ones of the operator.
  event EndpointsAnnounced(address indexed operator, string[] endpoints);
  /// @param offer In place of the operator's earlier offer for this release; none if `maxBondWei` is 0.
  event OfferChanged(address indexed operator, ReleaseId indexed releaseId, Offer offer);

  error TooManyEndpoints(uint256 count, uint256 max);
  error EndpointLengthIs(uint256 length, uint256 max);
  error EndpointNotPrintable(string endpoint);
  error NoOffer(address operator, ReleaseId releaseId);

  /// @notice Announces the caller's endpoints, all of them, and those of its offers that change.
  /// @param endpoints Base URLs such as https://example.org, printable ASCII without spaces; empty: none any more.
  function announce(string[] calldata endpoints, ReleaseOffer[] calldata offers) external;

  /// @return offer All zero if there is none.
  function offerOf(address operator, ReleaseId releaseId) external view returns (Offer memory offer);

  /// @notice Fee to send with a request that names this operator, in this block, rounded up, wei.
  /// @dev Warning: a node that simulates a call without a gas price may take the base fee for 0; compute it from `offerOf` there.
  function quote(address operator, ReleaseId releaseId, uint32 callbackGas) external view returns (uint256 feeWei);
}

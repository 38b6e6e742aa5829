// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IOperatorDirectory, Offer} from "../interfaces/IOperatorDirectory.sol";
import {ReleaseId} from "../interfaces/Types.sol";

/// @title The operators' directory
/// @dev INVARIANT I-37: only an account itself changes what the directory says of it; the directory holds no wei, has no role,
/// and no other contract reads it.
contract OperatorDirectory is IOperatorDirectory {
  uint256 public constant MAX_ENDPOINTS = 4;
  /// @dev Longest endpoint, bytes.
  uint256 public constant MAX_ENDPOINT_BYTES = 128;

  mapping(address operator => mapping(ReleaseId => Offer)) private _offers;

  /// @inheritdoc IOperatorDirectory
  function announce(string[] calldata endpoints, ReleaseOffer[] calldata offers) external {
    if (endpoints.length > MAX_ENDPOINTS) revert TooManyEndpoints(endpoints.length, MAX_ENDPOINTS);
    for (uint256 i = 0; i < endpoints.length; ++i) _checkEndpoint(endpoints[i]);
    for (uint256 i = 0; i < offers.length; ++i) {
      (ReleaseId releaseId, Offer calldata offer) = (offers[i].releaseId, offers[i].offer);
      _offers[msg.sender][releaseId] = offer;
      emit OfferChanged(msg.sender, releaseId, offer);
    }
    emit EndpointsAnnounced(msg.sender, endpoints);
  }

  /// @inheritdoc IOperatorDirectory
  function offerOf(address operator, ReleaseId releaseId) external view returns (Offer memory) {
    return _offers[operator][releaseId];
  }

  /// @inheritdoc IOperatorDirectory
  function quote(address operator, ReleaseId releaseId, uint32 callbackGas) external view returns (uint256) {
    Offer memory offer = _offers[operator][releaseId];
    if (offer.maxBondWei == 0) revert NoOffer(operator, releaseId);
    uint256 gas = uint256(offer.gas) + callbackGas;
    uint256 weiPerGas = block.basefee + uint256(offer.tipMwei) * 1e6;
    return offer.feeWei + (gas * weiPerGas * offer.gasPercent + 99) / 100;
  }

  /// @dev Printable ASCII only, so that every reader decodes it alike and no terminal obeys it.
  function _checkEndpoint(string calldata endpoint) private pure {
    uint256 length = bytes(endpoint).length;
    if (length == 0 || length > MAX_ENDPOINT_BYTES) revert EndpointLengthIs(length, MAX_ENDPOINT_BYTES);
    for (uint256 i = 0; i < length; ++i) {
      bytes1 char = bytes(endpoint)[i];
      if (char <= 0x20 || char >= 0x7f) revert EndpointNotPrintable(endpoint);
    }
  }
}

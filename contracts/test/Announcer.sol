// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {ReleaseId} from "../interfaces/Types.sol";

/// @notice Owns a model and says much about it: many events of the registry in one transaction.
contract Announcer {
  function announce(IModelRegistry registry, ReleaseId releaseId, string calldata uri, uint256 times) external {
    for (uint256 i = 0; i < times; ++i) registry.announceContent(releaseId, uri);
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Release, ReleaseTerms} from "../interfaces/Types.sol";

/// @notice Layout, from the low bits: modelId 64, inputBytes 32, outputBytes 32, disputeGas 32, royaltyBps 16. Zero: no
/// release, since model ids start at 1.
library ReleaseTermsLib {
  function pack(Release memory release) internal pure returns (ReleaseTerms) {
    return
      ReleaseTerms.wrap(
        uint256(release.modelId) |
          (uint256(release.inputBytes) << 64) |
          (uint256(release.outputBytes) << 96) |
          (uint256(release.disputeGas) << 128) |
          (uint256(release.royaltyBps) << 160)
      );
  }

  function exists(ReleaseTerms terms) internal pure returns (bool) {
    return ReleaseTerms.unwrap(terms) != 0;
  }

  function modelId(ReleaseTerms terms) internal pure returns (uint256) {
    return uint64(ReleaseTerms.unwrap(terms));
  }

  function inputBytes(ReleaseTerms terms) internal pure returns (uint256) {
    return uint32(ReleaseTerms.unwrap(terms) >> 64);
  }

  function outputBytes(ReleaseTerms terms) internal pure returns (uint256) {
    return uint32(ReleaseTerms.unwrap(terms) >> 96);
  }

  function disputeGas(ReleaseTerms terms) internal pure returns (uint256) {
    return uint32(ReleaseTerms.unwrap(terms) >> 128);
  }

  function royaltyBps(ReleaseTerms terms) internal pure returns (uint256) {
    return uint16(ReleaseTerms.unwrap(terms) >> 160);
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {Release, ReleaseId, ReleaseTerms} from "./Types.sol";

/// @notice Models are ERC-721 tokens, owned by their maintainers; releases are immutable.
/// @dev Warning: the registry proves that a release's lengths are its program's, and nothing else. Whether the program is
/// the lowering of the file, and whether its gas figures are right, is re-derived off chain before anyone serves it.
interface IModelRegistry is IERC721 {
  /// @param uri Metadata of the model.
  event ModelCreated(uint256 indexed modelId, address indexed owner, string uri);
  /// @param header The program header, sha256 of which is `release.programRoot`.
  /// @param contentUri Where the ONNX file is: a CID or URI.
  event Released(
    ReleaseId indexed releaseId,
    uint256 indexed modelId,
    bytes32 indexed programRoot,
    Release release,
    bytes header,
    string contentUri
  );
  /// @notice The owner names another place of a release's file.
  event ContentAnnounced(ReleaseId indexed releaseId, string contentUri);

  error NotModelOwner(uint256 modelId, address caller);
  error ReleaseExists(ReleaseId releaseId);
  error ReleaseUnknown(ReleaseId releaseId);
  error ProgramRootMismatch(bytes32 programRoot, bytes32 headerHash);
  error HeaderMalformed(uint256 length);
  error LoweringVersionMismatch(uint16 declared, uint256 program);
  error BlobTooLong(uint256 inputBytes, uint256 outputBytes);
  error LengthMismatch(uint256 declaredBytes, uint256 programBytes);
  error ToleranceOutOfBounds(uint32 atol, uint32 rtol);
  error GasOutOfBounds(uint32 stepGas, uint32 disputeGas);
  error RoyaltyOutOfBounds(uint16 royaltyBps);

  /// @notice Mints the next model to the caller.
  function createModel(string calldata uri) external returns (uint256 modelId);

  /// @notice Publishes a release of a model that the caller owns.
  /// @param header Program header; its input and output lengths must be the release's.
  function publish(
    Release calldata release,
    bytes calldata header,
    string calldata contentUri
  ) external returns (ReleaseId releaseId);

  /// @notice Emits another content address for a release of a model that the caller owns.
  function announceContent(ReleaseId releaseId, string calldata contentUri) external;

  /// @notice Packed terms of a release. Reverts if it was never published.
  function termsOf(ReleaseId releaseId) external view returns (ReleaseTerms terms);

  /// @notice Id of a release, published or not.
  function releaseIdOf(Release calldata release) external pure returns (ReleaseId releaseId);
}

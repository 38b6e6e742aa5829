// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {Release, ReleaseId, ReleaseTerms} from "../interfaces/Types.sol";
import {ReleaseTermsLib} from "./ReleaseTerms.sol";
import {ProgramHeader} from "./ProgramHeader.sol";

/// @title Models and releases
contract ModelRegistry is ERC721, IModelRegistry {
  using ReleaseTermsLib for ReleaseTerms;

  /// @dev Referee and transaction limits leave no room above this (gas).
  uint256 public constant MAX_STEP_GAS = 12_000_000;
  uint256 public constant MAX_ROYALTY_BPS = 5_000;
  /// @dev Longest input and longest output, bytes: `openInput` and `proveOutput` take them whole in one transaction, of which
  /// public transaction pools carry 128 KiB and blocks 2^24 gas.
  uint256 public constant MAX_BLOB_BYTES = 80_000;
  /// @dev binary32 bits of 65536. Bits of non-negative floats compare like the floats; infinities, NaN and signs are above.
  uint32 public constant MAX_ATOL = 0x47800000;
  /// @dev binary32 bits of 1.
  uint32 public constant MAX_RTOL = 0x3f800000;

  uint256 public modelCount;
  mapping(ReleaseId => ReleaseTerms) private _terms;
  mapping(uint256 modelId => string) private _uris;

  constructor() ERC721("Assay Models", "ASSAY") {}

  /// @inheritdoc IModelRegistry
  function createModel(string calldata uri) external returns (uint256 modelId) {
    modelId = ++modelCount;
    _uris[modelId] = uri;
    emit ModelCreated(modelId, msg.sender, uri);
    _mint(msg.sender, modelId);
  }

  /// @inheritdoc IModelRegistry
  function publish(
    Release calldata release,
    bytes calldata header,
    string calldata contentUri
  ) external returns (ReleaseId releaseId) {
    _requireOwner(release.modelId);
    _checkBounds(release);
    _checkHeader(release, header);
    releaseId = releaseIdOf(release);
    // INVARIANT I-1: a release never changes: its id is the hash of all of it, and it is written once.
    if (_terms[releaseId].exists()) revert ReleaseExists(releaseId);
    _terms[releaseId] = ReleaseTermsLib.pack(release);
    emit Released(releaseId, release.modelId, release.programRoot, release, header, contentUri);
  }

  /// @inheritdoc IModelRegistry
  function announceContent(ReleaseId releaseId, string calldata contentUri) external {
    _requireOwner(termsOf(releaseId).modelId());
    emit ContentAnnounced(releaseId, contentUri);
  }

  /// @inheritdoc IModelRegistry
  function termsOf(ReleaseId releaseId) public view returns (ReleaseTerms terms) {
    terms = _terms[releaseId];
    if (!terms.exists()) revert ReleaseUnknown(releaseId);
  }

  /// @inheritdoc IModelRegistry
  function releaseIdOf(Release calldata release) public pure returns (ReleaseId) {
    return ReleaseId.wrap(keccak256(abi.encode(release)));
  }

  function tokenURI(uint256 modelId) public view override returns (string memory) {
    _requireOwned(modelId);
    return _uris[modelId];
  }

  function supportsInterface(bytes4 interfaceId) public view override(ERC721, IERC165) returns (bool) {
    return super.supportsInterface(interfaceId);
  }

  function _requireOwner(uint256 modelId) private view {
    if (_ownerOf(modelId) != msg.sender) revert NotModelOwner(modelId, msg.sender);
  }

  function _checkBounds(Release calldata release) private pure {
    if (release.atol > MAX_ATOL || release.rtol > MAX_RTOL) revert ToleranceOutOfBounds(release.atol, release.rtol);
    if (release.stepGas > MAX_STEP_GAS || release.disputeGas < release.stepGas || release.stepGas == 0)
      revert GasOutOfBounds(release.stepGas, release.disputeGas);
    if (release.inputBytes > MAX_BLOB_BYTES || release.outputBytes > MAX_BLOB_BYTES)
      revert BlobTooLong(release.inputBytes, release.outputBytes);
    if (release.royaltyBps > MAX_ROYALTY_BPS) revert RoyaltyOutOfBounds(release.royaltyBps);
  }

  /// @dev INVARIANT I-2: a release's blob lengths are those of its program, so that what the market accepts can be judged.
  function _checkHeader(Release calldata release, bytes calldata header) private pure {
    bytes32 headerHash = sha256(header);
    if (headerHash != release.programRoot) revert ProgramRootMismatch(release.programRoot, headerHash);
    (uint256 loweringVersion, uint256 inputBytes, uint256 outputBytes) = ProgramHeader.lengths(header);
    if (loweringVersion != release.loweringVersion)
      revert LoweringVersionMismatch(release.loweringVersion, loweringVersion);
    if (inputBytes != release.inputBytes) revert LengthMismatch(release.inputBytes, inputBytes);
    if (outputBytes != release.outputBytes) revert LengthMismatch(release.outputBytes, outputBytes);
  }
}

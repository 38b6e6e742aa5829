// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {Release, ReleaseId, ReleaseTerms} from "../interfaces/Types.sol";
import {Fixture} from "../test/Fixture.sol";
import {VM, check} from "../test/Vm.sol";

contract ModelRegistryTest is Fixture {
  function _refuses(Release memory bad, bytes memory header, bytes4 selector) private {
    VM.prank(maintainer);
    VM.expectPartialRevert(selector);
    registry.publish(bad, header, "");
  }

  function test_modelsAreTokens() public {
    VM.prank(alice);
    uint256 id = registry.createModel("ipfs://two");
    check(id == 2 && registry.ownerOf(2) == alice, "owner");
    check(keccak256(bytes(registry.tokenURI(2))) == keccak256("ipfs://two"), "uri");
  }

  /// @dev I-1
  function test_aReleaseIsWrittenOnce() public {
    ReleaseTerms before = registry.termsOf(releaseId);
    _refuses(release, byteHeader(128, 64), IModelRegistry.ReleaseExists.selector);
    check(ReleaseTerms.unwrap(registry.termsOf(releaseId)) == ReleaseTerms.unwrap(before), "unchanged");
  }

  function test_onlyTheOwnerPublishesAndAnnounces() public {
    Release memory other = release;
    other.royaltyBps = 1;
    VM.prank(alice);
    VM.expectPartialRevert(IModelRegistry.NotModelOwner.selector);
    registry.publish(other, byteHeader(128, 64), "");
    VM.prank(alice);
    VM.expectPartialRevert(IModelRegistry.NotModelOwner.selector);
    registry.announceContent(releaseId, "");
    VM.prank(maintainer);
    registry.transferFrom(maintainer, alice, 1);
    VM.prank(alice);
    registry.publish(other, byteHeader(128, 64), "");
  }

  /// @dev I-2
  /// @dev I-2
  function test_lengthsCanBeJudgedInOneTransaction() public {
    Release memory bad = release;
    bytes memory header = byteHeader(80_001, 64);
    (bad.inputBytes, bad.programRoot) = (80_001, sha256(header));
    _refuses(bad, header, IModelRegistry.BlobTooLong.selector);
    header = byteHeader(128, 80_001);
    (bad.inputBytes, bad.outputBytes, bad.programRoot) = (128, 80_001, sha256(header));
    _refuses(bad, header, IModelRegistry.BlobTooLong.selector);
  }

  function test_lengthsAreThoseOfTheProgram() public {
    Release memory bad = release;
    bytes memory header = byteHeader(127, 64);
    _refuses(bad, header, IModelRegistry.ProgramRootMismatch.selector);
    bad.programRoot = sha256(header);
    _refuses(bad, header, IModelRegistry.LengthMismatch.selector);
    header = byteHeader(128, 65);
    bad.programRoot = sha256(header);
    _refuses(bad, header, IModelRegistry.LengthMismatch.selector);
    header = abi.encodePacked(byteHeader(128, 64), uint8(0));
    bad.programRoot = sha256(header);
    _refuses(bad, header, IModelRegistry.HeaderMalformed.selector);
    bad = release;
    bad.loweringVersion = 2;
    _refuses(bad, byteHeader(128, 64), IModelRegistry.LoweringVersionMismatch.selector);
  }

  function test_lengthsCountElementSizes() public {
    // Inputs: 3 f32 and 5 i64; output: 7 f16.
    bytes memory header = abi.encodePacked(
      hex"00010001_00000002_00000000_00000001_00000001",
      bytes32(0),
      bytes32(0),
      hex"0c_00000003_09_00000005_0a_00000007_00000000"
    );
    Release memory mixed = release;
    mixed.programRoot = sha256(header);
    mixed.inputBytes = 3 * 4 + 5 * 8;
    mixed.outputBytes = 7 * 2;
    VM.prank(maintainer);
    registry.publish(mixed, header, "");
    // dtype 13 (acc) and 14 (none) are no dtypes of inputs.
    for (uint8 code = 13; code < 15; ++code) {
      header[84] = bytes1(code);
      mixed.programRoot = sha256(header);
      _refuses(mixed, header, IModelRegistry.HeaderMalformed.selector);
    }
  }

  function test_tolerancesAreFiniteNonNegativeAndBounded() public {
    uint32[4] memory bad = [uint32(0x7f800000), 0x7fc00000, 0x80000000, 0xbf800000];
    for (uint256 i = 0; i < 4; ++i) {
      Release memory wild = release;
      wild.atol = bad[i];
      _refuses(wild, byteHeader(128, 64), IModelRegistry.ToleranceOutOfBounds.selector);
      (wild.atol, wild.rtol) = (0, bad[i]);
      _refuses(wild, byteHeader(128, 64), IModelRegistry.ToleranceOutOfBounds.selector);
    }
  }

  function test_gasAndRoyaltyAreBounded() public {
    Release memory bad = release;
    (bad.stepGas, bad.disputeGas) = (12_000_001, 13_000_000);
    _refuses(bad, byteHeader(128, 64), IModelRegistry.GasOutOfBounds.selector);
    (bad.stepGas, bad.disputeGas) = (1_000_000, 999_999);
    _refuses(bad, byteHeader(128, 64), IModelRegistry.GasOutOfBounds.selector);
    bad = release;
    bad.royaltyBps = 5_001;
    _refuses(bad, byteHeader(128, 64), IModelRegistry.RoyaltyOutOfBounds.selector);
  }

  function test_unknownReleaseHasNoTerms() public {
    VM.expectPartialRevert(IModelRegistry.ReleaseUnknown.selector);
    registry.termsOf(ReleaseId.wrap(bytes32(uint256(1))));
  }
}

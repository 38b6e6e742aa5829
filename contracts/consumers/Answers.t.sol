// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {Claim, Request, RequestId} from "../interfaces/Types.sol";
import {Fixture} from "../test/Fixture.sol";
import {VM, check, checkEq} from "../test/Vm.sol";
import {Answers, Caution, Demands, Standing} from "./Answers.sol";
import {AttestedConsumer} from "./AttestedConsumer.sol";

contract AnswerReader is AttestedConsumer {
  constructor(IInferenceMarket market_, Demands memory demands_) AttestedConsumer(market_, demands_) {}

  function last(
    Request calldata request,
    address operator,
    bytes calldata output,
    bytes32 inputHash
  ) external view returns (RequestId) {
    return _requireFinal(request, operator, output, inputHash);
  }

  function early(
    Request calldata request,
    address operator,
    bytes calldata output,
    bytes32 inputHash,
    Caution memory caution
  ) external view returns (Standing memory standing) {
    (, standing) = _requireProvisional(request, operator, output, inputHash, caution);
  }

  function byId(RequestId requestId, address operator, bytes calldata output) external view {
    Answers.requireFinal(market, requestId, operator, keccak256(output));
  }
}

contract AnswersTest is Fixture {
  uint32 private constant MAX_AGE = 10_000;

  AnswerReader private _reader;
  Claim private _claim;

  function setUp() public override {
    super.setUp();
    _claim = answered();
    _reader = new AnswerReader(market, Demands(releaseId, BOND, WINDOW, MAX_AGE));
  }

  function _last() private view returns (RequestId) {
    return _reader.last(_claim.request, operator, outputOf(1), keccak256(inputOf(1)));
  }

  function _early(uint96 minBondWei, uint32 minAgeSeconds) private view returns (Standing memory) {
    Caution memory caution = Caution(minBondWei, minAgeSeconds);
    return _reader.early(_claim.request, operator, outputOf(1), keccak256(inputOf(1)), caution);
  }

  function _finalize() private {
    VM.warp(uint256(_claim.request.requestedAt) + WINDOW);
    market.finalize(_claim.request, operator, outputOf(1));
  }

  function test_provisionalByBondAndAge() public {
    VM.expectPartialRevert(Answers.BondBelow.selector);
    _early(BOND + 1, 0);
    VM.expectPartialRevert(Answers.TooYoung.selector);
    _early(BOND, 60);
    skip(59);
    VM.expectPartialRevert(Answers.TooYoung.selector);
    _early(BOND, 60);
    skip(1);
    Standing memory standing = _early(BOND, 60);
    check(!standing.isFinal, "provisional");
    checkEq(standing.answeredAt, nowSeconds() - 60, "answered");
    checkEq(standing.endsAt, nowSeconds() - 60 + WINDOW, "end");
    checkEq(standing.bondWei, BOND, "at stake");
  }

  /// @dev Once it is final, there is nothing to be cautious about.
  function test_finalNeedsNoCaution() public {
    VM.expectPartialRevert(Answers.NotFinal.selector);
    _last();
    _finalize();
    check(_early(type(uint96).max, type(uint32).max).isFinal, "final");
    check(RequestId.unwrap(_last()) == RequestId.unwrap(market.requestIdOf(_claim.request)), "id");
  }

  function test_disputedIsRefused() public {
    VM.prank(alice);
    game.challenge(_claim);
    VM.expectPartialRevert(Answers.Disputed.selector);
    _early(0, 0);
    VM.expectPartialRevert(Answers.NotFinal.selector);
    _last();
    // The window is over, the game is not.
    VM.warp(uint256(_claim.request.requestedAt) + WINDOW);
    VM.expectPartialRevert(Answers.Disputed.selector);
    _early(0, 0);
    VM.expectPartialRevert(Answers.NotFinal.selector);
    _last();
  }

  function test_anotherAnswerDoesNotStand() public {
    _finalize();
    RequestId id = market.requestIdOf(_claim.request);
    _reader.byId(id, operator, outputOf(1));
    VM.expectPartialRevert(Answers.NotStanding.selector);
    _reader.byId(id, operator, outputOf(2));
    VM.expectPartialRevert(Answers.NotStanding.selector);
    _reader.byId(id, alice, outputOf(1));
    VM.expectPartialRevert(Answers.NotStanding.selector);
    _reader.byId(RequestId.wrap(0), operator, outputOf(1));
  }

  /// @dev A request changed in any field is one that nobody answered, so its bond, window, release and input cannot be made up.
  function testFuzz_everyFieldIsBound(uint8 field, uint256 flip) public {
    _finalize();
    uint256 offset = uint256(field) % 14;
    uint256[14] memory bits = [uint256(160), 64, 256, 256, 96, 96, 40, 40, 32, 160, 32, 160, 256, 256];
    uint256 bit = flip % bits[offset];
    Request memory request = _claim.request;
    assembly {
      let at := add(request, mul(32, offset))
      mstore(at, xor(mload(at), shl(bit, 1)))
    }
    VM.expectPartialRevert(Answers.NotStanding.selector);
    _reader.last(request, operator, outputOf(1), keccak256(inputOf(1)));
  }

  function test_demands() public {
    _finalize();
    Request memory request = _claim.request;
    VM.expectPartialRevert(Answers.OtherInput.selector);
    _reader.last(request, operator, outputOf(1), keccak256(inputOf(2)));
    VM.warp(uint256(request.requestedAt) + MAX_AGE);
    _last();
    skip(1);
    VM.expectPartialRevert(Answers.RequestTooOld.selector);
    _last();
    Demands memory demands = Demands(releaseId, BOND + 1, WINDOW, 2 * MAX_AGE);
    _refused(demands, Answers.BondBelow.selector);
    (demands.minBondWei, demands.minWindowSeconds) = (BOND, WINDOW + 1);
    _refused(demands, Answers.WindowBelow.selector);
    demands = Demands(demands.releaseId, 0, 0, 2 * MAX_AGE);
    _reader = new AnswerReader(market, demands);
    _last();
  }

  /// @dev Of the same model, but another release: the answer of a program that this contract did not choose.
  function test_anotherReleaseIsRefused() public {
    release.disputeGas += 1;
    VM.prank(maintainer);
    Demands memory demands = Demands(registry.publish(release, byteHeader(128, 64), ""), 0, 0, MAX_AGE);
    _finalize();
    _refused(demands, Answers.OtherRelease.selector);
  }

  function _refused(Demands memory demands, bytes4 selector) private {
    _reader = new AnswerReader(market, demands);
    VM.expectPartialRevert(selector);
    _last();
  }
}

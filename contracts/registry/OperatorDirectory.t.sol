// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IOperatorDirectory, Offer} from "../interfaces/IOperatorDirectory.sol";
import {ReleaseId} from "../interfaces/Types.sol";
import {VM, check, checkEq} from "../test/Vm.sol";
import {OperatorDirectory} from "./OperatorDirectory.sol";

contract OperatorDirectoryTest {
  ReleaseId private constant RELEASE = ReleaseId.wrap(bytes32(uint256(0xa)));
  ReleaseId private constant OTHER = ReleaseId.wrap(bytes32(uint256(0xb)));

  address private alice = address(0xa1);
  address private bob = address(0xb0);
  OperatorDirectory private directory;
  string[] private endpoints;

  function setUp() public {
    directory = new OperatorDirectory();
    endpoints = ["https://one.example", "http://[::1]:8600/assay"];
    VM.fee(0);
  }

  function say(address who, ReleaseId releaseId, Offer memory offer) private {
    IOperatorDirectory.ReleaseOffer[] memory offers = new IOperatorDirectory.ReleaseOffer[](1);
    offers[0] = IOperatorDirectory.ReleaseOffer({releaseId: releaseId, offer: offer});
    VM.prank(who);
    directory.announce(endpoints, offers);
  }

  function checkOffer(address who, ReleaseId releaseId, Offer memory expected) private view {
    bytes memory found = abi.encode(directory.offerOf(who, releaseId));
    check(keccak256(found) == keccak256(abi.encode(expected)), "offer");
  }

  /// @dev I-37
  function testFuzz_everyoneSpeaksForItself(Offer memory one, Offer memory two) public {
    Offer memory none;
    say(alice, RELEASE, one);
    say(bob, RELEASE, two);
    checkOffer(alice, RELEASE, one);
    checkOffer(bob, RELEASE, two);
    checkOffer(alice, OTHER, none);
    say(alice, RELEASE, none);
    checkOffer(alice, RELEASE, none);
    checkOffer(bob, RELEASE, two);
  }

  /// @dev I-37: no function takes wei, and there is none to send.
  function test_holdsNoWei() public {
    VM.deal(address(this), 1 ether);
    (bool sent, ) = address(directory).call{value: 1}("");
    check(!sent, "plain transfer");
    (sent, ) = address(directory).call{value: 1}(
      abi.encodeCall(IOperatorDirectory.announce, (endpoints, new IOperatorDirectory.ReleaseOffer[](0)))
    );
    check(!sent, "with a call");
    checkEq(address(directory).balance, 0, "balance");
  }

  function test_anOfferTakesOneWord() public {
    Offer memory offer = Offer({
      feeWei: type(uint96).max,
      gas: 7,
      tipMwei: 9,
      gasPercent: 8,
      maxBondWei: type(uint96).max
    });
    say(alice, RELEASE, offer);
    bytes32 slot = keccak256(abi.encode(RELEASE, keccak256(abi.encode(alice, 0))));
    uint256 word = uint256(VM.load(address(directory), slot));
    checkEq(uint96(word), type(uint96).max, "fee");
    checkEq(word >> 96, 7 | (9 << 24) | (8 << 48) | (uint256(type(uint96).max) << 64), "rest");
    checkEq(uint256(VM.load(address(directory), bytes32(uint256(slot) + 1))), 0, "next word");
  }

  function test_severalOffersInOneCall() public {
    IOperatorDirectory.ReleaseOffer[] memory offers = new IOperatorDirectory.ReleaseOffer[](2);
    Offer memory one = Offer({feeWei: 1, gas: 2, tipMwei: 9, gasPercent: 3, maxBondWei: 4});
    Offer memory two = Offer({feeWei: 5, gas: 6, tipMwei: 9, gasPercent: 7, maxBondWei: 8});
    offers[0] = IOperatorDirectory.ReleaseOffer({releaseId: RELEASE, offer: one});
    offers[1] = IOperatorDirectory.ReleaseOffer({releaseId: OTHER, offer: two});
    VM.prank(alice);
    directory.announce(new string[](0), offers);
    checkOffer(alice, RELEASE, one);
    checkOffer(alice, OTHER, two);
  }

  function testFuzz_quotesRoundUp(Offer memory offer, uint32 callbackGas, uint64 baseFee) public {
    if (offer.maxBondWei == 0) offer.maxBondWei = 1;
    say(alice, RELEASE, offer);
    VM.fee(baseFee);
    uint256 gas = uint256(offer.gas) + callbackGas;
    uint256 hundredfold = (directory.quote(alice, RELEASE, callbackGas) - offer.feeWei) * 100;
    uint256 exact = gas * (baseFee + uint256(offer.tipMwei) * 1e6) * offer.gasPercent;
    check(hundredfold >= exact && hundredfold < exact + 100, "rounded up");
  }

  function test_thereIsNoQuoteWithoutAnOffer() public {
    VM.expectPartialRevert(IOperatorDirectory.NoOffer.selector);
    directory.quote(alice, RELEASE, 0);
    say(alice, RELEASE, Offer({feeWei: 1, gas: 0, tipMwei: 1, gasPercent: 0, maxBondWei: 1}));
    checkEq(directory.quote(alice, RELEASE, 5), 1, "fixed price");
    say(alice, RELEASE, Offer({feeWei: 1, gas: 0, tipMwei: 1, gasPercent: 0, maxBondWei: 0}));
    VM.expectPartialRevert(IOperatorDirectory.NoOffer.selector);
    directory.quote(alice, RELEASE, 0);
  }

  function test_endpointsAreFewShortAndPrintable() public {
    IOperatorDirectory.ReleaseOffer[] memory none = new IOperatorDirectory.ReleaseOffer[](0);
    directory.announce(new string[](0), none);
    string[] memory list = new string[](5);
    for (uint256 i = 0; i < 5; ++i) list[i] = "https://example.org";
    VM.expectPartialRevert(IOperatorDirectory.TooManyEndpoints.selector);
    directory.announce(list, none);

    string[] memory one = new string[](1);
    VM.expectPartialRevert(IOperatorDirectory.EndpointLengthIs.selector);
    directory.announce(one, none);
    bytes memory long = new bytes(128);
    for (uint256 i = 0; i < 128; ++i) long[i] = "a";
    one[0] = string(long);
    directory.announce(one, none);
    one[0] = string(abi.encodePacked(long, "a"));
    VM.expectPartialRevert(IOperatorDirectory.EndpointLengthIs.selector);
    directory.announce(one, none);

    for (uint256 char = 0; char < 256; ++char) {
      one[0] = string(abi.encodePacked("https://", bytes1(uint8(char))));
      if (char <= 0x20 || char >= 0x7f) VM.expectPartialRevert(IOperatorDirectory.EndpointNotPrintable.selector);
      directory.announce(one, none);
    }
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICourt} from "../interfaces/ICourt.sol";
import {IDisputeGame} from "../interfaces/IDisputeGame.sol";
import {IReceipts, Receipt} from "../interfaces/IReceipts.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Claim, Node, ParameterSet, RequestId, RequestState, ResultId} from "../interfaces/Types.sol";
import {ReceiptsFixture} from "../test/ReceiptsFixture.sol";
import {VM, check, checkEq} from "../test/Vm.sol";

/// @notice What stands behind receipts, and what either side can try against it.
contract ReceiptsTest is ReceiptsFixture {
  uint256 private constant OTHER_KEY = 0xbeef;

  /// @dev The node on which a game stands before the commit.
  function _nothing() private pure returns (Node memory node) {}

  function _expectBadKey() private {
    VM.expectPartialRevert(IReceipts.KeyIsNotGood.selector);
  }

  function _challengeSigned(Receipt memory receipt, uint256 key, bytes32 digest) private {
    bytes memory signature = signed(key, digest);
    VM.prank(alice);
    receipts.challenge(receipt, release, signature);
  }

  // A wrong receipt

  function test_wrongReceiptCostsItsBond() public {
    Receipt memory receipt = receiptOf(1);
    check(challenge(alice, receipt), "begun");
    checkState(receipt, RequestState.Answered, "on trial");
    checkEq(receipts.coverOf(operator), RESERVE - RECEIPT_BOND, "cover while on trial");
    checkEq(bankLocked(alice), GAME_BOND, "game bond");
    prove(receipt);
    checkState(receipt, RequestState.Overturned, "overturned");
    Claim memory claim = claimOfReceipt(receipt);
    ring.settleGame(claim, alice);
    ring.settleBond(claim);
    checkEq(bankFree(alice), STAKE + RECEIPT_BOND / 4, "first share");
    checkEq(bankLocked(alice), 0, "game bond back");
    checkEq(bankLocked(operator), RESERVE - RECEIPT_BOND, "what is locked is the reserve");
    checkEq(receipts.reserveOf(operator).reserveWei, RESERVE - RECEIPT_BOND, "reserve");
    checkEq(receipts.coverOf(operator), RESERVE - RECEIPT_BOND, "cover");
    checkEq(bank.burnedWei(), RECEIPT_BOND - RECEIPT_BOND / 4, "burned");
    checkEq(address(bank).balance, RESERVE + 3 * STAKE, "vault");
    checkEq(address(receipts).balance, 0, "the court holds nothing");
  }

  function test_silentOperatorLoses() public {
    Receipt memory receipt = receiptOf(1);
    challenge(alice, receipt);
    overturn(receipt, alice);
    checkState(receipt, RequestState.Overturned, "overturned");
  }

  function test_overturnedReceiptIsNotJudgedTwice() public {
    Receipt memory receipt = receiptOf(1);
    challenge(alice, receipt);
    prove(receipt);
    VM.expectPartialRevert(ICourt.StateIs.selector);
    this.challengeAs(bob, receipt);
    // Nor under other parameters.
    ParameterSet memory set = parameterSet();
    set.operatorClock += 1;
    VM.prank(admin);
    market.setParameters(set);
    VM.expectPartialRevert(ICourt.StateIs.selector);
    this.challengeAs(bob, receipt);
    checkEq(receipts.reserveOf(operator).reserveWei, RESERVE - RECEIPT_BOND, "one bond");
  }

  function challengeAs(address who, Receipt memory receipt) external returns (bool) {
    return challenge(who, receipt);
  }

  // A right receipt

  function test_frivolousChallengerLosesItsBond() public {
    Receipt memory receipt = receiptOf(1);
    challenge(alice, receipt);
    vindicate(receipt, alice);
    checkEq(receipts.reserveOf(operator).live, 0, "room again");
    checkEq(receipts.coverOf(operator), RESERVE, "cover again");
    Claim memory claim = claimOfReceipt(receipt);
    // Not before nobody can overturn it any more.
    VM.expectPartialRevert(IDisputeGame.NotOver.selector);
    ring.settleGame(claim, alice);
    VM.warp(receipt.issuedAt + VALIDITY);
    checkState(receipt, RequestState.Final, "expired");
    ring.settleGame(claim, alice);
    checkEq(bankLocked(alice), 0, "bond gone");
    checkEq(bankFree(alice), STAKE - GAME_BOND, "lost");
    checkEq(bankFree(operator), GAME_BOND / 2, "half to the operator");
    checkEq(bank.burnedWei(), GAME_BOND / 2, "half burned");
    checkEq(bankLocked(operator), RESERVE, "reserve untouched");
  }

  function test_losingToOneselfProtectsNothing() public {
    Receipt memory receipt = receiptOf(1);
    challenge(carol, receipt);
    vindicate(receipt, carol);
    check(challenge(alice, receipt), "begun again");
    prove(receipt);
    Claim memory claim = claimOfReceipt(receipt);
    ring.settleGame(claim, carol);
    ring.settleGame(claim, alice);
    ring.settleBond(claim);
    checkEq(bankFree(alice), STAKE + RECEIPT_BOND / 8, "second share");
    checkEq(bankFree(carol), STAKE - GAME_BOND, "the first has lost its bond and its share");
    checkEq(bankLocked(operator), RESERVE - RECEIPT_BOND, "the operator its own");
  }

  function test_sameChallengerCannotBeginAgain() public {
    Receipt memory receipt = receiptOf(1);
    challenge(alice, receipt);
    vindicate(receipt, alice);
    VM.expectPartialRevert(IDisputeGame.GameExists.selector);
    this.challengeAs(alice, receipt);
  }

  function test_othersEnterATrialThatIsOn() public {
    Receipt memory receipt = receiptOf(1);
    Claim memory claim = claimOfReceipt(receipt);
    VM.prank(bob);
    VM.expectPartialRevert(ICourt.NotTheAnswer.selector);
    ring.challenge(claim);
    challenge(alice, receipt);
    claim = claimOfReceipt(receipt);
    VM.prank(bob);
    ring.challenge(claim);
    check(challenge(carol, receipt), "and by the court");
    checkEq(receipts.reserveOf(operator).live, 1, "one receipt");
    checkEq(receipts.reserveOf(operator).liveWei, RECEIPT_BOND, "one bond");
    // Another output, or another operator, is no answer here.
    claim.outputHash = keccak256("other");
    VM.prank(bob);
    VM.expectPartialRevert(ICourt.NotTheAnswer.selector);
    ring.challenge(claim);
    claim.outputHash = receipt.outputHash;
    claim.operator = bob;
    VM.prank(bob);
    VM.expectPartialRevert(ICourt.NotTheAnswer.selector);
    ring.challenge(claim);
  }

  function test_nobodyEntersATrialThatIsOver() public {
    Receipt memory receipt = receiptOf(1);
    challenge(alice, receipt);
    vindicate(receipt, alice);
    Claim memory claim = claimOfReceipt(receipt);
    VM.prank(bob);
    VM.expectPartialRevert(ICourt.StateIs.selector);
    ring.challenge(claim);
  }

  // Signatures and keys

  function test_forgedReceipts() public {
    Receipt memory receipt = receiptOf(1);
    bytes32 digest = receipts.digestOf(receipt);
    _expectBadKey();
    _challengeSigned(receipt, OTHER_KEY, digest);
    // The key of one operator does not bind another.
    addKey(bob, OTHER_KEY);
    _expectBadKey();
    _challengeSigned(receipt, OTHER_KEY, digest);
    // Nothing in it can be altered.
    Receipt memory altered = receiptOf(1);
    altered.bondClass = CLASS + 1;
    _expectBadKey();
    _challengeSigned(altered, KEY, digest);
    altered = receiptOf(1);
    altered.outputHash = keccak256("other");
    _expectBadKey();
    _challengeSigned(altered, KEY, digest);
    altered = receiptOf(1);
    altered.issuedAt += 1;
    _expectBadKey();
    _challengeSigned(altered, KEY, digest);
  }

  function test_receiptsOfOtherChainsAndCourts() public {
    Receipt memory receipt = receiptOf(1);
    VM.chainId(10);
    bytes32 elsewhere = receipts.digestOf(receipt);
    VM.chainId(31337);
    check(elsewhere != receipts.digestOf(receipt), "the chain counts");
    _expectBadKey();
    _challengeSigned(receipt, KEY, elsewhere);
    IReceipts other = IReceipts(create("Receipts.sol:Receipts", abi.encode(market, bank, ring)));
    elsewhere = other.digestOf(receipt);
    _expectBadKey();
    _challengeSigned(receipt, KEY, elsewhere);
  }

  function test_otherRelease() public {
    Receipt memory receipt = receiptOf(1);
    bytes memory signature = signed(KEY, receipts.digestOf(receipt));
    release.disputeGas += 1;
    VM.expectPartialRevert(IReceipts.ReleaseIsNot.selector);
    VM.prank(alice);
    receipts.challenge(receipt, release, signature);
  }

  function test_revokedKeyIsLiableForWhatItIssued() public {
    address key = VM.addr(KEY);
    VM.prank(bob);
    VM.expectPartialRevert(IReceipts.KeyNotYours.selector);
    receipts.revokeKey(key);
    VM.prank(operator);
    receipts.revokeKey(key);
    VM.prank(operator);
    VM.expectPartialRevert(IReceipts.KeyNotYours.selector);
    receipts.revokeKey(key);
    skip(receipts.KEY_NOTICE());
    Receipt memory last = receiptOf(1);
    skip(1);
    Receipt memory late = receiptOf(2);
    _expectBadKey();
    this.challengeAs(alice, late);
    skip(VALIDITY - 2);
    check(challenge(alice, last), "the last second of the notice counts");
  }

  function test_keysAgreeAndHaveOneOperator() public {
    bytes memory proof = signed(OTHER_KEY, receipts.keyDigestOf(bob));
    VM.prank(alice);
    VM.expectPartialRevert(IReceipts.KeyNotYours.selector);
    receipts.addKey(VM.addr(OTHER_KEY), proof);
    VM.prank(bob);
    receipts.addKey(VM.addr(OTHER_KEY), proof);
    VM.prank(bob);
    VM.expectPartialRevert(IReceipts.KeyTaken.selector);
    receipts.addKey(VM.addr(OTHER_KEY), proof);
    (address owner, uint256 until) = receipts.keyOf(VM.addr(OTHER_KEY));
    check(owner == bob && until == type(uint40).max, "bob's");
  }

  function test_onePeriodHasOneRoot() public {
    uint40 now_ = uint40(block.timestamp);
    receipts.anchor("root", 3, now_ - 20, now_ - 10);
    checkEq(receipts.anchoredUntil(address(this)), now_ - 10, "anchored");
    VM.expectPartialRevert(IReceipts.PeriodTaken.selector);
    receipts.anchor("another", 3, now_ - 20, now_ - 10);
    VM.expectPartialRevert(IReceipts.PeriodTaken.selector);
    receipts.anchor("longer", 3, now_ - 11, now_);
    VM.expectPartialRevert(IReceipts.NotAPeriod.selector);
    receipts.anchor("empty", 3, now_ - 5, now_ - 5);
    VM.expectPartialRevert(IReceipts.NotAPeriod.selector);
    receipts.anchor("not over", 3, now_ - 10, now_ + 1);
    VM.prank(alice);
    receipts.anchor("hers", 3, now_ - 20, now_ - 10);
    receipts.anchor("next", 0, now_ - 10, now_);
    checkEq(receipts.anchoredUntil(address(this)), now_, "anchored on");
  }

  // Time

  function test_expiredReceipts() public {
    Receipt memory receipt = receiptOf(1);
    skip(VALIDITY - 1);
    check(challenge(alice, receipt), "in its last second");
    Receipt memory old = receiptOf(2);
    skip(VALIDITY);
    VM.expectPartialRevert(IReceipts.ReceiptExpired.selector);
    this.challengeAs(alice, old);
    Claim memory claim = claimOfReceipt(receipt);
    VM.prank(bob);
    VM.expectPartialRevert(ICourt.WindowClosed.selector);
    ring.challenge(claim);
  }

  function test_bondClassesEnd() public {
    Receipt memory receipt = receiptOf(1);
    receipt.bondClass = 25;
    VM.expectPartialRevert(IReceipts.BondClassTooHigh.selector);
    this.challengeAs(alice, receipt);
  }

  // A flood of challenges

  function _flood(uint256 count) private returns (Receipt[] memory issued) {
    issued = new Receipt[](count);
    for (uint256 i = 0; i < count; ++i) {
      issued[i] = receiptOf(i);
      checkEq(challenge(alice, issued[i]) ? 1 : 0, i < 8 ? 1 : 0, "eight at once");
    }
  }

  function test_whatWaitsIsJudgedInItsOrderAndDoesNotExpire() public {
    Receipt[] memory issued = _flood(11);
    checkEq(receipts.reserveOf(operator).live, 8, "on trial");
    checkEq(bankLocked(alice), 11 * GAME_BOND, "all have their bonds");
    VM.expectPartialRevert(IReceipts.NotNext.selector);
    receipts.dequeue(issued[9], release, alice, GAME_BOND);
    VM.expectPartialRevert(IReceipts.NoRoom.selector);
    receipts.dequeue(issued[8], release, alice, GAME_BOND);
    vindicate(issued[0], alice);
    check(receipts.dequeue(issued[8], release, alice, GAME_BOND), "the first that waits");
    skip(VALIDITY);
    checkState(issued[9], RequestState.Answered, "not final while it waits");
    checkState(issued[0], RequestState.Final, "expired");
    Claim memory claim = claimOfReceipt(issued[1]);
    ring.timeout(claim, alice, _nothing());
    check(receipts.dequeue(issued[9], release, alice, GAME_BOND), "after its time");
    claim = claimOfReceipt(issued[9]);
    VM.prank(bob);
    VM.expectPartialRevert(ICourt.WindowClosed.selector);
    ring.challenge(claim);
    overturn(issued[9], alice);
    checkState(issued[9], RequestState.Overturned, "judged");
  }

  function test_whoComesWhileOthersWaitWaitsToo() public {
    Receipt[] memory issued = _flood(9);
    vindicate(issued[0], alice);
    Receipt memory later = receiptOf(100);
    check(!challenge(bob, later), "behind the one that waits");
    check(receipts.dequeue(issued[8], release, alice, GAME_BOND), "first");
    VM.expectPartialRevert(IReceipts.NoRoom.selector);
    receipts.dequeue(later, release, bob, GAME_BOND);
  }

  function test_whatCannotWinIsDropped() public {
    Receipt[] memory issued = _flood(9);
    // Twice the same, then one that is overturned meanwhile.
    challenge(alice, issued[8]);
    challenge(bob, issued[8]);
    vindicate(issued[0], alice);
    check(receipts.dequeue(issued[8], release, alice, GAME_BOND), "begun");
    check(!receipts.dequeue(issued[8], release, alice, GAME_BOND), "has a game");
    overturn(issued[8], alice);
    check(!receipts.dequeue(issued[8], release, bob, GAME_BOND), "overturned");
    checkEq(bankFree(bob), STAKE, "bond back");
    checkEq(bankLocked(alice), 9 * GAME_BOND, "one came back");
    VM.expectPartialRevert(IReceipts.NotNext.selector);
    receipts.dequeue(issued[8], release, bob, GAME_BOND);
  }

  // The reserve

  function test_reserveThatIsTooSmall() public {
    Receipt memory receipt = receiptOf(1);
    receipt.bondClass = 15;
    VM.expectPartialRevert(IReceipts.ReserveTooSmall.selector);
    this.challengeAs(alice, receipt);
    addReserve(operator, 20 ether);
    check(challenge(alice, receipt), "now it covers");
    // 32.768 of 40 ether are on trial.
    Receipt memory other = receiptOf(2);
    other.bondClass = 13;
    check(!challenge(bob, other), "waits for the reserve");
    overturn(receipt, alice);
    check(!receipts.dequeue(other, release, bob, GAME_BOND), "nothing left to win");
    checkEq(bankFree(bob), STAKE, "bond back");
  }

  function test_drainingTheReserveCostsHalfOfIt() public {
    // The operator challenges its own lies, before others can.
    fund(address(0x5e1f));
    for (uint256 i = 0; i < 8; ++i) {
      Receipt memory receipt = receiptOf(i);
      receipt.bondClass = 11;
      challenge(address(0x5e1f), receipt);
      overturn(receipt, address(0x5e1f));
      Claim memory claim = claimOfReceipt(receipt);
      ring.settleGame(claim, address(0x5e1f));
      ring.settleBond(claim);
    }
    uint256 drained = 8 * 2 * RECEIPT_BOND;
    checkEq(bankFree(address(0x5e1f)), STAKE + drained / 4, "a quarter comes back");
    checkEq(bank.burnedWei(), drained - drained / 4, "the rest is burned");
    checkEq(receipts.coverOf(operator), RESERVE - drained, "everybody can see what is left");
  }

  function test_reserveLeavesWhenAllIsOver() public {
    VM.startPrank(operator);
    VM.expectPartialRevert(IReceipts.NothingLeaves.selector);
    receipts.withdrawReserve();
    VM.expectPartialRevert(IReceipts.ReserveTooSmall.selector);
    receipts.announceLeaving(RESERVE + 1);
    receipts.announceLeaving(RESERVE);
    VM.stopPrank();
    checkEq(receipts.coverOf(operator), 0, "covers nothing new");
    Receipt[] memory issued = _flood(9);
    uint256 leavesAt = receipts.reserveOf(operator).leavesAt;
    checkEq(leavesAt, nowSeconds() + VALIDITY + OPERATOR_CLOCK + CHALLENGER_CLOCK, "after the last trial");
    VM.warp(leavesAt - 1);
    VM.prank(operator);
    VM.expectPartialRevert(IReceipts.LeavesLater.selector);
    receipts.withdrawReserve();
    skip(1);
    VM.prank(operator);
    VM.expectPartialRevert(IReceipts.ReserveInUse.selector);
    receipts.withdrawReserve();
    for (uint256 i = 0; i < 8; ++i) ring.timeout(claimOfReceipt(issued[i]), alice, _nothing());
    VM.prank(operator);
    VM.expectPartialRevert(IReceipts.ReserveInUse.selector);
    receipts.withdrawReserve();
    check(receipts.dequeue(issued[8], release, alice, GAME_BOND), "the last");
    vindicate(issued[8], alice);
    VM.prank(operator);
    receipts.withdrawReserve();
    checkEq(bankFree(operator), RESERVE - 8 * RECEIPT_BOND, "what was lost cannot leave");
    checkEq(receipts.reserveOf(operator).reserveWei, 0, "reserve");
    VM.prank(operator);
    VM.expectPartialRevert(IReceipts.NothingLeaves.selector);
    receipts.withdrawReserve();
  }

  function test_reserveIsNotFreeStake() public {
    VM.prank(operator);
    VM.expectPartialRevert(IVault.InsufficientFree.selector);
    bank.withdraw(1, operator);
  }

  // Who may call

  function test_onlyTheGameAndTheCourt() public {
    (RequestId requestId, ResultId resultId) = idsOf(receiptOf(1));
    VM.expectPartialRevert(ICourt.NotGame.selector);
    receipts.openGame(requestId, resultId);
    VM.expectPartialRevert(ICourt.NotGame.selector);
    receipts.closeGame(requestId, resultId);
    VM.expectPartialRevert(ICourt.NotGame.selector);
    receipts.overturn(requestId, resultId);
    Claim memory claim = claimOfReceipt(receiptOf(1));
    VM.expectPartialRevert(IDisputeGame.NotCourt.selector);
    ring.challengeFor(claim, alice, 0, bytes32(0));
    VM.expectPartialRevert(IDisputeGame.NotCourt.selector);
    game.challengeFor(claim, alice, 0, bytes32(0));
  }

  function test_aChallengerWithoutStake() public {
    Receipt memory receipt = receiptOf(1);
    VM.expectPartialRevert(IVault.InsufficientFree.selector);
    this.challengeAs(address(0xdead), receipt);
  }
}

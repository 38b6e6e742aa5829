// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DisputeGame} from "../dispute/DisputeGame.sol";
import {StepProof} from "../interfaces/IReferee.sol";
import {Receipt} from "../interfaces/IReceipts.sol";
import {Claim, Node, RequestId, RequestState, ResultId} from "../interfaces/Types.sol";
import {Receipts} from "../receipts/Receipts.sol";
import {Vault} from "../staking/Vault.sol";
import {Fixture} from "./Fixture.sol";
import {VM, check} from "./Vm.sol";

/// @notice A court for receipts beside the market, an operator with a key and a reserve, and challengers with stake in it. The
/// fixture's `vault` and `game` are the market's; `bank` and `ring` are the court's.
abstract contract ReceiptsFixture is Fixture {
  uint256 internal constant KEY = 0xa55a;
  uint8 internal constant CLASS = 10;
  uint256 internal constant RECEIPT_BOND = 1.024 ether;
  uint256 internal constant RESERVE = 20 ether;
  uint256 internal constant STAKE = 10 ether;
  uint256 internal constant VALIDITY = 7 days;
  bytes32 internal constant TRACE = keccak256("trace");

  Receipts internal receipts;
  Vault internal bank;
  DisputeGame internal ring;

  function setUp() public virtual override {
    super.setUp();
    uint256 nonce = VM.getNonce(address(this));
    address receiptsAt = VM.computeCreateAddress(address(this), nonce + 1);
    address ringAt = VM.computeCreateAddress(address(this), nonce + 2);
    bank = Vault(create("Vault.sol:Vault", abi.encode(registry, receiptsAt, ringAt, treasury)));
    receipts = Receipts(create("Receipts.sol:Receipts", abi.encode(market, bank, ringAt)));
    ring = DisputeGame(create("DisputeGame.sol:DisputeGame", abi.encode(receiptsAt, bank, referee)));
    addKey(operator, KEY);
    addReserve(operator, RESERVE);
    fund(alice);
    fund(bob);
    fund(carol);
  }

  function addKey(address owner, uint256 key) internal {
    bytes memory proof = signed(key, receipts.keyDigestOf(owner));
    VM.prank(owner);
    receipts.addKey(VM.addr(key), proof);
  }

  function addReserve(address owner, uint256 amountWei) internal {
    VM.deal(owner, owner.balance + amountWei);
    VM.prank(owner);
    receipts.addReserve{value: amountWei}();
  }

  function fund(address account) internal {
    VM.deal(account, account.balance + STAKE);
    VM.prank(account);
    bank.deposit{value: STAKE}();
  }

  function signed(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
    (uint8 v, bytes32 r, bytes32 s) = VM.sign(key, digest);
    return abi.encodePacked(r, s, v);
  }

  /// @dev Issued now; another for each seed.
  function receiptOf(uint256 seed) internal view returns (Receipt memory) {
    return
      Receipt({
        requestHash: bytes32(seed),
        releaseId: releaseId,
        inputsRoot: sha256(abi.encode(seed)),
        outputHash: keccak256(outputOf(seed)),
        operator: operator,
        issuedAt: uint40(nowSeconds()),
        bondClass: CLASS
      });
  }

  function challenge(address who, Receipt memory receipt) internal returns (bool begun) {
    bytes memory signature = signed(KEY, receipts.digestOf(receipt));
    VM.prank(who);
    return receipts.challenge(receipt, release, signature);
  }

  function claimOfReceipt(Receipt memory receipt) internal view returns (Claim memory) {
    return receipts.claimOf(receipt, release);
  }

  function idsOf(Receipt memory receipt) internal view returns (RequestId requestId, ResultId resultId) {
    Claim memory claim = claimOfReceipt(receipt);
    requestId = RequestId.wrap(keccak256(abi.encode(block.chainid, receipts, claim.request)));
    resultId = ResultId.wrap(keccak256(abi.encode(requestId, claim.operator, claim.outputHash)));
  }

  /// @dev The operator says nothing, and its clock runs out: it loses.
  function overturn(Receipt memory receipt, address who) internal {
    skip(OPERATOR_CLOCK + 1);
    Node memory nothing;
    ring.timeout(claimOfReceipt(receipt), who, nothing);
  }

  /// @dev The operator commits its trace, and the challenger's clock runs out: it loses.
  function vindicate(Receipt memory receipt, address who) internal {
    commit(receipt);
    skip(CHALLENGER_CLOCK + 1);
    ring.timeout(claimOfReceipt(receipt), who, rootNode(TRACE, 0));
  }

  /// @dev The operator commits its trace, unless it has.
  function commit(Receipt memory receipt) internal {
    (, ResultId resultId) = idsOf(receipt);
    if (ring.trialOf(resultId).committedAt != 0) return;
    Claim memory claim = claimOfReceipt(receipt);
    VM.prank(operator);
    ring.commitTrace(claim, TRACE, "", abi.encodePacked(TRACE));
  }

  function prove(Receipt memory receipt) internal {
    commit(receipt);
    StepProof memory proof;
    referee.set(true, 0, 0);
    ring.prove(claimOfReceipt(receipt), TRACE, 0, 0, proof);
    referee.set(false, 0, 0);
  }

  function receiptState(Receipt memory receipt) internal view returns (RequestState state) {
    (RequestId requestId, ) = idsOf(receipt);
    (state, , , ) = receipts.statusOf(requestId);
  }

  function bankFree(address account) internal view returns (uint256) {
    return bank.accountOf(account).freeWei;
  }

  function bankLocked(address account) internal view returns (uint256) {
    return bank.accountOf(account).lockedWei;
  }

  function checkState(Receipt memory receipt, RequestState expected, string memory what) internal view {
    check(receiptState(receipt) == expected, what);
  }
}

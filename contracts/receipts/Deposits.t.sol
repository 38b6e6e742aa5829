// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IDeposits, Voucher} from "../interfaces/IDeposits.sol";
import {Deposits} from "./Deposits.sol";
import {VM, check, checkEq} from "../test/Vm.sol";

/// @notice Money between a client and an operator that do not trust each other.
contract DepositsTest {
  uint256 private constant KEY = 0xc11e;
  uint256 private constant OTHER_KEY = 0xbad;
  uint256 private constant DEPOSIT = 1 ether;
  address private _client = address(0xc1);
  address private _operator = address(0x0b);
  bytes32 private constant ORDER = keccak256("order");
  address private _till = address(0x7111);
  Deposits private _deposits;

  function setUp() public {
    VM.warp(1_800_000_000);
    _deposits = new Deposits();
    VM.deal(_client, 10 ether);
    _deposit(DEPOSIT);
  }

  function _deposit(uint256 amountWei) private {
    VM.prank(_client);
    _deposits.deposit{value: amountWei}(_operator, VM.addr(KEY));
  }

  function _voucher(uint96 totalWei) private view returns (Voucher memory) {
    return Voucher(_client, _operator, totalWei, ORDER);
  }

  function _signed(uint256 key, Voucher memory voucher) private view returns (bytes memory) {
    (uint8 v, bytes32 r, bytes32 s) = VM.sign(key, _deposits.digestOf(voucher));
    return abi.encodePacked(r, s, v);
  }

  function _redeem(address who, Voucher memory voucher, bytes memory signature) private returns (uint256) {
    Voucher[] memory vouchers = new Voucher[](1);
    bytes[] memory signatures = new bytes[](1);
    (vouchers[0], signatures[0]) = (voucher, signature);
    VM.prank(who);
    return _deposits.redeem(vouchers, signatures, _till);
  }

  function _redeemed(uint96 totalWei) private returns (uint256) {
    Voucher memory voucher = _voucher(totalWei);
    return _redeem(_operator, voucher, _signed(KEY, voucher));
  }

  function redeemAs(address who, Voucher memory voucher, bytes memory signature) external returns (uint256) {
    return _redeem(who, voucher, signature);
  }

  function _checkMoney(uint256 held, uint256 paid) private view {
    checkEq(address(_deposits).balance, held, "held");
    checkEq(_till.balance, paid, "paid");
  }

  function test_replayedAndOldVouchersAreWorthNothing() public {
    checkEq(_redeemed(0.3 ether), 0.3 ether, "first");
    checkEq(_redeemed(0.3 ether), 0, "replayed");
    checkEq(_redeemed(0.1 ether), 0, "old");
    checkEq(_redeemed(0.5 ether), 0.2 ether, "the difference");
    _checkMoney(0.5 ether, 0.5 ether);
  }

  function test_noMoreThanTheDeposit() public {
    checkEq(_redeemed(3 ether), DEPOSIT, "all there is");
    _checkMoney(0, DEPOSIT);
    // What is still owed is paid from what comes later.
    _deposit(1.5 ether);
    checkEq(_redeemed(3 ether), 1.5 ether, "more of the same voucher");
    _checkMoney(0, 2.5 ether);
  }

  function test_forgedVouchers() public {
    Voucher memory voucher = _voucher(1 ether);
    bytes memory signature = _signed(OTHER_KEY, voucher);
    VM.expectPartialRevert(IDeposits.NotSigned.selector);
    this.redeemAs(_operator, voucher, signature);
    signature = _signed(KEY, _voucher(0.1 ether));
    VM.expectPartialRevert(IDeposits.NotSigned.selector);
    this.redeemAs(_operator, voucher, signature);
    // Somebody else's account.
    voucher.client = address(0xdead);
    signature = _signed(KEY, voucher);
    VM.expectPartialRevert(IDeposits.NotSigned.selector);
    this.redeemAs(_operator, voucher, signature);
  }

  function test_stolenVouchers() public {
    Voucher memory voucher = _voucher(1 ether);
    bytes memory signature = _signed(KEY, voucher);
    VM.expectPartialRevert(IDeposits.NotYours.selector);
    this.redeemAs(address(0xdead), voucher, signature);
    voucher.operator = address(0xdead);
    VM.expectPartialRevert(IDeposits.NotSigned.selector);
    this.redeemAs(address(0xdead), voucher, signature);
  }

  function test_vouchersOfOtherChainsAndContracts() public {
    Voucher memory voucher = _voucher(1 ether);
    VM.chainId(10);
    bytes memory signature = _signed(KEY, voucher);
    VM.chainId(31337);
    VM.expectPartialRevert(IDeposits.NotSigned.selector);
    this.redeemAs(_operator, voucher, signature);
    Deposits here = _deposits;
    _deposits = new Deposits();
    signature = _signed(KEY, voucher);
    _deposits = here;
    VM.expectPartialRevert(IDeposits.NotSigned.selector);
    this.redeemAs(_operator, voucher, signature);
  }

  function test_signerNeverChanges() public {
    VM.deal(_client, 1 ether);
    VM.prank(_client);
    VM.expectPartialRevert(IDeposits.SignerIs.selector);
    _deposits.deposit{value: 1}(_operator, VM.addr(OTHER_KEY));
    VM.prank(_client);
    VM.expectPartialRevert(IDeposits.SignerIs.selector);
    _deposits.deposit{value: 1}(address(0xdead), address(0));
  }

  function test_clientLeavesAfterItsNotice() public {
    VM.prank(_client);
    VM.expectPartialRevert(IDeposits.NotLeaving.selector);
    _deposits.withdraw(_operator, _client);
    VM.prank(_client);
    _deposits.announceLeaving(_operator);
    skip(3 days - 1);
    VM.prank(_client);
    VM.expectPartialRevert(IDeposits.LeavesLater.selector);
    _deposits.withdraw(_operator, _client);
    // The operator's last moment.
    checkEq(_redeemed(0.4 ether), 0.4 ether, "in the notice");
    skip(1);
    uint256 before = _client.balance;
    VM.prank(_client);
    checkEq(_deposits.withdraw(_operator, _client), 0.6 ether, "what is left");
    checkEq(_client.balance - before, 0.6 ether, "to the client");
    _checkMoney(0, 0.4 ether);
    checkEq(_redeemed(0.9 ether), 0, "too late");
    VM.prank(_client);
    VM.expectPartialRevert(IDeposits.NotLeaving.selector);
    _deposits.withdraw(_operator, _client);
    // Totals go on where they were.
    _deposit(1 ether);
    checkEq(_redeemed(0.5 ether), 0.1 ether, "the difference to what was redeemed");
    _checkMoney(0.9 ether, 0.5 ether);
  }

  function test_whoStaysTakesItsNoticeBack() public {
    VM.prank(_client);
    _deposits.announceLeaving(_operator);
    _deposit(1);
    skip(3 days);
    VM.prank(_client);
    VM.expectPartialRevert(IDeposits.NotLeaving.selector);
    _deposits.withdraw(_operator, _client);
  }

  function test_manyClientsInOneTransaction() public {
    Voucher[] memory vouchers = new Voucher[](20);
    bytes[] memory signatures = new bytes[](20);
    for (uint256 i = 0; i < 20; ++i) {
      address client = address(uint160(0x1000 + i));
      VM.deal(client, 1 ether);
      VM.prank(client);
      _deposits.deposit{value: 1 ether}(_operator, VM.addr(KEY + i));
      vouchers[i] = Voucher(client, _operator, uint96(0.01 ether * (i + 1)), ORDER);
      signatures[i] = _signed(KEY + i, vouchers[i]);
    }
    VM.prank(_operator);
    checkEq(_deposits.redeem(vouchers, signatures, _till), 2.1 ether, "together");
    _checkMoney(20 ether + DEPOSIT - 2.1 ether, 2.1 ether);
  }

  function testFuzz_everyWei(uint256 seed) public {
    uint256 paidIn = DEPOSIT;
    uint256 takenOut;
    for (uint256 i = 0; i < 40; ++i) {
      seed = uint256(keccak256(abi.encode(seed)));
      uint256 action = seed % 5;
      uint256 amountWei = (seed >> 8) % 0.2 ether;
      if (action == 0) {
        _deposit(amountWei);
        paidIn += amountWei;
      } else if (action == 1) {
        VM.prank(_client);
        _deposits.announceLeaving(_operator);
      } else if (action == 2) {
        skip(1 days);
      } else if (action == 3) {
        _redeemed(uint96(amountWei * 20));
      } else {
        uint256 before = _client.balance;
        VM.prank(_client);
        try _deposits.withdraw(_operator, _client) {
          takenOut += _client.balance - before;
        } catch {}
      }
      checkEq(address(_deposits).balance + _till.balance + takenOut, paidIn, "every wei");
      IDeposits.Account memory account = _deposits.accountOf(_client, _operator);
      checkEq(account.redeemedWei, _till.balance, "redeemed");
      check(account.depositWei >= account.redeemedWei, "covered");
    }
  }

  function skip(uint256 numSeconds) private {
    VM.warp(VM.getBlockTimestamp() + numSeconds);
  }
}

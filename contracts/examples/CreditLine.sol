// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Demands} from "../consumers/Answers.sol";
import {AttestedConsumer} from "../consumers/AttestedConsumer.sol";
import {Tensors} from "../consumers/Tensors.sol";
import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {Request, RequestId} from "../interfaces/Types.sol";

/// @notice Loans in ether, as large as the forest of examples/models/credit trusts the borrower. Anybody has the market score an
/// applicant's file, and the borrower brings the final answer.
/// @dev An example. The underwriter vouches for files, and for nothing else: it can neither raise nor refuse a score.
contract CreditLine is AttestedConsumer {
  /// @dev 18 decimals each: income a month in ether; debts as a share of a year's income; months in the job; late payments in two
  /// years; open loans.
  uint256 public constant FEATURES = 5;
  /// @dev Below it there is no loan; above it the limit grows in proportion. 18 decimals.
  uint256 public constant LEAST_SCORE = 0.8e18;
  uint256 private constant ONE = 1e18;
  /// @dev For a loan of any length, percent.
  uint256 public constant INTEREST = 5;

  address public immutable underwriter;
  uint256 public immutable maxLoanWei;
  /// @notice keccak256 of the model's input that a borrower's file is; 0: no file.
  mapping(address borrower => bytes32) public fileOf;
  mapping(address borrower => uint256) public debtOf;
  /// @dev A score is for one borrower: with one wrong answer, many whose files are equal could borrow more than the bond.
  mapping(RequestId => address borrower) public borrowerOf;

  error BondBelowLoan(uint256 bondWei, uint256 maxLoanWei);
  error NotUnderwriter(address caller);
  error NoFile(address borrower);
  error ScoreUsed(RequestId requestId, address borrower);
  error DebtOpen(uint256 debtWei);
  error AboveLimit(uint256 amountWei, uint256 limitWei);
  error RepaidTooMuch(uint256 amountWei, uint256 debtWei);
  error TransferFailed();

  /// @param input What to ask the market about.
  event Filed(address indexed borrower, bytes input);
  event Lent(address indexed borrower, uint256 amountWei);
  event Repaid(address indexed borrower, uint256 amountWei);

  /// @dev A wrong score is worth a loan to whoever buys it, so more than that must be at stake behind it.
  constructor(
    IInferenceMarket market_,
    Demands memory demands_,
    address underwriter_,
    uint256 maxLoanWei_
  ) AttestedConsumer(market_, demands_) {
    if (demands_.minBondWei <= maxLoanWei_) revert BondBelowLoan(demands_.minBondWei, maxLoanWei_);
    (underwriter, maxLoanWei) = (underwriter_, maxLoanWei_);
  }

  /// @notice Lenders' money.
  receive() external payable {}

  /// @notice Files what is known of a borrower; scores of an earlier file no longer count.
  function file(address borrower, uint256[FEATURES] calldata features) external {
    if (msg.sender != underwriter) revert NotUnderwriter(msg.sender);
    uint256[] memory values = new uint256[](FEATURES);
    for (uint256 i = 0; i < FEATURES; ++i) values[i] = features[i];
    bytes memory input = Tensors.packF32(values, 18);
    fileOf[borrower] = keccak256(input);
    emit Filed(borrower, input);
  }

  /// @notice Lends to the caller, by the final answer of somebody's request about its file.
  function borrow(uint256 amountWei, Request calldata request, address operator, bytes calldata score) external {
    if (fileOf[msg.sender] == 0) revert NoFile(msg.sender);
    RequestId requestId = _requireFinal(request, operator, score, fileOf[msg.sender]);
    if (borrowerOf[requestId] == address(0)) borrowerOf[requestId] = msg.sender;
    else if (borrowerOf[requestId] != msg.sender) revert ScoreUsed(requestId, borrowerOf[requestId]);
    if (debtOf[msg.sender] != 0) revert DebtOpen(debtOf[msg.sender]);
    uint256 limitWei = limitFor(score);
    if (amountWei > limitWei) revert AboveLimit(amountWei, limitWei);
    debtOf[msg.sender] = amountWei + (amountWei * INTEREST) / 100;
    emit Lent(msg.sender, amountWei);
    (bool success, ) = msg.sender.call{value: amountWei}("");
    if (!success) revert TransferFailed();
  }

  function repay(address borrower) external payable {
    if (msg.value > debtOf[borrower]) revert RepaidTooMuch(msg.value, debtOf[borrower]);
    debtOf[borrower] -= msg.value;
    emit Repaid(borrower, msg.value);
  }

  /// @notice The largest loan for a score, whatever the score: at most `maxLoanWei`.
  function limitFor(bytes calldata score) public view returns (uint256 limitWei) {
    int256 p = Tensors.f32At(score, 0, 18);
    if (p < int256(LEAST_SCORE)) return 0;
    uint256 above = (p > int256(ONE) ? ONE : uint256(p)) - LEAST_SCORE;
    return (maxLoanWei * above) / (ONE - LEAST_SCORE);
  }
}

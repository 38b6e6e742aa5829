// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {InferenceConsumer} from "../consumers/InferenceConsumer.sol";
import {Tensors} from "../consumers/Tensors.sol";
import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {RequestId} from "../interfaces/Types.sol";

/// @notice A constant-product pool whose fee follows the volatility that examples/models/volatility expects of its last prices.
/// @dev An example: what is sent to it is its liquidity, for good. Tokens with fees or hooks of their own are not for it.
contract VolatilityPool is InferenceConsumer {
  using SafeERC20 for IERC20;

  uint256 public constant PRICES = 9;
  uint256 public constant SPACING = 5 minutes;
  /// @dev An answer counts for so long from its prices on; then the fee is the highest.
  uint256 public constant FRESH = 1 hours;
  uint256 private constant MILLION = 1e6;
  /// @dev Whatever the model says, 0.05 % to 1 %.
  uint256 public constant MIN_FEE = 500;
  uint256 public constant MAX_FEE = 10_000;

  IERC20 public immutable tokenA;
  IERC20 public immutable tokenB;
  /// @dev Of A in B, 18 decimals; number k is at k % PRICES.
  uint256[PRICES] private _prices;
  uint256 public priceCount;
  uint256 public pricedAt;
  /// @notice When the prices of a request were asked about, by its nonce, unix seconds.
  mapping(uint64 nonce => uint256) public askedAt;
  uint64 public answeredNonce;
  uint256 private _fee;

  error TooFewPrices(uint256 count);
  error TooLittleOut(uint256 amountOut);

  event FeeSet(uint64 indexed nonce, uint256 feeMillionths);

  constructor(
    IInferenceMarket market_,
    Policy memory policy,
    IERC20 tokenA_,
    IERC20 tokenB_
  ) InferenceConsumer(market_, policy) {
    (tokenA, tokenB) = (tokenA_, tokenB_);
  }

  /// @notice Fee of a swap, millionths of what goes in.
  function fee() public view returns (uint256) {
    return block.timestamp > askedAt[answeredNonce] + FRESH ? MAX_FEE : _fee;
  }

  function swap(bool aForB, uint256 amountIn, uint256 minOut) external returns (uint256 amountOut) {
    note();
    (IERC20 tokenIn, IERC20 tokenOut) = aForB ? (tokenA, tokenB) : (tokenB, tokenA);
    uint256 net = (amountIn * (MILLION - fee())) / MILLION;
    amountOut = (tokenOut.balanceOf(address(this)) * net) / (tokenIn.balanceOf(address(this)) + net);
    if (amountOut < minOut) revert TooLittleOut(amountOut);
    tokenIn.safeTransferFrom(msg.sender, address(this), amountIn);
    tokenOut.safeTransfer(msg.sender, amountOut);
  }

  /// @notice Notes the price if the last one is old enough. It is that before the swap of this call: to move it, one must hold it
  /// against the market until the next block.
  function note() public {
    if (block.timestamp < pricedAt + SPACING) return;
    _prices[priceCount++ % PRICES] = (tokenB.balanceOf(address(this)) * 1e18) / tokenA.balanceOf(address(this));
    pricedAt = block.timestamp;
  }

  /// @notice Asks for the next fee; anyone may, of the same prices. The value sent is the operator's; it comes back to the caller's
  /// vault account if nobody answers, or wrongly.
  function askForFee() external payable returns (RequestId requestId, uint64 nonce) {
    if (priceCount < PRICES) revert TooFewPrices(priceCount);
    uint256[] memory prices = new uint256[](PRICES);
    for (uint256 i = 0; i < PRICES; ++i) prices[i] = _prices[(priceCount + i) % PRICES];
    (requestId, nonce) = _requestPacked(Tensors.packF32(prices, 18), msg.value, msg.sender);
    askedAt[nonce] = block.timestamp;
  }

  /// @dev Final answers may come in any order; an older one changes nothing. One that is no number reverts, which leaves the fee.
  function _onInference(RequestId, uint64 nonce, bytes calldata volatility) internal override {
    if (nonce <= answeredNonce) return;
    uint256 expected = Tensors.f32AtU(volatility, 0, 6);
    answeredNonce = nonce;
    _fee =
      expected < MIN_FEE
        ? MIN_FEE
        : expected > MAX_FEE
          ? MAX_FEE
          : expected;
    emit FeeSet(nonce, _fee);
  }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceCallback} from "../interfaces/IInferenceCallback.sol";
import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {Ask, ReleaseId, RequestId} from "../interfaces/Types.sol";
import {Answers, Caution, Standing} from "./Answers.sol";

/// @notice Base of contracts that use inference: fixes what is asked for, and accepts answers to its own requests only.
/// @dev Warning: the answer is as good as the release, the bond and the window that the constructor fixes. The window must be
/// long enough for someone to recompute the answer; the bond should exceed what a wrong answer could steal.
abstract contract InferenceConsumer is IInferenceCallback {
  /// @param releaseId Release that every request runs.
  /// @param bond Operator's bond, wei; the market raises it to its floor.
  /// @param answerSeconds Seconds that an operator has to answer.
  /// @param windowSeconds Challenge window, seconds.
  /// @param operator The only operator that may answer, or 0: any.
  /// @param callbackGas Gas for `_onInference` and this contract's checks.
  struct Policy {
    ReleaseId releaseId;
    uint96 bond;
    uint32 answerSeconds;
    uint32 windowSeconds;
    address operator;
    uint32 callbackGas;
  }

  IInferenceMarket public immutable market;
  ReleaseId public immutable releaseId;
  uint96 public immutable bond;
  uint32 public immutable answerSeconds;
  uint32 public immutable windowSeconds;
  address public immutable operator;
  uint32 public immutable callbackGas;

  /// @notice Nonce of the next request. From 1, so that the first request does not pay for a fresh slot.
  uint64 public nextNonce = 1;

  error NotMarket(address caller);
  error UnknownRequest(RequestId requestId, uint64 nonce);

  constructor(IInferenceMarket market_, Policy memory policy) {
    market = market_;
    releaseId = policy.releaseId;
    bond = policy.bond;
    answerSeconds = policy.answerSeconds;
    windowSeconds = policy.windowSeconds;
    operator = policy.operator;
    callbackGas = policy.callbackGas;
  }

  /// @inheritdoc IInferenceCallback
  /// @dev INVARIANT I-36: only the market, and only about requests that `_request` made, reaches `_onInference`: the market
  /// calls a request's own requester with its own nonce, and nonces are handed out in order.
  function onInference(RequestId requestId, uint64 nonce, bytes calldata output) external {
    if (msg.sender != address(market)) revert NotMarket(msg.sender);
    if (nonce == 0 || nonce >= nextNonce) revert UnknownRequest(requestId, nonce);
    _onInference(requestId, nonce, output);
  }

  /// @notice Asks for one inference.
  /// @param feeWei Fee, from this contract's balance.
  /// @param refundTo Vault account that gets the fee back if there is no answer.
  /// @return requestId Id of the request.
  /// @return nonce Its number, from 1.
  function _request(
    bytes calldata input,
    uint256 feeWei,
    address refundTo
  ) internal returns (RequestId requestId, uint64 nonce) {
    nonce = nextNonce++;
    requestId = market.request{value: feeWei}(
      Ask({
        releaseId: releaseId,
        nonce: nonce,
        bond: bond,
        answerSeconds: answerSeconds,
        windowSeconds: windowSeconds,
        operator: operator,
        callbackGas: callbackGas,
        refundTo: refundTo
      }),
      input
    );
  }

  /// @notice The same with an input that this contract has made (`Tensors`).
  /// @dev Not one function for both: a copy of the input into memory, or a struct that is returned, would cost every request.
  function _requestPacked(
    bytes memory input,
    uint256 feeWei,
    address refundTo
  ) internal returns (RequestId requestId, uint64 nonce) {
    nonce = nextNonce++;
    requestId = market.request{value: feeWei}(
      Ask(releaseId, nonce, bond, answerSeconds, windowSeconds, operator, callbackGas, refundTo),
      input
    );
  }

  /// @notice How firm an answer to a request of this contract is: provisional until its window is over and no game is open.
  /// @dev Warning: a provisional answer may be overturned until `endsAt`, and later while games are open; `bondWei` is the least that
  /// its operator then loses. Reverts unless this operator gave exactly this output and it was not overturned. Costs nothing where
  /// it is not used. Whether the request is this contract's own is for the caller to know.
  function _standingOf(
    RequestId requestId,
    address operator_,
    bytes calldata output
  ) internal view returns (Standing memory standing) {
    standing = Answers.standingById(market, requestId, operator_, keccak256(output));
    standing.answeredAt = standing.endsAt - windowSeconds;
    standing.bondWei = bond;
  }

  /// @notice The same, and reverts if the answer is neither final nor as firm as `caution` wants.
  function _requireProvisional(
    RequestId requestId,
    address operator_,
    bytes calldata output,
    Caution memory caution
  ) internal view returns (Standing memory standing) {
    standing = _standingOf(requestId, operator_, output);
    Answers.requireCautious(caution, requestId, standing);
  }

  /// @notice The final answer of a request. Called once it has been accepted; if it reverts, it can be called again.
  function _onInference(RequestId requestId, uint64 nonce, bytes calldata output) internal virtual;
}

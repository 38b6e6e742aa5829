// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICourt} from "./ICourt.sol";
import {Ask, Parameters, ParameterSet, ReleaseId, Request, RequestId, ResultId} from "./Types.sol";

/// @notice Requests, answers and their finality. Stores one word per request.
/// @dev Warning: an answer is provisional until `finalize`; `checkAnswer` says which it is. Parameters can be changed only
/// for later requests. A pause stops new requests only and ends by itself.
interface IInferenceMarket is ICourt {
  /// @param request Bring this struct to every later call.
  /// @param input The input blob; it is stored nowhere else.
  event Requested(
    RequestId indexed requestId,
    ReleaseId indexed releaseId,
    address indexed requester,
    Request request,
    bytes input
  );
  /// @param endsAt First second in which the answer can no longer be challenged, unix seconds.
  event Fulfilled(
    RequestId indexed requestId,
    ResultId indexed resultId,
    address indexed operator,
    uint256 endsAt,
    bytes output
  );
  event Finalized(RequestId indexed requestId, ResultId indexed resultId);
  /// @param success False: the callback reverted or has no code; `deliver` may be called again.
  event Delivered(RequestId indexed requestId, bool success);
  event Refunded(RequestId indexed requestId, address indexed refundTo, uint256 feeWei);
  event ParametersChanged(Parameters parameters);
  event PausedUntil(uint256 timestamp);

  error RequestsPaused(uint256 until);
  error RequestExists(RequestId requestId);
  error InputLengthIs(uint256 length, uint256 expected);
  error OutputLengthIs(uint256 length, uint256 expected);
  error BondTooLarge(uint256 bondWei);
  error WindowOutOfBounds(uint256 windowSeconds, uint256 min, uint256 max);
  error AnswerSecondsOutOfBounds(uint256 answerSeconds, uint256 max);
  error CallbackGasAboveCap(uint256 callbackGas, uint256 cap);
  error FeeTooLarge(uint256 feeWei);
  error RefundToZero();
  error DeadlinePassed(RequestId requestId, uint256 deadline);
  error DeadlineNotPassed(RequestId requestId, uint256 deadline);
  error NotNamedOperator(RequestId requestId, address caller, address operator);
  error TurnNotOpen(RequestId requestId, address operator, uint256 opensAt);
  error WindowOpen(RequestId requestId, uint256 endsAt);
  error GamesOpen(RequestId requestId, uint256 openGames);
  error GasBelowCallback(RequestId requestId, uint256 gas, uint256 needed);
  error NoCallback(RequestId requestId);
  error ParameterOutOfBounds(ParameterSet parameters);
  error PauseOutOfBounds(uint256 duration, uint256 max);
  error PauseTooSoon(uint256 allowedAt);

  /// @notice Asks for one inference; the value sent is the fee.
  /// @param input Input blob, exactly the release's `inputBytes`.
  function request(Ask calldata ask, bytes calldata input) external payable returns (RequestId requestId);

  /// @notice Answers a request; locks the bond from the caller's free wei in the vault.
  /// @param output Output blob, exactly the release's `outputBytes`; canonical (docs/program.md §2).
  function fulfill(Request calldata request_, bytes calldata output) external returns (ResultId resultId);

  /// @notice Makes an unchallenged or vindicated answer final, pays operator, royalty and protocol in the vault's ledger,
  /// then calls the requester back once with `callbackGas`. A failing callback changes nothing else. Anyone may call.
  function finalize(Request calldata request_, address operator, bytes calldata output) external;

  /// @notice Calls the requester back again, if no callback has succeeded. Anyone may call.
  function deliver(Request calldata request_, address operator, bytes calldata output) external;

  /// @notice Credits the fee to `refundTo` if the request went unanswered or its answer was overturned. Anyone may call.
  function refund(Request calldata request_) external;

  /// @notice Parameters of later requests, within fixed bounds. Restricted.
  function setParameters(ParameterSet calldata set) external;

  /// @notice Stops new requests for `duration` seconds. Restricted; at most 3 days, then 4 days without.
  function pause(uint256 duration) external;

  /// @notice Ends a pause early. Restricted.
  function unpause() external;

  function requestIdOf(Request calldata request_) external view returns (RequestId requestId);
  function resultIdOf(
    RequestId requestId,
    address operator,
    bytes32 outputHash
  ) external pure returns (ResultId resultId);

  /// @notice Whether `output` is the standing answer, and how firm it is.
  /// @return standing True iff this operator published exactly this output and it has not been overturned.
  /// @return isFinal True iff it can never be overturned.
  /// @return endsAt End of its challenge window, unix seconds.
  /// @return openGames Games in progress against it.
  function checkAnswer(
    RequestId requestId,
    address operator,
    bytes calldata output
  ) external view returns (bool standing, bool isFinal, uint256 endsAt, uint256 openGames);

  /// @notice When an operator may answer, by its stake now, unix seconds; type(uint256).max for an operator other than the
  /// one named.
  function turnOpensAt(Request calldata request_, address operator) external view returns (uint256 timestamp);

  /// @notice Least operator bond for a request of this release in this block, wei.
  function bondFloor(ReleaseId releaseId) external view returns (uint256 bondWei);

  /// @notice Parameters of requests made now.
  function parameters() external view returns (ParameterSet memory);
  function packedParameters() external view returns (Parameters);
  function pausedUntil() external view returns (uint256 timestamp);
  function registry() external view returns (address);
  function vault() external view returns (address);
  function game() external view returns (address);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {InferenceConsumer} from "../consumers/InferenceConsumer.sol";
import {IInferenceMarket} from "../interfaces/IInferenceMarket.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {ReleaseTerms, RequestId} from "../interfaces/Types.sol";
import {IVault} from "../interfaces/IVault.sol";
import {ReleaseTermsLib} from "../registry/ReleaseTerms.sol";
import {AggregatorV3Interface} from "./AggregatorV3Interface.sol";
import {FixedPointElement} from "./FixedPointElement.sol";
import {IFeedInput} from "./IFeedInput.sol";
import {Recurring} from "./Recurring.sol";

/// @notice A recurring inference behind Chainlink's interface: one element of the output of a release, of which inputs come from
/// the chain. Nobody appoints keepers and nobody can pause it; it stops when its budget does.
/// @dev What differs from Chainlink's feeds:
/// - `startedAt` and `updatedAt` are both the time of the round's input, not of its arrival, so the age that consumers check is the
///   age of what the answer is about: an operator that answers late, or disputes itself, cannot make an old answer look new. It
///   is never younger than the challenge window; choose heartbeats accordingly.
/// - Rounds are numbered from 1 without gaps and without phases, in the order of their inputs; a request that was not answered,
///   was overturned, came after a later one or was out of bounds is no round. Once there, a round never changes.
/// - `answeredInRound` is always the round itself. Without data, reads revert with `NoDataPresent` rather than a string.
/// @dev INVARIANT I-42: an answer is final, within bounds, and about a later input than all answers before it.
/// @dev Warning: the source's warning (IFeedInput) and the consumer's (InferenceConsumer) are the feed's.
contract InferenceFeed is AggregatorV3Interface, InferenceConsumer, Recurring {
  using ReleaseTermsLib for ReleaseTerms;

  /// @param source Where inputs come from.
  /// @param offset Where the element begins in the output blob, bytes.
  /// @param dtype Its dtype (docs/program.md §2): f32 (12), or an integer or bool (1 to 9).
  /// @param decimals Decimals of answers, at most 18.
  /// @param minAnswer Least answer let in, in units of 10 ** -decimals; likewise the greatest.
  /// @param heartbeat Age from which an answer is stale, seconds; at least the interval and the challenge window.
  /// @param description What the feed is of, such as "ETH / USD volatility, 30 days".
  struct Value {
    IFeedInput source;
    uint32 offset;
    uint8 dtype;
    uint8 decimals;
    int192 minAnswer;
    int192 maxAnswer;
    uint32 heartbeat;
    string description;
  }

  struct Round {
    int192 answer;
    uint64 inputAt;
  }

  enum Refusal {
    NotANumber,
    OutOfBounds,
    Superseded
  }

  /// @dev More than `_onInference` and the checks before it take (gas); test/feeds.snapshot.json has what they do.
  uint32 public constant CALLBACK_GAS = 100_000;

  IFeedInput public immutable source;
  uint32 public immutable offset;
  uint8 public immutable dtype;
  uint8 public immutable decimals;
  int192 public immutable minAnswer;
  int192 public immutable maxAnswer;
  uint32 public immutable heartbeat;
  string public description;

  /// @notice The latest round; 0: none yet.
  uint80 public latestRound;
  mapping(uint80 roundId => Round) private _rounds;

  /// @notice A new round; the event that Chainlink's aggregators emit.
  /// @param updatedAt Time of the input, unix seconds.
  event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);
  /// @notice A final answer that made no round.
  /// @param inputAt Time of its input, unix seconds.
  /// @param answer 0 if it was not a number.
  event AnswerKeptOut(Refusal indexed refusal, uint256 inputAt, int256 answer);

  error NoDataPresent(uint80 roundId);
  error BoundsOutOfOrder(int256 minAnswer, int256 maxAnswer);
  error DecimalsAboveMax(uint8 decimals, uint8 max);
  error DtypeUnsupported(uint8 dtype);
  error ElementOutOfBounds(uint256 endsAt, uint256 outputBytes);
  error HeartbeatTooShort(uint256 heartbeat, uint256 least);

  /// @param policy Its `callbackGas` does not matter.
  /// @param owner_ May withdraw budget; 0: nobody.
  constructor(
    IInferenceMarket market_,
    Policy memory policy,
    address owner_,
    Terms memory terms,
    Value memory value
  ) payable InferenceConsumer(market_, _withCallbackGas(policy)) Recurring(IVault(market_.vault()), owner_, terms) {
    uint256 width = FixedPointElement.width(value.dtype);
    if (width == 0) revert DtypeUnsupported(value.dtype);
    uint256 outputBytes = IModelRegistry(market_.registry()).termsOf(policy.releaseId).outputBytes();
    if (value.offset + width > outputBytes) revert ElementOutOfBounds(value.offset + width, outputBytes);
    if (value.decimals > FixedPointElement.MAX_DECIMALS)
      revert DecimalsAboveMax(value.decimals, FixedPointElement.MAX_DECIMALS);
    if (value.minAnswer > value.maxAnswer) revert BoundsOutOfOrder(value.minAnswer, value.maxAnswer);
    uint256 least = uint256(terms.interval) + policy.windowSeconds;
    if (value.heartbeat < least) revert HeartbeatTooShort(value.heartbeat, least);
    source = value.source;
    offset = value.offset;
    dtype = value.dtype;
    decimals = value.decimals;
    minAnswer = value.minAnswer;
    maxAnswer = value.maxAnswer;
    heartbeat = value.heartbeat;
    description = value.description;
    if (msg.value != 0) emit Funded(msg.sender, msg.value);
  }

  /// @inheritdoc AggregatorV3Interface
  function latestRoundData()
    external
    view
    returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
  {
    return getRoundData(latestRound);
  }

  /// @inheritdoc AggregatorV3Interface
  function version() external pure returns (uint256) {
    return 1;
  }

  /// @notice Whether there is no answer yet, or the latest is older than the heartbeat.
  function isStale() external view returns (bool) {
    uint80 roundId = latestRound;
    return roundId == 0 || block.timestamp > uint256(_rounds[roundId].inputAt) + heartbeat;
  }

  /// @inheritdoc AggregatorV3Interface
  function getRoundData(
    uint80 _roundId
  ) public view returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound) {
    Round memory round = _rounds[_roundId];
    if (round.inputAt == 0) revert NoDataPresent(_roundId);
    return (_roundId, round.answer, round.inputAt, round.inputAt, _roundId);
  }

  /// @dev The nonce is the time of the input, so that the answer brings it along. Requests are at least a second apart.
  function _ask(uint256 feeNowWei) internal override {
    nextNonce = uint64(block.timestamp);
    _requestPacked(source.input(), feeNowWei, address(this));
  }

  /// @dev Never reverts, so that an answer that is kept out is delivered once and for all.
  function _onInference(RequestId, uint64 inputAt, bytes calldata output) internal override {
    (bool isNumber, int256 answer) = _answerOf(output);
    if (!isNumber) {
      emit AnswerKeptOut(Refusal.NotANumber, inputAt, 0);
    } else if (answer < minAnswer || answer > maxAnswer) {
      emit AnswerKeptOut(Refusal.OutOfBounds, inputAt, answer);
    } else if (inputAt <= _rounds[latestRound].inputAt) {
      emit AnswerKeptOut(Refusal.Superseded, inputAt, answer);
    } else {
      uint80 roundId = ++latestRound;
      // The bounds are 192 bits.
      _rounds[roundId] = Round({answer: int192(answer), inputAt: inputAt});
      emit AnswerUpdated(answer, roundId, inputAt);
    }
  }

  /// @notice The answer that an output stands for. To be overridden where it is not one element.
  /// @dev Must not revert, and take less than 30,000 gas.
  /// @return isNumber False: there is none.
  function _answerOf(bytes calldata output) internal view virtual returns (bool isNumber, int256 answer) {
    return FixedPointElement.read(output, offset, dtype, decimals);
  }

  function _withCallbackGas(Policy memory policy) private pure returns (Policy memory) {
    policy.callbackGas = CALLBACK_GAS;
    return policy;
  }
}

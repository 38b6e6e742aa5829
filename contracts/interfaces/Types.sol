// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice keccak256(abi.encode(Release)).
type ReleaseId is bytes32;
/// @notice keccak256(abi.encode(chainid, market, Request)).
type RequestId is bytes32;
/// @notice keccak256(abi.encode(RequestId, operator, outputHash)).
type ResultId is bytes32;
/// @notice keccak256(abi.encode(ResultId, challenger)): one game per challenger and result.
type DisputeId is bytes32;

/// @notice Packed `ParameterSet`; layout in market/Parameters.sol.
type Parameters is uint256;
/// @notice What the market needs of a release, packed in one word; layout in registry/ReleaseTerms.sol.
type ReleaseTerms is uint256;

/// @notice One immutable version of a model. Its id is the hash of all of this.
/// @param modelId ERC-721 token of the model, from 1.
/// @param programRoot sha256 of the program header (docs/program.md §6): the truth.
/// @param fileSha256 sha256 of the ONNX file: provenance that anyone re-derives.
/// @param loweringVersion Version of the lowering from file to program.
/// @param bindingsHash Hash of the symbolic dimensions' values.
/// @param signatureHash Hash of the names, dtypes and shapes of inputs and outputs.
/// @param inputBytes Exact length of an input blob, bytes.
/// @param outputBytes Exact length of an output blob, bytes.
/// @param atol Absolute tolerance, binary32 bits, 0 to 65536. With both tolerances 0 the release is exact.
/// @param rtol Relative tolerance, binary32 bits, 0 to 1.
/// @param stepGas Worst gas of one `prove`, at most 12,000,000.
/// @param disputeGas Worst gas that a winning challenger spends on a whole dispute, at least `stepGas`.
/// @param royaltyBps Share of each fee that accrues to the model, basis points, at most 5000.
struct Release {
  uint64 modelId;
  bytes32 programRoot;
  bytes32 fileSha256;
  uint16 loweringVersion;
  bytes32 bindingsHash;
  bytes32 signatureHash;
  uint32 inputBytes;
  uint32 outputBytes;
  uint32 atol;
  uint32 rtol;
  uint32 stepGas;
  uint32 disputeGas;
  uint16 royaltyBps;
}

/// @notice Parameters that govern one request from its creation to its end.
/// @param protocolFeeBps Share of each fee kept by the protocol, basis points.
/// @param minWindow Shortest challenge window, seconds.
/// @param maxWindow Longest challenge window and longest answering period, seconds.
/// @param operatorClock Seconds that the operator has for all of its moves in one game.
/// @param challengerClock Seconds that the challenger has for all of its moves in one game.
/// @param challengerBondGwei Least bond of a game, gwei.
/// @param selectDepositGwei Least deposit of one `select`, gwei.
/// @param responseGas Operator's worst gas for one answer. A game's bond and each deposit are at least twice this, at the base
/// fee of their block.
/// @param turnEthSeconds In an open request, an operator with S ether of stake waits at most turnEthSeconds / S seconds.
struct ParameterSet {
  uint16 protocolFeeBps;
  uint24 minWindow;
  uint24 maxWindow;
  uint24 operatorClock;
  uint24 challengerClock;
  uint32 challengerBondGwei;
  uint32 selectDepositGwei;
  uint24 responseGas;
  uint16 turnEthSeconds;
}

/// @notice What a requester asks for. The fee is the value sent along.
/// @param releaseId Release to run; never "latest".
/// @param nonce Requester's choice; equal requests in one block need different nonces.
/// @param bond Operator's bond, wei; raised to `IInferenceMarket.bondFloor` if below.
/// @param answerSeconds An answer is accepted up to and including this many seconds from now.
/// @param windowSeconds Challenge window, seconds from the answer.
/// @param operator The only account that may answer, or 0: open to all, by sortition.
/// @param callbackGas Gas for `IInferenceCallback.onInference` on the requester; 0: no callback.
/// @param refundTo Ledger account that gets the fee back if the request goes unanswered or the answer is overturned.
struct Ask {
  ReleaseId releaseId;
  uint64 nonce;
  uint96 bond;
  uint32 answerSeconds;
  uint32 windowSeconds;
  address operator;
  uint32 callbackGas;
  address refundTo;
}

/// @notice A request as the market fixed it. Only its hash is stored; later calls bring it again.
/// @param requester Account that called `request`; target of the callback.
/// @param inputHash keccak256 of the input blob.
/// @param fee Wei held by the market until the request ends.
/// @param requestedAt Block time of the request, unix seconds.
/// @param deadline Last second in which an answer is accepted, unix seconds.
/// @param terms Snapshot of the release's terms.
/// @param parameters Snapshot of the market's parameters.
struct Request {
  address requester;
  uint64 nonce;
  ReleaseId releaseId;
  bytes32 inputHash;
  uint96 fee;
  uint96 bond;
  uint40 requestedAt;
  uint40 deadline;
  uint32 windowSeconds;
  address operator;
  uint32 callbackGas;
  address refundTo;
  ReleaseTerms terms;
  Parameters parameters;
}

/// @notice An answer on trial, with everything that its trial depends on.
/// @param release The release whose id is `request.releaseId`.
/// @param operator Account that answered.
/// @param outputHash keccak256 of the published output blob.
struct Claim {
  Request request;
  Release release;
  address operator;
  bytes32 outputHash;
}

/// @notice Life of a request.
/// @dev Requested -> Answered -> Final -> Delivered, Answered -> Overturned -> Refunded, Requested -> Refunded. A
/// request without callback ends at Final.
enum RequestState {
  None,
  Requested,
  Answered,
  Final,
  Delivered,
  Overturned,
  Refunded
}

/// @notice A node of the trace tree or of one instruction's tensor tree (docs/program.md §7).
/// @param hash The node's value.
/// @param tensor False: trace tree; true: tensor tree of `instruction`.
/// @param height Levels above the tree's leaves. A tensor node of height 0 is the hash of 256 bytes.
/// @param instruction Tensor nodes only; 0 in the trace tree.
/// @param index Position among the nodes of that height, from the left.
struct Node {
  bytes32 hash;
  bool tensor;
  uint8 height;
  uint32 instruction;
  uint32 index;
}

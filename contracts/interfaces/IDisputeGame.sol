// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Claim, DisputeId, Node, Release, ReleaseId, Request, RequestId, ResultId} from "./Types.sol";
import {OutputProof, StepProof} from "./IReferee.sol";

/// @notice Trials of answers. The operator's claim is on trial in any number of games at once, one per challenger; each
/// side of each game has a chess clock. One wrong element, shown by anyone, or one expired operator clock overturns it.
/// @dev Warning: a party that is right and lands each move within its clock cannot lose; one that cannot land a transaction
/// in that time can. Verdicts only write state; payouts are separate calls.
interface IDisputeGame {
  enum GameState {
    None,
    Open,
    /// @dev The challenger's clock ran out. Bond and deposits wait for the end of the request.
    Lost,
    Settled
  }

  enum Verdict {
    None,
    Clock,
    Step,
    Output
  }

  /// @param operatorSeconds Seconds used by the operator, up to `movedAt`.
  /// @param challengerSeconds Seconds used by the challenger, up to `movedAt`.
  /// @param movedAt Time of the challenge or of the last select, unix seconds.
  /// @param entry Order of entry among the challengers of the result, from 0.
  /// @param escrowWei Bond and deposits.
  /// @param node Hash of the selected Node; 0: the trace root.
  struct Game {
    GameState state;
    uint32 operatorSeconds;
    uint32 challengerSeconds;
    uint40 movedAt;
    uint32 entry;
    uint96 escrowWei;
    bytes32 node;
  }

  /// @param traceRoot 0 until committed.
  /// @param traceDepth Levels of the trace tree.
  /// @param committedAt Unix seconds; 0 until committed.
  /// @param decidedAt Unix seconds; 0 unless the operator lost.
  /// @param entries Number of challengers.
  /// @param bondSettled Whether the part of the bond that is nobody's share was burned.
  struct Trial {
    bytes32 traceRoot;
    uint8 traceDepth;
    Verdict verdict;
    bool bondSettled;
    uint32 entries;
    uint40 committedAt;
    uint40 decidedAt;
  }

  /// @notice What a challenger points at.
  /// @param node A node below `from`, no higher than the lowest nodes revealed with it.
  /// @param path Siblings from `node` up to `from`, packed bytes32; across both trees if it leads into a tensor.
  /// @param header Program header; only where the path leads from the trace into a tensor (so below).
  /// @param encoding Encoding of `node.instruction`.
  /// @param encodingPath Its siblings up to the instructions root, packed bytes32.
  struct Selection {
    Node node;
    bytes path;
    bytes header;
    bytes encoding;
    bytes encodingPath;
  }

  /// @param claim Bring this struct to every later call.
  event Challenged(
    ResultId indexed resultId,
    DisputeId indexed disputeId,
    address indexed challenger,
    uint256 entry,
    uint256 bondWei,
    Claim claim
  );
  /// @param top Subtree roots six levels below the trace root (or its leaves), packed bytes32, without trailing padding.
  event TraceCommitted(
    ResultId indexed resultId,
    bytes32 indexed traceRoot,
    uint256 traceDepth,
    bytes header,
    bytes top
  );
  event Selected(
    ResultId indexed resultId,
    DisputeId indexed disputeId,
    address indexed challenger,
    bytes32 traceRoot,
    Node node,
    uint256 depositWei
  );
  /// @param children Nodes six levels below (or the leaves), packed bytes32, without trailing padding; for a tensor node
  /// of height 0 its 256 bytes.
  event Revealed(ResultId indexed resultId, bytes32 indexed node, bool tensor, uint256 height, bytes children);
  event InputOpened(RequestId indexed requestId, bytes32 inputsRoot);
  event OperatorLost(ResultId indexed resultId, Verdict verdict, address by);
  event ChallengerLost(ResultId indexed resultId, DisputeId indexed disputeId);
  /// @param returnedWei Bond and deposits given back.
  /// @param shareWei Share of the operator's bond.
  /// @param forfeitedWei Bond and deposits that went to the operator or were burned.
  event GameSettled(
    ResultId indexed resultId,
    DisputeId indexed disputeId,
    uint256 returnedWei,
    uint256 shareWei,
    uint256 forfeitedWei
  );
  event BondSettled(ResultId indexed resultId, uint256 burnedWei);

  error ReleaseNotRequested(ReleaseId releaseId, Release release);
  error NotCourt(address caller);
  error GameExists(DisputeId disputeId);
  error GameStateIs(DisputeId disputeId, GameState state);
  error NotOperator(address caller, address operator);
  error TraceAlreadyCommitted(ResultId resultId, bytes32 traceRoot);
  error TraceRootIs(ResultId resultId, bytes32 traceRoot);
  error AlreadyDecided(ResultId resultId, Verdict verdict);
  error NotChallenged(ResultId resultId);
  error NotDecided(ResultId resultId);
  error BondAlreadySettled(ResultId resultId);
  error NotOver(ResultId resultId);
  error NotSelectedNode(DisputeId disputeId, Node from);
  error OperatorOnMove(DisputeId disputeId);
  error ClockExpired(DisputeId disputeId, uint256 usedSeconds, uint256 clockSeconds);
  error ClockRunning(DisputeId disputeId, bool operatorOnMove, uint256 expiresAt);
  error SelectionTooHigh(uint256 height, uint256 maxHeight);
  error SelectionNotBelow(Node node, Node from);
  error PathLengthIs(uint256 bytesGiven, uint256 bytesExpected);
  error NothingToReveal(bytes32 node);
  error ChildrenLengthIs(uint256 bytesGiven, uint256 maxBytes);
  error HashesTo(bytes32 computed, bytes32 expected);
  error AlreadyRevealed(ResultId resultId, bytes32 node, uint256 timestamp);
  error InputHashMismatch(bytes32 computed, bytes32 expected);
  error OutputHashMismatch(bytes32 computed, bytes32 expected);
  error ElementIsRight(ResultId resultId, uint256 instruction, uint256 element);

  /// @notice Opens the caller's game against an answer; locks its bond from its free wei in the vault. Only before the end of
  /// the challenge window.
  function challenge(Claim calldata claim) external returns (DisputeId disputeId);

  /// @notice Court: opens a challenger's game against an answer whose inputs root it knows, with a bond that it has locked in
  /// the vault for this.
  /// @param bondWei As `stakesNow` said when the challenger asked for the game.
  function challengeFor(
    Claim calldata claim,
    address challenger,
    uint256 bondWei,
    bytes32 inputsRoot
  ) external returns (DisputeId disputeId);

  /// @notice Operator: commits the trace root of its answer, once, with the top of the trace tree.
  /// @param header Program header; gives the depth of the tree.
  /// @param top The nodes min(6, depth) levels below the root, packed bytes32; missing ones at the end are padding.
  function commitTrace(Claim calldata claim, bytes32 traceRoot, bytes calldata header, bytes calldata top) external;

  /// @notice Challenger: points at a node of the operator's trace; the operator must reveal what is below it. Locks a deposit
  /// from the caller's free wei in the vault.
  /// @param traceRoot The committed root.
  /// @param from The node selected last, or the trace root.
  function select(Claim calldata claim, bytes32 traceRoot, Node calldata from, Selection calldata selection) external;

  /// @notice Reveals what is below a node; a fact about the result that answers every game. Anyone may call.
  /// @param children The nodes min(6, height) levels below, packed bytes32; missing ones at the end are padding. For a
  /// tensor node of height 0 its 256 bytes.
  function reveal(
    ResultId resultId,
    bytes32 traceRoot,
    bytes32 node,
    bool tensor,
    uint8 height,
    bytes calldata children
  ) external;

  /// @notice Shows that one element of the committed trace is wrong: the operator loses. Anyone may call, once somebody has
  /// challenged the answer and until it is final.
  function prove(
    Claim calldata claim,
    bytes32 traceRoot,
    uint256 instruction,
    uint256 element,
    StepProof calldata proof
  ) external;

  /// @notice Shows that the published output is not that of the committed trace, within the release's tolerance: the
  /// operator loses. Anyone may call, once somebody has challenged the answer and until it is final.
  function proveOutput(
    Claim calldata claim,
    bytes32 traceRoot,
    uint256 output,
    uint256 element,
    bytes calldata published,
    OutputProof calldata proof
  ) external;

  /// @notice Derives and stores the inputs root of a request, which proofs about instructions that read inputs need.
  /// Anyone may call.
  function openInput(
    Request calldata request,
    Release calldata release,
    bytes calldata header,
    bytes calldata input
  ) external returns (bytes32 inputsRoot);

  /// @notice Ends a game in which a clock ran out. Anyone may call.
  /// @param node The node selected last, or the trace root: (root, false, depth, 0, 0), all zero before the commit.
  function timeout(Claim calldata claim, address challenger, Node calldata node) external;

  /// @notice Pays out one game once its request is over. Anyone may call.
  function settleGame(Claim calldata claim, address challenger) external;

  /// @notice Burns the part of a losing operator's bond that is nobody's share. Anyone may call.
  function settleBond(Claim calldata claim) external;

  function disputeIdOf(ResultId resultId, address challenger) external pure returns (DisputeId disputeId);
  function nodeKeyOf(Node calldata node) external pure returns (bytes32 key);
  function gameOf(DisputeId disputeId) external view returns (Game memory);
  function trialOf(ResultId resultId) external view returns (Trial memory);

  /// @notice Time of the reveal of a node, unix seconds; 0 if not revealed.
  function revealedAt(
    ResultId resultId,
    bytes32 node,
    bool tensor,
    uint8 height
  ) external view returns (uint256 timestamp);

  /// @notice 0 until opened.
  function inputsRootOf(RequestId requestId) external view returns (bytes32 inputsRoot);

  /// @notice Seconds used by each side of an open game up to now, and who is on the move.
  function clocksOf(
    DisputeId disputeId,
    ResultId resultId,
    Node calldata node
  ) external view returns (bool operatorOnMove, uint256 operatorSeconds, uint256 challengerSeconds);

  /// @notice Bond of a game opened, and deposit of a select made, in this block under these parameters, wei.
  function stakesNow(Request calldata request) external view returns (uint256 bondWei, uint256 depositWei);

  /// @notice Share of the operator's bond of the challenger that entered as number `entry`, rounded down, wei.
  function shareDown(uint256 bondWei, uint256 entry) external pure returns (uint256 shareWei);

  function market() external view returns (address);
  function vault() external view returns (address);
  function referee() external view returns (address);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {DisputeGame} from "../dispute/DisputeGame.sol";
import {Authority} from "../market/Authority.sol";
import {InferenceMarket} from "../market/InferenceMarket.sol";
import {ModelRegistry} from "../registry/ModelRegistry.sol";
import {Vault} from "../staking/Vault.sol";
import {
  Ask,
  Claim,
  Node,
  ParameterSet,
  Release,
  ReleaseId,
  Request,
  RequestId,
  RequestState,
  ResultId
} from "../interfaces/Types.sol";
import {PresetReferee} from "./PresetReferee.sol";
import {VM, check} from "./Vm.sol";

/// @notice A deployed market with one release (128 bytes in, 64 out), an operator and challengers with stake.
abstract contract Fixture {
  uint256 internal constant START = 1_800_000_000;
  uint256 internal constant FLOOR_SECONDS = 10;
  uint96 internal constant FEE = 1 ether;
  uint96 internal constant BOND = 8 ether;
  uint32 internal constant WINDOW = 1_000;
  uint32 internal constant ANSWER = 600;
  uint256 internal constant OPERATOR_CLOCK = 100;
  uint256 internal constant CHALLENGER_CLOCK = 80;
  uint256 internal constant GAME_BOND = 0.02 ether;
  uint256 internal constant DEPOSIT = 0.002 ether;
  uint32 internal constant DISPUTE_GAS = 3_000_000;

  address internal admin = address(0xad);
  address internal treasury = address(0x77);
  address internal maintainer = address(0x3a);
  address internal operator = address(0x0b0b);
  address internal alice = address(0xa1);
  address internal bob = address(0xb0);
  address internal carol = address(0xca);

  PresetReferee internal referee;
  ModelRegistry internal registry;
  Vault internal vault;
  InferenceMarket internal market;
  DisputeGame internal game;
  Release internal release;
  ReleaseId internal releaseId;
  uint64 private _nonce;

  function setUp() public virtual {
    VM.warp(START);
    VM.fee(0);
    referee = PresetReferee(create("PresetReferee.sol:PresetReferee", ""));
    registry = ModelRegistry(create("ModelRegistry.sol:ModelRegistry", ""));
    uint256 nonce = VM.getNonce(address(this));
    address marketAt = VM.computeCreateAddress(address(this), nonce + 2);
    address gameAt = VM.computeCreateAddress(address(this), nonce + 3);
    bytes memory wiring = abi.encode(admin, adminDelay(), guardian(), marketAt);
    Authority authority = Authority(create("Authority.sol:Authority", wiring));
    wiring = abi.encode(registry, marketAt, gameAt, treasury);
    vault = Vault(create("Vault.sol:Vault", wiring));
    wiring = abi.encode(authority, registry, vault, gameAt, FLOOR_SECONDS, parameterSet());
    market = InferenceMarket(create("InferenceMarket.sol:InferenceMarket", wiring));
    game = DisputeGame(create("DisputeGame.sol:DisputeGame", abi.encode(market, vault, referee)));
    publishRelease();
    stake(operator, 1_000 ether);
    stake(alice, 10 ether);
    stake(bob, 10 ether);
    stake(carol, 10 ether);
    VM.warp(START + 1);
  }

  /// @dev Seconds that the admin has to wait between announcing and doing.
  function adminDelay() internal pure virtual returns (uint32) {
    return 0;
  }

  function guardian() internal view virtual returns (address) {
    return admin;
  }

  /// @dev From the artifact: with `new`, the compiler would optimise every contract again inside every test.
  function create(string memory artifact, bytes memory arguments) internal returns (address deployed) {
    bytes memory code = abi.encodePacked(VM.getCode(artifact), arguments);
    assembly ("memory-safe") {
      deployed := create(0, add(code, 32), mload(code))
    }
    check(deployed != address(0), artifact);
  }

  /// @dev Not block.timestamp, which the optimiser takes for constant within a test.
  function nowSeconds() internal view returns (uint256) {
    return VM.getBlockTimestamp();
  }

  function skip(uint256 numSeconds) internal {
    VM.warp(nowSeconds() + numSeconds);
  }

  function parameterSet() internal pure returns (ParameterSet memory) {
    return
      ParameterSet({
        protocolFeeBps: 100,
        minWindow: 10,
        maxWindow: 7 days,
        operatorClock: uint24(OPERATOR_CLOCK),
        challengerClock: uint24(CHALLENGER_CLOCK),
        challengerBondGwei: uint32(GAME_BOND / 1 gwei),
        selectDepositGwei: uint32(DEPOSIT / 1 gwei),
        responseGas: 300_000,
        turnEthSeconds: 0
      });
  }

  /// @dev docs/program.md §6: one u8 input, one u8 output of the only instruction.
  function byteHeader(uint32 inputBytes, uint32 outputBytes) internal pure returns (bytes memory) {
    return
      abi.encodePacked(
        uint16(1),
        uint16(1),
        uint32(1),
        uint32(0),
        uint32(1),
        uint32(1),
        bytes32(0),
        bytes32(0),
        uint8(2),
        inputBytes,
        uint8(2),
        outputBytes,
        uint32(0)
      );
  }

  function publishRelease() internal {
    bytes memory header = byteHeader(128, 64);
    VM.startPrank(maintainer);
    uint256 modelId = registry.createModel("ipfs://model");
    release = Release({
      modelId: uint64(modelId),
      programRoot: sha256(header),
      fileSha256: keccak256("file"),
      loweringVersion: 1,
      bindingsHash: 0,
      signatureHash: 0,
      inputBytes: 128,
      outputBytes: 64,
      atol: 0,
      rtol: 0,
      stepGas: 1_000_000,
      disputeGas: DISPUTE_GAS,
      royaltyBps: 500
    });
    releaseId = registry.publish(release, header, "ipfs://file");
    VM.stopPrank();
  }

  function stake(address account, uint256 amountWei) internal {
    VM.deal(account, account.balance + amountWei);
    VM.prank(account);
    vault.deposit{value: amountWei}();
  }

  function defaultAsk() internal returns (Ask memory) {
    return
      Ask({
        releaseId: releaseId,
        nonce: _nonce++,
        bond: BOND,
        answerSeconds: ANSWER,
        windowSeconds: WINDOW,
        operator: address(0),
        callbackGas: 0,
        refundTo: maintainer
      });
  }

  function inputOf(uint256 seed) internal pure returns (bytes memory) {
    return abi.encode(seed, seed + 1, seed + 2, seed + 3);
  }

  function outputOf(uint256 seed) internal pure returns (bytes memory) {
    return abi.encode(seed, ~seed);
  }

  /// @dev Requests from `requester` and returns the struct as the market fixed it.
  function makeRequest(
    address requester,
    Ask memory ask,
    bytes memory input,
    uint96 feeWei
  ) internal returns (Request memory made) {
    VM.deal(requester, requester.balance + feeWei);
    VM.prank(requester);
    RequestId requestId = market.request{value: feeWei}(ask, input);
    made = fixedRequest(requester, ask, input, feeWei);
    check(RequestId.unwrap(requestId) == RequestId.unwrap(market.requestIdOf(made)), "request as fixed");
  }

  function fixedRequest(
    address requester,
    Ask memory ask,
    bytes memory input,
    uint96 feeWei
  ) internal view returns (Request memory) {
    uint256 floorWei = market.bondFloor(ask.releaseId);
    return
      Request({
        requester: requester,
        nonce: ask.nonce,
        releaseId: ask.releaseId,
        inputHash: keccak256(input),
        fee: feeWei,
        bond: ask.bond > floorWei ? ask.bond : uint96(floorWei),
        requestedAt: uint40(nowSeconds()),
        deadline: uint40(nowSeconds() + ask.answerSeconds),
        windowSeconds: ask.windowSeconds,
        operator: ask.operator,
        callbackGas: ask.callbackGas,
        refundTo: ask.refundTo,
        terms: registry.termsOf(ask.releaseId),
        parameters: market.packedParameters()
      });
  }

  function claimOf(Request memory request, bytes memory output) internal view returns (Claim memory) {
    return Claim({request: request, release: release, operator: operator, outputHash: keccak256(output)});
  }

  function resultIdOf(Claim memory claim) internal view returns (ResultId) {
    return market.resultIdOf(market.requestIdOf(claim.request), claim.operator, claim.outputHash);
  }

  /// @dev A request answered by `operator` with outputOf(1).
  function answered() internal returns (Claim memory claim) {
    Request memory request = makeRequest(address(0x5e), defaultAsk(), inputOf(1), FEE);
    VM.prank(operator);
    market.fulfill(request, outputOf(1));
    return claimOf(request, outputOf(1));
  }

  function stateOf(Request memory request) internal view returns (RequestState state) {
    (state, , , ) = market.statusOf(market.requestIdOf(request));
  }

  function freeOf(address account) internal view returns (uint256) {
    return vault.accountOf(account).freeWei;
  }

  function lockedOf(address account) internal view returns (uint256) {
    return vault.accountOf(account).lockedWei;
  }

  function rootNode(bytes32 traceRoot, uint8 depth) internal pure returns (Node memory) {
    return Node({hash: traceRoot, tensor: false, height: depth, instruction: 0, index: 0});
  }
}

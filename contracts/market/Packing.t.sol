// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {
  Parameters,
  ParameterSet,
  Release,
  ReleaseTerms,
  Request,
  RequestState,
  ResultId
} from "../interfaces/Types.sol";
import {ReleaseTermsLib} from "../registry/ReleaseTerms.sol";
import {Ids} from "./Ids.sol";
import {ParametersLib} from "./Parameters.sol";
import {Status, StatusLib} from "./Status.sol";
import {check} from "../test/Vm.sol";

/// @notice Packed words give back what was put in, and neighbours never touch.
contract PackingTest {
  using ParametersLib for Parameters;
  using ReleaseTermsLib for ReleaseTerms;
  using StatusLib for Status;

  function testFuzz_parametersRoundTrip(ParameterSet memory set) public pure {
    Parameters packed = ParametersLib.pack(set);
    check(keccak256(abi.encode(packed.unpack())) == keccak256(abi.encode(set)), "round trip");
    check(Parameters.unwrap(packed) >> ParametersLib.BITS == 0, "pause bits are free");
    check(packed.challengerBondWei() == uint256(set.challengerBondGwei) * 1e9, "bond");
    check(packed.selectDepositWei() == uint256(set.selectDepositGwei) * 1e9, "deposit");
  }

  function testFuzz_termsRoundTrip(Release memory release) public pure {
    ReleaseTerms terms = ReleaseTermsLib.pack(release);
    check(terms.modelId() == release.modelId, "model");
    check(terms.inputBytes() == release.inputBytes, "input");
    check(terms.outputBytes() == release.outputBytes, "output");
    check(terms.disputeGas() == release.disputeGas, "gas");
    check(terms.royaltyBps() == release.royaltyBps, "royalty");
    check(terms.exists() || release.modelId == 0, "exists");
  }

  function testFuzz_statusRoundTrip(bytes32 result, uint40 end, uint8 games, uint8 removed, uint8 state) public pure {
    end %= 1 << 36;
    games %= 64;
    removed = games == 0 ? 0 : removed % games;
    Status status = StatusLib.answered(ResultId.wrap(result), end);
    for (uint256 i = 0; i < games; ++i) status = status.addGame();
    for (uint256 i = 0; i < removed; ++i) status = status.removeGame();
    RequestState next = RequestState(state % (uint256(type(RequestState).max) + 1));
    status = status.withState(next);
    check(status.state() == next, "state");
    check(status.endsAt() == end, "end");
    check(status.openGames() == uint256(games) - removed, "games");
    check(status.resultKey() == bytes24(result), "key");
    check(status.isResult(ResultId.wrap(result)), "is the result");
  }

  /// @dev I-8: any of the first 192 bits tells two results apart.
  function testFuzz_statusTellsResultsApart(bytes32 result, uint8 bit) public pure {
    Status status = StatusLib.answered(ResultId.wrap(result), 1).addGame();
    bytes32 other = result ^ bytes32(uint256(1) << (64 + (bit % 192)));
    check(!status.isResult(ResultId.wrap(other)), "another result");
  }

  /// @dev I-9: the fast hashes are the specified one.
  function testFuzz_requestId(Request calldata request, address market) public view {
    bytes32 expected = keccak256(abi.encode(block.chainid, market, request));
    Request memory copy = request;
    check(keccak256(abi.encode(Ids.requestId(request, market))) == keccak256(abi.encode(expected)), "calldata");
    check(keccak256(abi.encode(Ids.requestIdOfMemory(copy, market))) == keccak256(abi.encode(expected)), "memory");
  }
}

import { expect } from "chai";
import type { AssayEvent } from "../../../sdk/src/events.ts";
import { keccak, resultIdOf } from "../../../sdk/src/ids.ts";
import { ZERO_ADDRESS, ZERO_HASH, type Claim, type Hex } from "../../../sdk/src/structs.ts";
import { liveOf } from "../roles/line.ts";
import { answeredAt, apply, clocksAt, emptyState, resultOfClaim, type ChainState } from "./state.ts";

const OPERATOR: Hex = `0x${"bb".repeat(20)}`;
const CHALLENGER: Hex = `0x${"cc".repeat(20)}`;
const OUTPUT: Hex = "0x1234";
const claim: Claim = {
  request: {
    ...{ requester: ZERO_ADDRESS, nonce: 0n, releaseId: ZERO_HASH, inputHash: ZERO_HASH, fee: 0n },
    ...{ bond: 1n, requestedAt: 1, deadline: 9, windowSeconds: 9, operator: OPERATOR, callbackGas: 0 },
    ...{ refundTo: ZERO_ADDRESS, terms: 0n, parameters: 0n },
  },
  release: {
    ...{
      modelId: 1n,
      programRoot: ZERO_HASH,
      fileSha256: ZERO_HASH,
      loweringVersion: 1,
      bindingsHash: ZERO_HASH,
    },
    ...{
      signatureHash: ZERO_HASH,
      inputBytes: 1,
      outputBytes: 2,
      atol: 0,
      rtol: 0,
      stepGas: 1,
      disputeGas: 1,
      royaltyBps: 0,
    },
  },
  operator: OPERATOR,
  outputHash: keccak(OUTPUT),
};
const commit = { traceRoot: ZERO_HASH, traceDepth: 3, header: "0x", top: "0x" } as const;

function happens(state: ChainState, timestamp: number, event: AssayEvent): void {
  apply(state, { event, blockNumber: timestamp, timestamp });
}

/** A liar need not wait to be challenged, nor even to answer: whoever missed it would wait for it until its own clock ran out. */
describe("a trace that was committed early", () => {
  it("is there once its receipt is on trial", () => {
    const state = emptyState();
    const resultId = resultOfClaim(ZERO_HASH, claim);
    happens(state, 5, { name: "TraceCommitted", resultId, ...commit });
    expect(state.results.size).to.equal(0);
    const hashes = { requestHash: ZERO_HASH, inputsRoot: ZERO_HASH, outputHash: claim.outputHash };
    const receipt = { ...hashes, releaseId: ZERO_HASH, operator: OPERATOR, issuedAt: 1, bondClass: 4 };
    happens(state, 7, { name: "ReceiptOnTrial", requestId: ZERO_HASH, operator: OPERATOR, receipt, claim });
    const game = { resultId, disputeId: ZERO_HASH, challenger: CHALLENGER };
    happens(state, 7, { name: "Challenged", ...game, entry: 0, bondWei: 5n, claim });
    const result = state.results.get(resultId);
    const opened = result?.games.get(CHALLENGER);
    if (result === undefined || opened === undefined) throw new Error("no game");
    expect(result.commit).to.include({ traceDepth: 3, at: 5 });
    expect(answeredAt(result, opened)).to.equal(5);
    // As the contract counts: from the challenge on it is the challenger's time.
    const clocks = { operatorOnMove: false, operatorSeconds: 0, challengerSeconds: 3 };
    expect(clocksAt(result, opened, 10)).to.deep.equal(clocks);
    expect(state.early.size).to.equal(0);
    // Whoever waits in line has its turn once the trial is over.
    happens(state, 8, { name: "GameOpened", requestId: ZERO_HASH, resultId, openGames: 1 });
    expect(liveOf(state, OPERATOR)).to.equal(1);
    happens(state, 9, { name: "Overturned", requestId: ZERO_HASH, resultId });
    expect(liveOf(state, OPERATOR)).to.equal(0);
  });

  it("is there once its answer is", () => {
    const state = emptyState();
    const resultId = resultIdOf(ZERO_HASH, OPERATOR, claim.outputHash);
    const request = {
      requestId: ZERO_HASH,
      releaseId: ZERO_HASH,
      requester: ZERO_ADDRESS,
      input: "0x",
    } as const;
    happens(state, 4, { name: "Requested", ...request, request: claim.request });
    happens(state, 5, { name: "TraceCommitted", resultId, ...commit });
    happens(state, 5, {
      name: "Revealed",
      resultId,
      node: ZERO_HASH,
      tensor: false,
      height: 3,
      children: "0x",
    });
    const answer = { requestId: ZERO_HASH, resultId, operator: OPERATOR, endsAt: 20, output: OUTPUT };
    happens(state, 6, { name: "Fulfilled", ...answer });
    expect(state.results.get(resultId)?.commit?.at).to.equal(5);
    expect(state.results.get(resultId)?.reveals.size).to.equal(1);
  });
});

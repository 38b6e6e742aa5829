import { setImmediate as turn } from "node:timers/promises";
import { expect } from "chai";
import fc from "fast-check";
import type { AssayEvent } from "../../../sdk/src/events.ts";
import { quoteOf } from "../../../sdk/src/offer.ts";
import { unpackParameters } from "../../../sdk/src/parameters.ts";
import {
  toHex,
  ZERO_ADDRESS,
  ZERO_HASH,
  type Hex,
  type Release,
  type Request,
} from "../../../sdk/src/structs.ts";
import type { BlockRef } from "../chain/log.ts";
import { apply, emptyState, resultOfClaim, type ReleaseRecord } from "../chain/state.ts";
import { createLogger } from "../log.ts";
import {
  answerCost,
  bondFloor,
  considerAnswer,
  paysDelivery,
  type AnswerFacts,
  type AnswerTerms,
} from "./answer.ts";
import {
  considerChallenge,
  estimateChallenge,
  gameLockWei,
  stakesAt,
  type ChallengeFacts,
} from "./challenge.ts";
import { createNotices, leave, type Decision } from "./decision.ts";
import { NO_EXPOSURE, type Exposure } from "./exposure.ts";
import { createGasPrice, suggestedTip } from "./feePerGas.ts";
import { grossFee, netFee } from "./fees.ts";
import { toLockIn } from "./locked.ts";
import { stakeNeeded, type StakeFacts } from "./needed.ts";
import { isInStep, NO_OFFER, offerFor } from "./offers.ts";
import { createPromises, shareAmong, wholeAmong } from "./promises.ts";
import { createReading } from "./reading.ts";
import { computeWei, createRunTimes } from "./runTimes.ts";
import { shareDown } from "./share.ts";

const GWEI = 10n ** 9n;
const ETHER = 10n ** 18n;
const ME: Hex = `0x${"0a".repeat(20)}`;
const RELEASE_ID: Hex = `0x${"ab".repeat(32)}`;
/** protocolFeeBps 100, operatorClock and challengerClock 100 s, bond 20,000,000 gwei, deposit 2,000,000 gwei, responseGas 300,000. */
const PARAMETERS =
  100n | (100n << 64n) | (100n << 88n) | (20_000_000n << 112n) | (2_000_000n << 144n) | (300_000n << 176n);

const release: Release = {
  modelId: 1n,
  programRoot: ZERO_HASH,
  fileSha256: ZERO_HASH,
  loweringVersion: 1,
  bindingsHash: ZERO_HASH,
  signatureHash: ZERO_HASH,
  inputBytes: 128,
  outputBytes: 64,
  atol: 0,
  rtol: 0,
  stepGas: 400_000,
  disputeGas: 1_500_000,
  royaltyBps: 500,
};

const request: Request = {
  requester: ZERO_ADDRESS,
  nonce: 0n,
  releaseId: RELEASE_ID,
  inputHash: ZERO_HASH,
  fee: ETHER / 100n,
  bond: ETHER,
  requestedAt: 0,
  deadline: 100,
  windowSeconds: 50,
  operator: ZERO_ADDRESS,
  callbackGas: 0,
  refundTo: ZERO_ADDRESS,
  terms: 0n,
  parameters: PARAMETERS,
};

/** Answers and verifies nothing. */
const IDLE: StakeFacts = {
  ...{ me: ME, baseFee: GWEI, serve: undefined, verify: undefined, processes: 1 },
  ...{ isReady: () => true, roundsOf: () => 4 },
};

const TERMS: AnswerTerms = { serve: "all", minFee: "auto" };

function facts(changes: Partial<AnswerFacts> = {}): AnswerFacts {
  return {
    feePerGas: 2n * GWEI,
    runSeconds: 0,
    freeWei: undefined,
    exposure: NO_EXPOSURE,
    added: { answers: 1, bondWei: request.bond, traceSeconds: 1, clockSeconds: 100 },
    limits: { maxBondWei: undefined, workers: 2 },
    ...changes,
  };
}

function codeOf(decision: Decision): string {
  return decision.take ? "take" : decision.code;
}

function considered(
  terms: Partial<AnswerTerms>,
  changes: Partial<Request> = {},
  now: Partial<AnswerFacts> = {},
): string {
  return codeOf(considerAnswer({ ...request, ...changes }, release, ME, { ...TERMS, ...terms }, facts(now)));
}

describe("fees", () => {
  it("gross fee is the least that leaves the net fee, for all shares", () => {
    const shares = fc.record({
      royaltyBps: fc.integer({ min: 0, max: 5000 }),
      protocolFeeBps: fc.integer({ min: 0, max: 1000 }),
    });
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 96n }), shares, (net, share) => {
        const gross = grossFee(net, share);
        expect(netFee(gross, share) >= net).to.equal(true);
        // The shares are rounded down, each by less than a wei, so a few wei less may still do.
        expect(gross < 6n || netFee(gross - 6n, share) < net).to.equal(true);
      }),
    );
  });
});

describe("whether to answer", () => {
  it("takes what covers the cost to the wei, and leaves one wei less", () => {
    const { gasWei, totalWei } = answerCost(release, 0, facts({ runSeconds: 1.5 }), GWEI);
    expect(totalWei - gasWei).to.equal((3n * GWEI) / 2n);
    const least = grossFee(totalWei, { royaltyBps: 500, protocolFeeBps: 100 });
    const terms = { computeWeiPerSecond: GWEI };
    expect(considered(terms, { fee: least }, { runSeconds: 1.5 })).to.equal("take");
    expect(considered(terms, { fee: least - 3n }, { runSeconds: 1.5 })).to.equal("fee-below-cost");
  });

  it("counts the callback that the finalizer pays for", () => {
    const { totalWei } = answerCost(release, 0, facts());
    const fee = grossFee(totalWei, { royaltyBps: 500, protocolFeeBps: 100 });
    expect(considered({}, { fee })).to.equal("take");
    expect(considered({}, { fee, callbackGas: 5_000_000 })).to.equal("fee-below-cost");
    expect(answerCost(release, 5_000_000, facts()).gas - answerCost(release, 0, facts()).gas).to.be.at.least(
      5_000_000,
    );
  });

  it("takes a number as it is, and the price of the release before the general one", () => {
    expect(considered({ minFee: 0n }, { fee: 0n, callbackGas: 5_000_000 })).to.equal("take");
    expect(considered({ minFee: request.fee })).to.equal("take");
    expect(considered({ minFee: request.fee + 1n })).to.equal("fee-below-price");
    const prices = new Map([[RELEASE_ID, request.fee + 1n]]);
    expect(considered({ minFee: 0n, prices })).to.equal("fee-below-price");
    expect(considered({ minFee: 0n, prices }, { releaseId: ZERO_HASH })).to.equal("take");
  });

  it("leaves other releases, other operators' requests, and bonds above the limits", () => {
    expect(considered({ serve: [ZERO_HASH] })).to.equal("release-not-served");
    expect(considered({ serve: [`0x${"AB".repeat(32)}`] })).to.equal("take");
    expect(considered({}, { operator: `0x${"0b".repeat(20)}` })).to.equal("named-other");
    expect(considered({}, { operator: `0x${"0A".repeat(20)}` })).to.equal("take");
    expect(considered({ maxBond: ETHER })).to.equal("take");
    expect(considered({ maxBond: ETHER - 1n })).to.equal("bond-above-limit");
  });

  it("risks no more bonds than allowed", () => {
    const exposure: Exposure = { answers: 2, bondWei: 2n * ETHER, traceSeconds: 0, clockSeconds: 100 };
    expect(considered({}, {}, { exposure, limits: { maxBondWei: 3n * ETHER, workers: 2 } })).to.equal("take");
    expect(considered({}, {}, { exposure, limits: { maxBondWei: 3n * ETHER - 1n, workers: 2 } })).to.equal(
      "exposure-above-limit",
    );
  });

  it("owes no more traces than its clocks allow, if all answers were challenged at once", () => {
    // A quarter of 100 s, by two processes: 50 s of traces.
    const open = (traceSeconds: number, clockSeconds = 100): Partial<AnswerFacts> => ({
      exposure: { answers: 7, bondWei: 0n, traceSeconds, clockSeconds },
    });
    expect(considered({}, {}, open(49))).to.equal("take");
    expect(considered({}, {}, open(49.5))).to.equal("too-many-traces-owed");
    expect(considered({}, {}, open(25, 50))).to.equal("too-many-traces-owed");
    const added: Exposure = { answers: 1, bondWei: 0n, traceSeconds: 80, clockSeconds: 100 };
    expect(considered({}, {}, { added })).to.equal("take");
    expect(considered({}, {}, { added, ...open(0.001) })).to.equal("too-many-traces-owed");
  });

  it("calls back again only as long as the fee pays for it", () => {
    const wanted = { ...request, callbackGas: 1_000_000 };
    const prices = { feePerGas: GWEI, runSeconds: 0 };
    const paid = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((failed) =>
      paysDelivery(wanted, release, TERMS, prices, failed),
    );
    // 0.0094 ETH after shares, 0.0012 for the answer, 0.0011 for each delivery.
    expect(paid.indexOf(false)).to.equal(7);
    expect(paid.lastIndexOf(true)).to.equal(6);
    expect(paysDelivery(wanted, release, { minFee: 1n }, prices, 100)).to.equal(true);
  });

  it("sums without overflow at the extremes of every field", () => {
    const most = 2n ** 96n - 1n;
    const exposure: Exposure = {
      answers: 2 ** 32,
      bondWei: most * 2n ** 32n,
      traceSeconds: 1e12,
      clockSeconds: 1,
    };
    const now = { exposure, feePerGas: 2n ** 64n, runSeconds: 1e9, limits: { maxBondWei: most, workers: 1 } };
    const terms = { minFee: 0n, computeWeiPerSecond: most };
    expect(considered(terms, { fee: most, bond: most, callbackGas: 2 ** 32 - 1 }, now)).to.equal(
      "exposure-above-limit",
    );
    expect(considered({ ...terms, minFee: "auto" }, { fee: most, callbackGas: 2 ** 32 - 1 }, now)).to.equal(
      "fee-below-cost",
    );
  });
});

describe("offers", () => {
  const now = { parameters: PARAMETERS, runSeconds: 2, tip: GWEI };
  const fees = fc.bigInt({ min: 0n, max: 10_000n * GWEI });

  it("who pays the quote is answered, also after two full blocks", () => {
    fc.assert(
      fc.property(fees, fees, fc.integer({ min: 0, max: 5_000_000 }), (baseFee, tip, callbackGas) => {
        const terms = { ...TERMS, computeWeiPerSecond: GWEI };
        const offer = offerFor(RELEASE_ID, release, terms, { ...now, tip });
        const fee = quoteOf(offer, baseFee, callbackGas) ?? 0n;
        const later = (baseFee * 81n) / 64n;
        // The callback's own overhead in gas is within the margin.
        const feePerGas = (callbackGas === 0 ? later : baseFee) + tip;
        const decided = considered(terms, { fee, callbackGas }, { feePerGas, runSeconds: 2 });
        expect(decided).to.equal("take");
      }),
    );
  });

  it("a fixed price is announced as it is, with the largest bond", () => {
    const terms = { ...TERMS, minFee: 5n, maxBond: 7n };
    expect(offerFor(RELEASE_ID, release, terms, now)).to.deep.equal({
      ...NO_OFFER,
      feeWei: 5n,
      maxBondWei: 7n,
    });
    const endless = { ...TERMS, minFee: 2n ** 200n };
    expect(offerFor(RELEASE_ID, release, endless, now).feeWei).to.equal(2n ** 96n - 1n);
  });

  it("stays as announced while it is near, and changes when it is not", () => {
    const wanted = offerFor(RELEASE_ID, release, TERMS, now);
    const inStep = (announced: Partial<typeof wanted>): boolean =>
      isInStep({ ...wanted, ...announced }, wanted, 10n * GWEI);
    expect(inStep({})).to.equal(true);
    expect(inStep({ tipMwei: 1500 })).to.equal(true);
    expect(inStep({ tipMwei: 20_000 })).to.equal(false);
    expect(inStep({ gasPercent: wanted.gasPercent * 2 + 1 })).to.equal(false);
    expect(inStep({ gasPercent: Math.floor(wanted.gasPercent * 0.8) })).to.equal(false);
    expect(inStep({ maxBondWei: 1n })).to.equal(false);
    expect(isInStep(undefined, wanted, 0n)).to.equal(false);
    const fixed = offerFor(RELEASE_ID, release, { ...TERMS, minFee: 5n }, now);
    expect(isInStep(fixed, wanted, 0n)).to.equal(false);
    expect(isInStep({ ...fixed, feeWei: 6n }, fixed, 0n)).to.equal(false);
    expect(isInStep(fixed, fixed, 0n)).to.equal(true);
  });
});

describe("whether to challenge", () => {
  const rules = unpackParameters(PARAMETERS);
  const wrong: ChallengeFacts = {
    release,
    rules,
    bondWei: ETHER / 10n,
    entries: 0,
    baseFee: GWEI,
    feePerGas: 2n * GWEI,
    rounds: 4,
    lockedWei: 0n,
  };
  const decide = (
    changes: Partial<ChallengeFacts>,
    bankroll?: bigint,
    challenge: "paying" | "always" = "paying",
  ): string => codeOf(considerChallenge({ challenge, bankroll }, { ...wrong, ...changes }));

  it("knows reward, cost and lock", () => {
    expect(estimateChallenge(wrong)).to.deep.equal({
      rewardWei: ETHER / 40n,
      costWei: 1_500_000n * 2n * GWEI,
      lockWei: (20_000_000n + 4n * 2_000_000n) * GWEI,
    });
    // At 100 gwei, twice the response gas is above the deposit (0.06 ETH) and the bond.
    expect(stakesAt(rules, 100n * GWEI)).to.deep.equal({
      bondWei: 60_000_000n * GWEI,
      depositWei: 60_000_000n * GWEI,
    });
    expect(gameLockWei({ escrowWei: 5n, selections: [1] }, 3, 7n)).to.equal(19n);
    expect(gameLockWei({ escrowWei: 5n, selections: [1, 2, 3, 4] }, 3, 7n)).to.equal(5n);
  });

  it("challenges exactly when the share covers the worst dispute", () => {
    const price = ETHER / 40n / 1_500_000n;
    expect(decide({ feePerGas: price })).to.equal("take");
    expect(decide({ feePerGas: price + 1n })).to.equal("reward-below-cost");
    expect(decide({ feePerGas: price + 1n }, undefined, "always")).to.equal("take");
    expect(decide({ entries: 3 })).to.equal("take");
    expect(decide({ entries: 4 })).to.equal("reward-below-cost");
    expect(shareDown(2n ** 96n - 1n, 300)).to.equal(0n);
  });

  it("the bond floor always pays at the request's base fee", () => {
    const bases = fc.bigInt({ min: 0n, max: 10_000n * GWEI });
    fc.assert(
      fc.property(bases, fc.integer({ min: 1, max: 30_000_000 }), (baseFee, worst) => {
        const made = { ...release, disputeGas: worst, stepGas: 1 };
        const bondWei = bondFloor(made, rules, baseFee);
        // And still when base fee and tip together are twice as high.
        expect(decide({ release: made, bondWei, baseFee, feePerGas: 2n * baseFee })).to.equal("take");
      }),
    );
  });

  it("keeps its bankroll, also if it always challenges", () => {
    const lock = 28_000_000n * GWEI;
    expect(decide({}, lock)).to.equal("take");
    expect(decide({}, lock - 1n)).to.equal("bankroll-exhausted");
    expect(decide({ lockedWei: 1n }, lock)).to.equal("bankroll-exhausted");
    expect(decide({ lockedWei: 1n }, lock, "always")).to.equal("bankroll-exhausted");
  });

  it("begins nothing that its free stake could not play to the end, where it looks", () => {
    const lock = 28_000_000n * GWEI;
    expect(decide({ freeWei: lock })).to.equal("take");
    for (const freeWei of [lock - 1n, 0n, -lock]) expect(decide({ freeWei })).to.equal("stake-too-low");
    expect(decide({ freeWei: 0n }, undefined, "always")).to.equal("stake-too-low");
    const decision = considerChallenge(
      { challenge: "paying", bankroll: undefined },
      { ...wrong, freeWei: -1n },
    );
    expect(decision).to.deep.include({ reason: "free stake below what it could lock (0 ETH < 0.028 ETH)" });
  });

  it("counts what own games in a court, and challenges in line, may come to lock", () => {
    const [me, operator, court] = [ME, `0x${"bb".repeat(20)}`, "market"] as const;
    const state = { ...emptyState(), parameters: PARAMETERS };
    const hashes = { requestHash: ZERO_HASH, inputsRoot: ZERO_HASH, outputHash: ZERO_HASH };
    const receipt = { ...hashes, releaseId: RELEASE_ID, operator, issuedAt: 1, bondClass: 4 };
    const claim = {
      request: {
        ...{ requester: ZERO_ADDRESS, nonce: 0n, releaseId: RELEASE_ID, inputHash: ZERO_HASH, fee: 0n },
        ...{ bond: 1n, requestedAt: 1, deadline: 1, windowSeconds: 9, operator, callbackGas: 0 },
        ...{ refundTo: ZERO_ADDRESS, terms: 0n, parameters: PARAMETERS },
      },
      ...{ release, operator, outputHash: ZERO_HASH },
    };
    const happens = (event: AssayEvent): void => apply(state, { event, blockNumber: 1, timestamp: 1 });
    const toLock = (account = me): bigint => {
      expect(toLockIn("market", state, account, GWEI, () => 4)).to.equal(0n);
      const wei = toLockIn("receipts", state, account, GWEI, () => 4);
      // The same games, were they the market's: challenges in line are not.
      const requests = new Map([...state.requests].map(([id, request]) => [id, { ...request, court }]));
      expect(toLockIn(court, { ...state, requests }, account, GWEI, () => 4)).to.equal(
        state.queues.size > 0 ? 0n : wei,
      );
      expect(stakeNeeded({ ...state, requests }, { ...IDLE, me: account })).to.equal(
        state.queues.size > 0 ? 0n : wei,
      );
      return wei;
    };
    expect(toLock()).to.equal(0n);
    happens({
      ...{ name: "ChallengeQueued", requestId: ZERO_HASH, challenger: me, number: 0, bondWei: 5n },
      ...{ operator, receipt, release },
    });
    expect([toLock(), toLock(operator)]).to.deep.equal([8_000_000n * GWEI, 0n]);
    happens({ name: "ChallengeDequeued", operator, number: 0, begun: true });
    happens({ name: "ReceiptOnTrial", requestId: ZERO_HASH, operator, receipt, claim });
    const resultId = resultOfClaim(ZERO_HASH, claim);
    const game = { resultId, disputeId: ZERO_HASH, challenger: me };
    happens({ name: "Challenged", ...game, entry: 0, bondWei: 5n, claim });
    expect(toLock()).to.equal(8_000_000n * GWEI);
    const node = { hash: ZERO_HASH, tensor: false, height: 0, instruction: 0, index: 0 };
    happens({ name: "Selected", ...game, traceRoot: ZERO_HASH, node, depositWei: 1n });
    expect(toLock()).to.equal(6_000_000n * GWEI);
    happens({ name: "OperatorLost", resultId, verdict: "clock", by: me });
    happens({ name: "Overturned", requestId: ZERO_HASH, resultId });
    expect(toLock()).to.equal(0n);
  });
});

describe("the stake that must be free", () => {
  const small: Hex = `0x${"01".repeat(32)}`;
  const large: Hex = `0x${"02".repeat(32)}`;
  const strange: Hex = `0x${"03".repeat(32)}`;
  const dear = 100_000_000;
  const released = (releaseId: Hex, disputeGas: number): [Hex, ReleaseRecord] => [
    releaseId,
    { releaseId, release: { ...release, disputeGas }, header: ZERO_HASH, contentUris: [] },
  ];
  const state = {
    ...emptyState(),
    parameters: PARAMETERS,
    releases: new Map([released(small, 1_000_000), released(large, 3_000_000), released(strange, dear)]),
  };
  const facts: StakeFacts = {
    ...IDLE,
    isReady: (releaseId) => releaseId !== strange,
    roundsOf: (releaseId) => (releaseId === small ? 3 : releaseId === large ? 6 : 99),
  };
  const needed = (changes: Partial<StakeFacts>) => stakeNeeded(state, { ...facts, ...changes });

  it("covers the least bond of an answer to the dearest release that is served", () => {
    expect(needed({ serve: "all" })).to.equal(8n * 3_000_000n * GWEI);
    // Never less than the deposit makes it, as before any release is ready.
    expect(needed({ serve: "all", isReady: () => false })).to.equal(8n * 2_000_000n * GWEI);
    expect(needed({ serve: [small] })).to.equal(8n * 2_000_000n * GWEI);
    expect(needed({ serve: "all", baseFee: 10n * GWEI })).to.equal(8n * 30_000_000n * GWEI);
    // What the owner names counts at once.
    expect(needed({ serve: [strange] })).to.equal(8n * BigInt(dear) * GWEI);
  });

  it("covers the bond and all deposits of the longest dispute that is verified, in each process of a fleet", () => {
    expect(needed({ verify: "all" })).to.equal((20_000_000n + 6n * 2_000_000n) * GWEI);
    expect(needed({ verify: [small] })).to.equal((20_000_000n + 3n * 2_000_000n) * GWEI);
    expect(needed({ verify: [small], processes: 2 })).to.equal(3n * (20_000_000n + 3n * 2_000_000n) * GWEI);
  });

  it("is the larger one for whoever does both, and nothing for whoever does neither", () => {
    expect(needed({ serve: "all", verify: "all" })).to.equal((20_000_000n + 6n * 2_000_000n) * GWEI);
    const baseFee = 10n * GWEI;
    expect(needed({ serve: "all", verify: "all", baseFee })).to.equal(8n * 30_000_000n * GWEI);
    expect(needed({})).to.equal(0n);
    expect(stakeNeeded({ ...state, parameters: undefined }, facts)).to.equal(undefined);
  });
});

describe("promises", () => {
  const [first, second] = [ZERO_HASH, RELEASE_ID];

  it("are summed, but for one's own, until they are kept or dropped", () => {
    const promises = createPromises();
    promises.set(first, 3n);
    promises.set(second, 4n);
    promises.set(first, 5n);
    expect([promises.besides(), promises.besides(first), promises.has(second)]).to.deep.equal([9n, 4n, true]);
    promises.retain((key) => key === first);
    expect([promises.besides(), promises.has(second)]).to.deep.equal([5n, false]);
    promises.set(first, 0n);
    expect([promises.besides(), promises.has(first)]).to.deep.equal([0n, false]);
  });

  it("of several processes are never more than there is, also if one has seen the effect of its own", () => {
    expect(shareAmong(1, 7n)).to.equal(7n);
    for (const processes of [2, 3, 10]) {
      const [all, share] = [10n ** 18n, shareAmong(processes, 10n ** 18n)];
      const again = shareAmong(processes, all - share);
      expect(BigInt(processes) * share + again <= all).to.equal(true);
      expect(shareAmong(processes, wholeAmong(processes, share))).to.equal(share);
    }
  });
});

describe("run times", () => {
  it("guess from the size, then follow what is measured", () => {
    const times = createRunTimes();
    const model = { programRoot: RELEASE_ID, multiplyAdds: 5e8, traceBytes: 1e8 };
    expect(times.runSeconds(undefined)).to.equal(0);
    expect(times.runSeconds(model)).to.equal(2);
    expect(times.traceSeconds(model)).to.equal(6);
    times.observe(RELEASE_ID, 8);
    expect(times.runSeconds(model)).to.equal(8);
    for (const seconds of [1, 100, 2]) times.observe(RELEASE_ID, seconds);
    for (const nonsense of [NaN, Infinity, -1]) times.observe(RELEASE_ID, nonsense);
    expect(times.runSeconds(model)).to.equal(2);
    for (let i = 0; i < 9; i++) times.observe(RELEASE_ID, 3);
    expect(times.runSeconds(model)).to.equal(3);
  });

  it("costs are rounded up", () => {
    expect(computeWei(0, ETHER)).to.equal(0n);
    expect(computeWei(0.5, 3n)).to.equal(2n);
    expect(computeWei(1e-9, 1n)).to.equal(1n);
  });
});

describe("notices", () => {
  it("are logged once for each subject and reason", () => {
    const lines: string[] = [];
    const log = createLogger("info", 2, false);
    log.info = (_fields: unknown, text?: unknown): void => void lines.push(String(text));
    const notices = createNotices(log);
    for (let i = 0; i < 3; i++) notices.refuse("a", {}, "left", leave("fee-below-cost", "x < y"));
    notices.refuse("a", {}, "left", leave("bond-above-limit", "z"));
    notices.refuse("b", {}, "left", leave("fee-below-cost", "x < y"));
    notices.refuse("c", {}, "left", leave("named-other", "q"));
    notices.forget("b");
    notices.refuse("b", {}, "left", leave("fee-below-cost", "x < y"));
    expect(lines).to.deep.equal(["left: x < y", "left: z", "left: x < y", "left: x < y"]);
  });
});

describe("the gas price", () => {
  const head = (timestamp: number) => ({
    number: 1,
    hash: ZERO_HASH,
    parentHash: ZERO_HASH,
    timestamp,
    baseFee: 7n,
  });

  it("asks rarely, believes no nonsense, and never waits", async () => {
    const answers: unknown[] = ["0x5", "nonsense", null, `0x${"f".repeat(30)}`];
    let asked = 0;
    const price = createGasPrice(() => suggestedTip({ send: () => Promise.resolve(answers[asked++]) }));
    expect(price(head(0))).to.deep.equal({ baseFee: 7n, tip: GWEI });
    for (const [seconds, tip] of [
      [1, 5n],
      [12, 5n],
      [24, 5n],
      [36, 5n],
      [37, 100n * GWEI],
    ] as const) {
      await new Promise((resolve) => setImmediate(resolve));
      expect(price(head(seconds)).tip, `at ${seconds}`).to.equal(tip);
    }
    expect(asked).to.equal(4);
  });
});

describe("a reading of the chain", () => {
  const head = (number: number): BlockRef => {
    const hash = toHex(Buffer.alloc(32, number));
    return { number, hash, parentHash: ZERO_HASH, timestamp: 0, baseFee: undefined };
  };

  it("is of the block that is looked at, and tells when it has come", async () => {
    const asked: number[] = [];
    let came = 0;
    const read = (block: number): Promise<number> => {
      asked.push(block);
      return block === 3 ? Promise.reject(new Error("down")) : Promise.resolve(10 * block);
    };
    const reading = createReading(read, () => came++);
    for (let i = 0; i < 2; i++) expect(reading.at(head(1))).to.equal(undefined);
    await turn();
    expect([reading.at(head(1)), reading.lately(head(1)), came]).to.deep.equal([10, 10, 1]);
    // Of the next block nothing is known yet.
    expect([reading.at(head(2)), reading.lately(head(2))]).to.deep.equal([undefined, 10]);
    await turn();
    expect([reading.at(head(2)), reading.lately(head(2)), came]).to.deep.equal([20, 20, 2]);
    reading.at(head(3));
    await turn();
    expect([reading.at(head(3)), reading.lately(head(3)), came]).to.deep.equal([undefined, 20, 2]);
    expect(asked).to.deep.equal([1, 2, 3]);
  });

  it("is not of a block that has been left meanwhile", async () => {
    const answers: ((value: number) => void)[] = [];
    const reading = createReading(
      () => new Promise<number>((resolve) => answers.push(resolve)),
      () => 0,
    );
    reading.at(head(1));
    reading.at(head(2));
    for (const i of [1, 0]) answers[i]?.(i + 1);
    await turn();
    expect([reading.at(head(2)), reading.lately(head(3))]).to.deep.equal([2, 2]);
  });
});

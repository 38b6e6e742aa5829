import { expect } from "chai";
import fc from "fast-check";
import { affordable, capOf, FEE_POLICY, isOverdue, planBumps, quote, type BumpContext } from "./fees.ts";
import type { Priority } from "./intent.ts";
import { worstWei, type Entry, type Fees } from "./journal.ts";
import { chooseNonce } from "./nonce.ts";

const GWEI = 1_000_000_000n;
const NOW = 1_700_000_000;

function context(extra: Partial<BumpContext> = {}): BumpContext {
  return {
    market: { baseFee: 10n * GWEI, tips: { move: 3n * GWEI, answer: 2n * GWEI, routine: GWEI } },
    policy: FEE_POLICY,
    nowMs: NOW * 1000,
    chainNow: NOW,
    head: 100,
    balance: 10n ** 24n,
    refused: new Set(),
    pointless: new Set(),
    gasLimits: new Map(),
    ...extra,
  };
}

interface Shape {
  readonly id: number;
  readonly priority?: Priority;
  readonly deadline?: number;
  readonly stakeWei?: bigint;
  readonly fees?: Fees;
  /** Seconds since it was signed. */
  readonly age?: number;
  readonly head?: number;
}

function entry({ id, priority = "routine", deadline, stakeWei, fees, age = 0, head = 99 }: Shape): Entry {
  const signedMs = (NOW - age) * 1000;
  return {
    id,
    key: String(id),
    attempt: 1,
    label: "test",
    subject: undefined,
    to: "0x",
    value: 0n,
    priority,
    deadline,
    stakeWei,
    gasLimit: 100_000,
    nonce: id,
    fees: fees ?? { maxFeePerGas: 21n * GWEI, maxPriorityFeePerGas: GWEI },
    version: 0,
    signed: [{ version: 0, hash: "0x", head, signedMs, sentMs: signedMs }],
    state: "pending",
    revision: 0,
    changedMs: signedMs,
    inclusion: undefined,
    failure: undefined,
  };
}

describe("fees", () => {
  it("offer room for the base fee to double, under the cap", () => {
    const { market, policy } = context();
    const offer = quote("routine", market, policy, 100n * GWEI);
    expect(offer).to.deep.equal({ maxFeePerGas: 21n * GWEI, maxPriorityFeePerGas: GWEI });
    expect(quote("routine", market, policy, 15n * GWEI)?.maxFeePerGas).to.equal(15n * GWEI);
    expect(quote("routine", market, policy, 10n * GWEI)).to.equal(undefined);
  });

  it("do not start with any tip that an endpoint names", () => {
    const tips = { move: 10n ** 18n, answer: 10n ** 18n, routine: 10n ** 18n };
    const offer = quote("move", { baseFee: GWEI, tips }, FEE_POLICY, 1000n * GWEI);
    expect(offer?.maxPriorityFeePerGas).to.equal(10n * GWEI);
  });

  it("are capped by what is at stake, and for routine work", () => {
    const cap = (stakeWei: bigint): bigint => capOf({ priority: "move", stakeWei }, 100_000, FEE_POLICY);
    expect(capOf({}, 100_000, FEE_POLICY)).to.equal(100n * GWEI);
    expect(capOf({ priority: "move" }, 100_000, FEE_POLICY)).to.equal(1000n * GWEI);
    // Half of 0.1 ETH over 100,000 gas: 500 gwei.
    expect(cap(10n ** 17n)).to.equal(500n * GWEI);
    expect(cap(1n)).to.equal(100n * GWEI);
    expect(cap(10n ** 20n)).to.equal(1000n * GWEI);
  });

  it("are raised sooner and steeper the nearer the deadline is", () => {
    const offer = (left: number): bigint => {
      const one = entry({ id: 1, priority: "move", deadline: NOW + left, age: 40 });
      return planBumps([one], context()).get(1)?.fees.maxFeePerGas ?? 0n;
    };
    expect(offer(400) > 30n * GWEI).to.equal(true);
    expect(offer(30) > offer(400)).to.equal(true);
    expect(offer(5) > offer(30)).to.equal(true);
    const patient = entry({ id: 1, priority: "move", deadline: NOW + 400, age: 30 });
    expect(isOverdue(patient, context())).to.equal(false);
    expect(isOverdue({ ...patient, deadline: NOW + 100 }, context())).to.equal(true);
    // Past its deadline it is worth nothing more; without a block since, nothing was passed over.
    expect(isOverdue(entry({ id: 1, deadline: NOW - 1, age: 99 }), context())).to.equal(false);
    expect(isOverdue(entry({ id: 1, age: 99, head: 100 }), context())).to.equal(false);
  });

  it("of what has become pointless rise only for something later", () => {
    const pointless = new Set([1]);
    const old = entry({ id: 1, age: 100 });
    expect(planBumps([old], context({ pointless })).size).to.equal(0);
    const fees = { maxFeePerGas: 200n * GWEI, maxPriorityFeePerGas: 5n * GWEI };
    const move = entry({ id: 2, priority: "move", deadline: NOW + 1000, fees });
    expect(planBumps([old, move], context({ pointless })).get(1)?.fees).to.deep.equal(fees);
  });

  it("come with another gas limit where that was a mistake, under its cap, and dearer only where it is time", () => {
    const fees = { maxFeePerGas: 1000n * GWEI, maxPriorityFeePerGas: 900n * GWEI };
    const stuck = entry({ id: 1, priority: "move", deadline: NOW - 1, stakeWei: 10n ** 17n, fees });
    const gasLimits = new Map([[1, 250_000]]);
    // Half of 0.1 ETH over 250,000 gas: 200 gwei.
    expect(planBumps([stuck], context({ gasLimits })).get(1)).to.deep.equal({
      gasLimit: 250_000,
      fees: { maxFeePerGas: 200n * GWEI, maxPriorityFeePerGas: 200n * GWEI },
    });
    const [cheap, late] = [entry({ id: 1 }), entry({ id: 1, age: 100 })];
    expect(planBumps([cheap], context({ gasLimits })).get(1)).to.deep.equal({
      gasLimit: 250_000,
      fees: cheap.fees,
    });
    const raised = planBumps([late], context({ gasLimits })).get(1);
    expect(raised?.gasLimit).to.equal(250_000);
    expect((raised?.fees.maxFeePerGas ?? 0n) > late.fees.maxFeePerGas).to.equal(true);
  });

  const wei = (most: bigint): fc.Arbitrary<bigint> => fc.bigInt({ min: 1n, max: most });
  const offerUpTo = (most: bigint): fc.Arbitrary<Fees> =>
    fc.tuple(wei(most), wei(most)).map(([a, b]) => {
      const [maxFeePerGas, maxPriorityFeePerGas] = a > b ? [a, b] : [b, a];
      return { maxFeePerGas, maxPriorityFeePerGas };
    });
  const shapeUpTo = (most: bigint): fc.Arbitrary<Omit<Shape, "id">> =>
    fc.record({
      priority: fc.constantFrom<Priority>("move", "answer", "routine"),
      deadline: fc.integer({ min: NOW - 10, max: NOW + 5000 }),
      fees: offerUpTo(most),
      age: fc.integer({ min: 0, max: 300 }),
    });

  it("of a replacement satisfy every pool, every cap and the wallet", () => {
    fc.assert(
      fc.property(
        fc.array(shapeUpTo(300n * GWEI), { minLength: 1, maxLength: 8 }),
        wei(2000n * GWEI),
        wei(10n ** 18n),
        fc.array(fc.option(fc.integer({ min: 21_000, max: 2 ** 24 }), { nil: undefined }), { maxLength: 8 }),
        (shapes, baseFee, balance, limits) => {
          const pending = shapes.map((one, id) => entry({ ...one, id }));
          const market = { ...context().market, baseFee };
          const gasLimits = new Map(
            limits.flatMap((limit, id) => (limit === undefined ? [] : [[id, limit]])),
          );
          const bumps = planBumps(pending, context({ market, balance, gasLimits }));
          const after = pending.map((one) => ({ ...one, ...bumps.get(one.id) }));
          for (const { id, fees, gasLimit } of pending) {
            const { fees: next, gasLimit: limit } = bumps.get(id) ?? {};
            expect(limit).to.equal(gasLimits.get(id) ?? (next && gasLimit));
            if (next === undefined) continue;
            if (limit === gasLimit) {
              expect(8n * next.maxFeePerGas >= 9n * fees.maxFeePerGas).to.equal(true);
              expect(8n * next.maxPriorityFeePerGas >= 9n * fees.maxPriorityFeePerGas).to.equal(true);
            }
            expect(next.maxPriorityFeePerGas <= next.maxFeePerGas).to.equal(true);
            const caps = pending
              .slice(id)
              .map((later) => capOf(later, gasLimits.get(later.id) ?? later.gasLimit, FEE_POLICY));
            expect(caps.some((cap) => next.maxFeePerGas <= cap)).to.equal(true);
          }
          const total = (entries: readonly Entry[]): bigint =>
            entries.reduce((sum, one) => sum + worstWei(one), 0n);
          const before = total(pending);
          expect(bumps.size === 0 || total(after) <= (before > balance ? before : balance)).to.equal(true);
        },
      ),
    );
  });

  it("of what is earlier are never a step below those of what is later", () => {
    fc.assert(
      fc.property(fc.array(shapeUpTo(90n * GWEI), { minLength: 2, maxLength: 8 }), (shapes) => {
        const pending = shapes.map((one, id) => entry({ ...one, id }));
        const bumps = planBumps(pending, context());
        const after = pending.map(({ id, fees }) => (bumps.get(id)?.fees ?? fees).maxFeePerGas);
        for (const [i, fee] of after.entries())
          for (const later of after.slice(i + 1)) expect(9n * fee > 8n * (later - 1n)).to.equal(true);
      }),
    );
  });

  it("fit the wallet, or are refused", () => {
    const fees = { maxFeePerGas: 20n * GWEI, maxPriorityFeePerGas: GWEI };
    const wallet = { value: 5n, gasLimit: 1000, baseFee: 9n * GWEI };
    expect(affordable(fees, { ...wallet, balance: 20_000n * GWEI + 5n })).to.deep.equal(fees);
    expect(affordable(fees, { ...wallet, balance: 12_000n * GWEI + 5n })?.maxFeePerGas).to.equal(12n * GWEI);
    expect(affordable(fees, { ...wallet, balance: 9_999n * GWEI })).to.equal(undefined);
    expect(affordable(fees, { ...wallet, balance: 0n })).to.equal(undefined);
  });
});

describe("nonces", () => {
  const chain = { nonce: 5, pendingNonce: 5, outbid: false, balance: 0n, baseFee: 0n };
  it("are the lowest that nothing holds", () => {
    expect(chooseNonce(chain, new Set())).to.equal(5);
    expect(chooseNonce(chain, new Set([5, 6, 8]))).to.equal(7);
    expect(chooseNonce({ ...chain, pendingNonce: 9 }, new Set([5, 6, 8]))).to.equal(9);
  });
  it("of others are taken if these are in the way for long, or an endpoint cannot be right", () => {
    expect(chooseNonce({ ...chain, pendingNonce: 9, outbid: true }, new Set([5]))).to.equal(6);
    expect(chooseNonce({ ...chain, pendingNonce: 10_000 }, new Set([5]))).to.equal(6);
  });
});

import { expect } from "chai";
import type { Hex } from "../../../sdk/src/structs.ts";
import { ALERTS, alertsOf, type AlertCode, type Facts } from "./alerts.ts";

const ID: Hex = `0x${"1".repeat(64)}`;
const OTHER: Hex = `0x${"2".repeat(64)}`;
const NOW = 1_000_000;

/** Everything known, and all is well. */
const WELL: Facts = {
  now: NOW,
  head: { number: 7, timestamp: NOW - 5, seenAt: NOW - 2 },
  blockSeconds: 12,
  reorg: { depth: 1, allowed: 3 },
  endpoints: { healthy: 3, total: 3, disagree: false },
  skewSeconds: -2,
  stake: { freeWei: 10n, neededWei: 10n },
  wallet: { wei: 10n, neededWei: 10n },
  chainTime: NOW - 5,
  moves: [{ resultId: ID, kind: "reveal", deadline: NOW + 95, clockSeconds: 400 }],
  losing: [],
  signer: true,
  database: true,
  disk: { freeBytes: 10, neededBytes: 10 },
  refusals: { wallet: undefined, budget: undefined },
  failedSelfChecks: [],
};

/** The least that goes wrong, for each code. */
const WRONG: Readonly<Record<AlertCode, Partial<Facts>>> = {
  DEADLINE_MISSED: { moves: [{ resultId: ID, kind: "reveal", deadline: NOW - 6, clockSeconds: 400 }] },
  DEADLINE_AT_RISK: { moves: [{ resultId: ID, kind: "reveal", deadline: NOW + 94, clockSeconds: 400 }] },
  LOSING_DISPUTE: { losing: [{ resultId: ID, why: "Our answer was judged wrong (step)" }] },
  LOW_STAKE: { stake: { freeWei: 9n, neededWei: 10n } },
  LOW_WALLET: { wallet: { wei: 9n, neededWei: 10n } },
  SIGNER_UNAVAILABLE: { signer: false },
  BUDGET_EXHAUSTED: { refusals: { budget: "fulfill: routine work has used its ether" } },
  CHAIN_STALLED: { head: { number: 7, timestamp: NOW - 121, seenAt: NOW - 121 } },
  ENDPOINTS_DOWN: { endpoints: { healthy: 0, total: 3, disagree: false } },
  ENDPOINTS_DEGRADED: { endpoints: { healthy: 2, total: 3, disagree: false } },
  ENDPOINTS_DISAGREE: { endpoints: { healthy: 3, total: 3, disagree: true } },
  DEEP_REORG: { reorg: { depth: 4, allowed: 3 } },
  CLOCK_SKEW: { skewSeconds: 16 },
  STATE_UNAVAILABLE: { database: false },
  DISK_FULL: { disk: { freeBytes: 9, neededBytes: 10 } },
  SELF_CHECK_FAILED: { failedSelfChecks: [ID] },
};

function codesOf(facts: Facts): AlertCode[] {
  return alertsOf(facts).map(({ code }) => code);
}

describe("alerts", () => {
  it("are none while all is well, and none of what is not known", () => {
    expect(alertsOf(WELL)).to.deep.equal([]);
    expect(alertsOf({ now: NOW })).to.deep.equal([]);
  });

  for (const [code, { severity, action }] of Object.entries(ALERTS))
    it(code, () => {
      const wrong = Object.entries(WRONG).find(([of]) => of === code)?.[1];
      const [alert, ...others] = alertsOf({ ...WELL, ...wrong });
      expect(others).to.deep.equal([]);
      expect(alert).to.include({ code, severity });
      expect(alert?.text).to.include(action);
    });

  it("of all that is wrong at once", () => {
    const { DEADLINE_MISSED, DEADLINE_AT_RISK } = WRONG;
    const moves = [...(DEADLINE_MISSED.moves ?? []), ...(DEADLINE_AT_RISK.moves ?? [])];
    const all = Object.values(WRONG).reduce<Facts>((facts, wrong) => ({ ...facts, ...wrong }), WELL);
    const codes = Object.keys(ALERTS).filter((code) => !/DEGRADED|DISAGREE/.test(code));
    expect(codesOf({ ...all, moves, ...WRONG.ENDPOINTS_DOWN })).to.have.members(codes);
  });

  it("of the vault for challenges, and of the one for those of receipts", () => {
    const receiptsStake = { freeWei: 0n, neededWei: 10n ** 16n };
    const alerts = alertsOf({ ...WELL, ...WRONG.LOW_STAKE, receiptsStake });
    expect(alerts.map(({ code, subject }) => [code, subject])).to.deep.equal([
      ["LOW_STAKE", undefined],
      ["LOW_STAKE", "receipts"],
    ]);
    expect(alerts[1]?.text).to.include("0.01 needed to challenge a wrong receipt");
  });

  it("one for each result, by its most urgent move, in the chain's time", () => {
    const move = (resultId: Hex, deadline: number) => ({
      resultId,
      kind: "reveal",
      deadline,
      clockSeconds: 400,
    });
    const moves = [move(ID, NOW + 50), move(ID, NOW + 10), move(OTHER, NOW + 60), move(OTHER, NOW + 999)];
    const alerts = alertsOf({ ...WELL, chainTime: NOW, moves });
    expect(alerts.map(({ subject }) => subject)).to.deep.equal([ID, OTHER]);
    expect(alerts[0]?.text).to.include("within 10 s");
  });

  it("a wallet that could not pay for something, once, with what it lacks", () => {
    const refusals = { wallet: "challenge: send it at least 1 ETH" };
    const [refused, ...none] = alertsOf({ ...WELL, refusals });
    expect([refused?.code, none]).to.deep.equal(["LOW_WALLET", []]);
    expect(refused?.text).to.include(refusals.wallet);
    expect(codesOf({ ...WELL, ...WRONG.LOW_WALLET, refusals })).to.deep.equal(["LOW_WALLET"]);
  });

  it("a clock that is fast, or one that is slow", () => {
    expect(codesOf({ ...WELL, skewSeconds: -121 })).to.deep.equal(["CLOCK_SKEW"]);
    expect(codesOf({ ...WELL, skewSeconds: -119 })).to.deep.equal([]);
  });

  it("a few of many of one kind, with their number", () => {
    const failedSelfChecks = Array.from({ length: 1000 }, (_, i) => `0x${i}` as const);
    const alerts = alertsOf({ now: NOW, failedSelfChecks });
    expect(alerts.length).to.equal(16);
    expect(alerts.at(-1)?.text).to.include("984 more");
  });
});

import { expect } from "chai";
import { unpackParameters } from "../../../sdk/src/parameters.ts";
import { judgeRun } from "./compute.ts";
import { judgeAgreement, judgeEndpoint, judgeQuorum, type EndpointFacts } from "./endpoints.ts";
import { judgeDisk, judgeMode, judgeNodeVersion, judgeOpenFiles } from "./machine.ts";
import { judgeMemory, judgeReleaseMemory } from "./memory.ts";
import { judgeStake, judgeWallet, type MoneyFacts } from "./money.ts";

const NOW = 1_000_000;
const GIB = 2 ** 30;

const info = { url: "https://a/", chainId: 1, height: 500_000, timestamp: NOW - 5, latencyMs: 40 };
const endpoint: EndpointFacts = {
  host: "https://a",
  plain: false,
  info,
  error: undefined,
  missing: [],
  blocks: 400_000,
  logSpan: 400_000,
};

const statuses = (findings: readonly { readonly status: string }[]): string[] =>
  findings.map(({ status }) => status);

describe("doctor", () => {
  it("judges an endpoint", () => {
    const judge = (facts: Partial<EndpointFacts>): string[] =>
      statuses(judgeEndpoint({ ...endpoint, ...facts }, 1, NOW));
    expect(judge({})).to.deep.equal(["ok"]);
    expect(judge({ info: undefined, error: "no" })).to.deep.equal(["fail"]);
    expect(judge({ info: { ...info, chainId: 5 } })).to.deep.equal(["fail"]);
    expect(judge({ missing: ["game"] })).to.deep.equal(["fail"]);
    expect(judge({ plain: true })).to.deep.equal(["ok", "warn"]);
    expect(judge({ logSpan: 0 })).to.deep.equal(["ok", "fail"]);
    expect(judge({ logSpan: 500 })).to.deep.equal(["ok", "warn"]);
    expect(judge({ logSpan: 500, blocks: 900 })).to.deep.equal(["ok"]);
    expect(judge({ info: { ...info, latencyMs: 4000 } })).to.deep.equal(["warn"]);
    expect(judge({ info: { ...info, timestamp: NOW + 60 } })).to.deep.equal(["ok", "fail"]);
    expect(judge({ info: { ...info, timestamp: NOW - 3600 } })).to.deep.equal(["ok", "warn"]);
  });

  it("wants several providers, at one height", () => {
    const other = { ...endpoint, host: "https://b" };
    const lagging = { ...other, info: { ...info, height: info.height - 50 } };
    const silent = { ...other, info: undefined };
    expect(statuses(judgeAgreement([endpoint], 1))).to.deep.equal(["warn"]);
    expect(statuses(judgeAgreement([endpoint, endpoint], 1))).to.deep.equal(["warn"]);
    expect(statuses(judgeAgreement([endpoint, other], 1))).to.deep.equal(["ok"]);
    expect(statuses(judgeAgreement([endpoint, lagging], 1))).to.deep.equal(["warn"]);
    expect(statuses(judgeAgreement([endpoint, silent], 1))).to.deep.equal(["ok"]);
    expect(judgeAgreement([silent, { ...silent, host: "https://c" }], 1)).to.deep.equal([]);
  });

  it("wants more endpoints than must agree", () => {
    const all = ["a", "b", "c"].map((host) => ({ ...endpoint, host }));
    const down = { ...endpoint, host: "d", info: undefined };
    const judge = (quorum: number | undefined, facts: readonly EndpointFacts[] = all): string[] =>
      statuses(judgeQuorum(facts, 1, quorum));
    expect([undefined, 1, 2, 3, 4].map((quorum) => judge(quorum))).to.deep.equal([
      [],
      ["warn"],
      ["ok"],
      ["warn"],
      ["fail"],
    ]);
    expect(judge(3, [...all.slice(1), down])).to.deep.equal(["fail"]);
    expect(judge(3, [...all.slice(1), { ...endpoint, missing: ["game"] }])).to.deep.equal(["fail"]);
    expect(judge(3, [...all.slice(1), { ...endpoint, info: { ...info, chainId: 5 } }])).to.deep.equal([
      "fail",
    ]);
  });

  it("holds what a node may keep against the machine, and what releases need against both", () => {
    const facts = { free: 4 * GIB, total: 16 * GIB, budget: GIB, maxTrace: GIB / 4, workers: 2 };
    const machine = (change: Partial<typeof facts>): string => judgeMemory({ ...facts, ...change }).status;
    expect(machine({})).to.equal("ok");
    expect(machine({ free: GIB / 4 })).to.equal("fail");
    expect(machine({ budget: 4 * GIB })).to.equal("warn");
    expect(machine({ maxTrace: GIB })).to.equal("warn");
    const model = { fileBytes: GIB / 32, constantBytes: GIB / 32, instructions: 10, traceBytes: GIB / 4 };
    const releases = (count: number, change: Partial<typeof facts>): string =>
      judgeReleaseMemory(
        Array.from({ length: count }, () => model),
        { ...facts, ...change },
      ).status;
    // One takes some 600 MiB.
    expect([1, 2].map((count) => releases(count, {}))).to.deep.equal(["ok", "warn"]);
    expect([GIB, GIB / 2].map((budget) => releases(1, { budget }))).to.deep.equal(["ok", "warn"]);
    expect([GIB, GIB / 2].map((free) => releases(1, { free }))).to.deep.equal(["ok", "fail"]);
  });

  it("counts disputes in the wallet, answers and challenges in the stake", () => {
    const facts: MoneyFacts = {
      operator: true,
      verifier: true,
      walletWei: 300n,
      freeWei: 50n,
      lockedWei: 0n,
      receiptsWei: 30n,
      gasPrice: 10n,
      disputeGas: 10n,
      bondFloorWei: 25n,
      challengeWei: 10n,
      depositWei: 5n,
    };
    const wallet = (walletWei: bigint): string => judgeWallet({ ...facts, walletWei }).status;
    expect([300n, 299n, 99n].map(wallet)).to.deep.equal(["ok", "warn", "fail"]);
    expect(judgeWallet({ ...facts, gasPrice: 0n }).status).to.equal("ok");
    const stake = (freeWei: bigint, lockedWei = 0n): string[] =>
      statuses(judgeStake({ ...facts, freeWei, lockedWei }));
    expect(stake(50n)).to.deep.equal(["ok", "ok", "ok"]);
    expect(stake(20n, 20n)).to.deep.equal(["warn", "warn", "ok"]);
    expect(stake(0n)).to.deep.equal(["fail", "fail", "ok"]);
    expect(judgeStake({ ...facts, operator: false, bondFloorWei: 0n })).to.have.length(2);
    expect(judgeStake({ ...facts, verifier: false })).to.have.length(1);
    // Not needed by whoever is handed no receipts.
    expect(statuses(judgeStake({ ...facts, receiptsWei: 29n }))).to.deep.equal(["ok", "ok", "warn"]);
    expect(
      statuses(judgeStake({ ...facts, bondFloorWei: 0n, challengeWei: 0n, depositWei: 0n })),
    ).to.deep.equal(["ok", "ok", "ok"]);
  });

  it("knows what a machine needs", () => {
    expect([10 * GIB, 2 * GIB, GIB / 4].map((free) => judgeDisk(free).status)).to.deep.equal([
      "ok",
      "warn",
      "fail",
    ]);
    expect([Infinity, 1024, 256].map((soft) => judgeOpenFiles(soft).status)).to.deep.equal([
      "ok",
      "ok",
      "warn",
    ]);
    const versions = ["24.21.0", "22.18.0", "23.6.0", "22.17.1", "20.19.0"];
    expect(versions.map((version) => judgeNodeVersion(version).status)).to.deep.equal([
      "ok",
      "ok",
      "ok",
      "fail",
      "fail",
    ]);
    expect(
      [0o100600, 0o100400, 0o100640, 0o100644].map((mode) => judgeMode("key", "k", mode).status),
    ).to.deep.equal(["ok", "ok", "fail", "fail"]);
  });

  it("holds exact runs against the shortest clock", () => {
    const clock = 80n;
    const rules = unpackParameters((clock << 16n) | (100n << 64n) | (100n << 88n));
    expect([10, 11, 41].map((seconds) => judgeRun("0x12", seconds, rules).status)).to.deep.equal([
      "ok",
      "warn",
      "fail",
    ]);
  });
});

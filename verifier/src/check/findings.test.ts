import { expect } from "chai";
import { NO_DEVIATION, type Deviation } from "./deviation.ts";
import { findingsOf, percent, type Checked, type CheckedOutput } from "./findings.ts";
import type { Group } from "./feeds.ts";
import type { Failure } from "./measure.ts";
import type { Kind } from "./stability.ts";

function output(kind: Kind, groups: Partial<Record<Group, Partial<Deviation>>>): CheckedOutput {
  const of = (group: Group): Deviation => ({ ...NO_DEVIATION, elements: 10, ...groups[group] });
  return {
    spec: { name: "y", dtype: "f32", shape: [10] },
    stability: { kind, causes: [] },
    groups: { ordinary: of("ordinary"), extreme: of("extreme"), special: of("special") },
    worst: undefined,
  };
}

function failure(feed: string, message: string, died: boolean): Failure {
  return { feed, group: "ordinary", settings: { optimisation: "all", threads: 1 }, died, message };
}

function codesOf(checked: Partial<Checked>): [code: string, hazard: boolean][] {
  const proposal = { kind: "tolerance", atol: 1e-6, rtol: 1e-6, reason: "" } as const;
  const whole = { outputs: [], saturation: [], failures: [], proposal, ...checked };
  return findingsOf(whole).map(({ code, hazard }) => [code, hazard]);
}

describe("findings of a check", () => {
  it("are none where all is well", () => {
    expect(codesOf({ outputs: [output("continuous", { ordinary: { differing: 3, scaled: 1e-7 } })] })).to.be
      .empty;
  });

  it("hold bytes that should be equal and are not", () => {
    const proposal = { kind: "none", atol: 0, rtol: 0, reason: "" } as const;
    const outputs = [output("exact", { ordinary: { differing: 1 } })];
    expect(codesOf({ outputs, proposal })).to.deep.equal([["DIFFERS", true]]);
  });

  it("hold deviations beyond the tolerance apart from hazards", () => {
    const beyond = [
      output("continuous", { extreme: { differing: 1, scaled: 1e-3 }, special: { incomparable: 1 } }),
    ];
    expect(codesOf({ outputs: beyond })).to.deep.equal([
      ["EXTREMES", false],
      ["SPECIALS", false],
    ]);
    expect(codesOf({ outputs: [output("continuous", { extreme: { differing: 1, scaled: 1e-7 } })] })).to.be
      .empty;
  });

  it("say why there is no tolerance", () => {
    const proposal = { kind: "none", atol: 0, rtol: 0, reason: "too far" } as const;
    expect(codesOf({ outputs: [output("continuous", {})], proposal })).to.deep.equal([
      ["NO_TOLERANCE", true],
    ]);
  });

  it("join inputs that fail alike, and tell a refusal from a crash", () => {
    const failures = [
      failure("a", "index 7 of 3", false),
      failure("b", "index -2 of 3", false),
      failure("c", "the process died", true),
    ];
    expect(codesOf({ failures })).to.deep.equal([
      ["CRASH", true],
      ["REFUSED", false],
    ]);
    const proposal = { kind: "equal", atol: 0, rtol: 0, reason: "" } as const;
    const found = findingsOf({ outputs: [], saturation: [], failures, proposal });
    expect(found[1]?.where).to.deep.equal(["a, b: index 7 of 3"]);
  });

  it("state shares with two digits", () => {
    expect([percent(0, 0), percent(1, 3), percent(2, 2)]).to.deep.equal(["0 %", "33 %", "100 %"]);
  });
});

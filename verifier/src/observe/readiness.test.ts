import { expect } from "chai";
import { MISSING, readinessOf, type ReadinessFacts } from "./readiness.ts";

const READY: ReadinessFacts = {
  now: 1000,
  caughtUp: true,
  heardAt: 990,
  database: true,
  key: true,
  stopping: false,
};

describe("readiness", () => {
  it("needs everything", () => {
    expect(readinessOf(READY)).to.deep.equal({ ready: true, missing: [] });
    const lacking: readonly Partial<ReadinessFacts>[] = [
      { caughtUp: false },
      { heardAt: 900 },
      { database: false },
      { key: false },
      { stopping: true },
    ];
    expect(lacking.map((lack) => readinessOf({ ...READY, ...lack }).missing)).to.deep.equal(
      MISSING.map((name) => [name]),
    );
  });
});

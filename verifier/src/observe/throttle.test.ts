import { expect } from "chai";
import { createThrottle, logThrottled } from "./throttle.ts";
import { loggerTo } from "../log.ts";

describe("throttle", () => {
  it("lets each key pass once a period, and says how many it held back", () => {
    let at = 0;
    const throttle = createThrottle({ everyMs: 100, now: () => at });
    expect([throttle.pass("a"), throttle.pass("a"), throttle.pass("b"), throttle.pass("a")]).to.deep.equal([
      0,
      undefined,
      0,
      undefined,
    ]);
    at = 100;
    expect([throttle.pass("a"), throttle.pass("a")]).to.deep.equal([2, undefined]);
  });

  it("lets a flood of ever new keys pass as one", () => {
    let at = 0;
    const throttle = createThrottle({ everyMs: 100, maxKeys: 8, now: () => at });
    let passed = 0;
    for (let i = 0; i < 100_000; i++) if (throttle.pass(`key ${i}`) !== undefined) passed++;
    expect(passed).to.equal(9);
    at = 100;
    expect(throttle.pass("late")).to.equal(0);
    expect(throttle.pass("late")).to.equal(undefined);
  });

  it("logs", () => {
    const lines: string[] = [];
    const log = loggerTo("info", { write: (line) => lines.push(line) });
    let at = 0;
    const throttle = createThrottle({ everyMs: 100, now: () => at });
    const say = (): void =>
      logThrottled({ log, throttle }, "warn", "down", { endpoint: 1 }, "endpoint rests");
    [0, 1, 2].forEach(say);
    at = 200;
    say();
    const parsed = lines.map((line): unknown => JSON.parse(line));
    expect(parsed).to.have.length(2);
    expect(parsed[0]).to.include({ level: "warn", endpoint: 1, msg: "endpoint rests" });
    expect(parsed[0]).not.to.have.property("heldBack");
    expect(parsed[1]).to.include({ heldBack: 2 });
  });
});

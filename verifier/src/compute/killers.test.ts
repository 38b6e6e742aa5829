import { expect } from "chai";
import { createKillers } from "./killers.ts";

describe("inputs that kill", () => {
  it("are known from the second death on, for ten minutes", () => {
    let now = 0;
    const killers = createKillers(() => now);
    expect(killers.empty).to.equal(true);
    killers.note("x");
    expect([killers.empty, killers.has("x")]).to.deep.equal([false, false]);
    killers.note("x");
    expect([killers.has("x"), killers.has("y")]).to.deep.equal([true, false]);
    now = 600_000;
    expect(killers.has("x")).to.equal(true);
    now++;
    expect([killers.has("x"), killers.empty]).to.deep.equal([false, true]);
  });

  it("are forgotten, the oldest first, when there are too many", () => {
    const killers = createKillers();
    for (let i = 0; i <= 1000; i++) {
      killers.note(`${i}`);
      killers.note(`${i}`);
    }
    expect([killers.has("0"), killers.has("1"), killers.has("1000")]).to.deep.equal([false, true, true]);
  });
});

import { expect } from "chai";
import { codeOf } from "../../test/failure.ts";
import { sinceOf } from "./profit.ts";

describe("--since", () => {
  const now = Date.parse("2026-03-01T12:00:00Z") / 1000;
  const hours = (text: string): number => (now - sinceOf(text, now)) / 3600;

  it("is a time ago, or a date in UTC", () => {
    expect(["30min", "24h", "7d", "7 d", "2w"].map(hours)).to.deep.equal([0.5, 24, 168, 168, 336]);
    expect(["2026-03-01", "2026-02-28", "2026-03-01T11:00", "2026-03-01T11:00:00"].map(hours)).to.deep.equal([
      12, 36, 1, 1,
    ]);
    expect(["2026-03-01T11:00Z", "2026-03-01T11:00:00+02:00"].map(hours)).to.deep.equal([1, 3]);
  });

  it("is refused if it is neither, or has not come yet", async () => {
    for (const text of [
      "",
      "d",
      "7",
      "-7d",
      "7 days",
      "yesterday",
      "2026-13-01",
      "2026-03-02",
      "1e3d",
      "0x7d",
    ])
      expect(await codeOf(Promise.resolve().then(() => sinceOf(text, now))), text).to.equal("BAD_CONFIG");
  });
});

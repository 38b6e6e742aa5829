import { expect } from "chai";
import { residentBytes } from "./memory.ts";

describe("memory of processes", () => {
  it("is what they say themselves, and those that are gone have none", async () => {
    const gone = 2 ** 22 + 1;
    const found = await residentBytes([process.pid, gone]);
    expect([...found.keys()]).to.deep.equal([process.pid]);
    const share = (found.get(process.pid) ?? 0) / process.memoryUsage.rss();
    expect(share).to.be.within(0.5, 2);
  });
});

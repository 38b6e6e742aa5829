import { statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect } from "chai";
import { directoriesOf, leastFreeBytes } from "./disk.ts";

describe("the disks of a node", () => {
  const content = { directory: "content" };

  it("are those of content and state, but for a Postgres server's", () => {
    const embedded = { content, database: { directory: "state" } };
    expect(directoriesOf(embedded)).to.have.members(["content", "state"]);
    expect(directoriesOf({ content, database: { url: "postgres://db" } })).to.deep.equal(["content"]);
  });

  it("count by the one with the least space", async () => {
    const free = new Map([
      ["content", 9],
      ["state", 2],
    ]);
    const least = (...paths: string[]): Promise<number> =>
      leastFreeBytes(paths, (path) => Promise.resolve(free.get(path) ?? NaN));
    expect(await least("content", "state")).to.equal(2);
    expect(await least("state", "content")).to.equal(2);
    expect(await least("content")).to.equal(9);
  });

  it("are asked how much they hold", async () => {
    const { blocks, bsize } = statfsSync(tmpdir());
    expect(await leastFreeBytes([tmpdir()])).to.be.within(0, blocks * bsize);
  });
});

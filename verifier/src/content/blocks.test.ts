import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { UnixFS } from "ipfs-unixfs";
import { createBench, leaf, node, seededBytes, type TestBlock } from "../../test/content.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { indexBlocks, nodePath, type FileBlocks } from "./blocks.ts";
import { digestOf } from "./cid.ts";

const FILE_HASH: Hex = `0x${"ab".repeat(32)}`;

/** Turns of the event loop in which nodes were parsed while something ran. */
async function parsesOf<T>(run: () => Promise<T>): Promise<{ readonly found: T; readonly turns: number[] }> {
  const unmarshal = UnixFS.unmarshal.bind(UnixFS);
  const turns: number[] = [];
  let turn = 0;
  let next = setImmediate(function count() {
    turn++;
    next = setImmediate(count);
  });
  UnixFS.unmarshal = (bytes) => {
    turns.push(turn);
    return unmarshal(bytes);
  };
  try {
    return { found: await run(), turns };
  } finally {
    UnixFS.unmarshal = unmarshal;
    clearImmediate(next);
  }
}

describe("the index of a file's blocks", () => {
  const bench = createBench();
  afterEach(() => bench.clear());

  /** As the store has a file; of its bytes only the number matters here. */
  function entryOf(nodes: readonly TestBlock[], size: number): string {
    const entry = bench.folder();
    mkdirSync(join(entry, "nodes"));
    for (const { cid, bytes } of nodes) writeFileSync(nodePath(entry, cid), bytes);
    writeFileSync(join(entry, "file"), "");
    truncateSync(join(entry, "file"), size);
    return entry;
  }

  const placesIn = ({ leaves }: FileBlocks, parts: readonly TestBlock[]): unknown[] =>
    parts.map(({ cid }) => leaves.get(digestOf(cid)));

  it("has each leaf's place in every layout of the file, and what belongs to none is no harm", async () => {
    const parts = [5, 700, 30, 2000, 1].map((size, i) => leaf(seededBytes(size, String(i))));
    const [a, b, c, d, e] = parts;
    if (!a || !b || !c || !d || !e) throw new Error("five parts");
    const inner = node([c, d], { data: new Uint8Array(8) });
    const outer = node([inner, e]);
    const root = node([a, b, outer]);
    const whole = node([root]);
    const other = leaf(seededBytes(root.size, "other"));
    const otherRoot = node([other]);
    const foreign = [node([a]), node([], { type: "directory" }), leaf(new Uint8Array(3))];
    const nodes = [inner, outer, root, whole, otherRoot, ...foreign];
    const found = await indexBlocks(entryOf(nodes, root.size), FILE_HASH);
    expect(placesIn(found, [...parts, other])).to.deep.equal([
      { offset: 0, size: 5 },
      { offset: 5, size: 700 },
      { offset: 713, size: 30 },
      { offset: 743, size: 2000 },
      { offset: 2743, size: 1 },
      { offset: 0, size: root.size },
    ]);
    expect(found.leaves.get(FILE_HASH)).to.deep.equal({ offset: 0, size: root.size });
    expect(found.leaves.size).to.equal(7);
    expect([...found.nodes].sort()).to.deep.equal(nodes.map(({ cid }) => digestOf(cid)).sort());
  });

  it("takes one look at each node, in turns of their own, however often they link to one another", async () => {
    const crumb = leaf(new Uint8Array(1024));
    const middle = node(Array.from({ length: 1024 }, () => crumb));
    const nodes = [middle, node(Array.from({ length: 128 }, () => middle))];
    for (let top = nodes[1]; top !== undefined && nodes.length < 7; nodes.push(top)) top = node([top]);
    const entry = entryOf(nodes, 2 ** 27);
    const { found, turns } = await parsesOf(() => indexBlocks(entry, FILE_HASH));
    expect(turns).to.have.length(nodes.length);
    expect(new Set(turns).size).to.equal(nodes.length);
    expect([...found.leaves.keys()]).to.deep.equal([digestOf(crumb.cid)]);
    const { offset = -1, size } = found.leaves.get(digestOf(crumb.cid)) ?? {};
    expect([offset >= 0, offset % 1024, offset < 2 ** 27, size]).to.deep.equal([true, 0, true, 1024]);
  });
});

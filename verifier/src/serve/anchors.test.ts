import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { packedTree, treeRoot } from "../../../program/src/merkle.ts";
import { isUnder, type Anchored, type Under } from "../../../sdk/src/infer/anchors.ts";
import { toHex, type Hex } from "../../../sdk/src/structs.ts";
import { clientAt, givenAt } from "../../test/given.ts";
import { codeOf } from "../../test/failure.ts";
import { openDatabase, type Database } from "../state/database.ts";
import { openReceipts, type ReceiptStore } from "../state/receipts.ts";
import { periodsEnd } from "./anchorer.ts";
import { createAnchors, pathOf, treeOf } from "./anchors.ts";
import { createDigests } from "./digests.ts";

const RECEIPTS: Hex = `0x${"ab".repeat(20)}`;
const digests = createDigests({ chainId: 1, receipts: RECEIPTS, deposits: RECEIPTS });
const OPERATOR = givenAt(0, clientAt(1), 1n, 1n).receipt.operator;

function hashes(count: number): Buffer {
  const bytes = Buffer.alloc(32 * count);
  for (let i = 0; i < count; i++) bytes.writeUInt32BE(i + 1, 32 * i + 4);
  return bytes;
}

describe("trees over the receipts of a period", () => {
  for (const count of [0, 1, 2, 3, 7, 4096, 4097, 12_289])
    it(`over ${count} receipts have the root of docs/program.md, and paths that lead to it`, async () => {
      const list = hashes(count);
      const tree = await treeOf({ count, digests: list, requests: list });
      expect(tree.root).to.equal(toHex(treeRoot(packedTree(list))));
      const anchored: Anchored = { operator: OPERATOR, root: tree.root, count, from: 0, until: 1 };
      const { receipt, signature } = givenAt(0, clientAt(1), 1n, 1n);
      for (const index of [0, 1, 2, 4095, 4096, count - 1].filter((i) => i >= 0 && i < count)) {
        const under: Under = { index, path: pathOf(tree, index), receipt, signature };
        const leaf = toHex(list.subarray(32 * index, 32 * index + 32));
        const other = toHex(Buffer.alloc(32, 7));
        expect(isUnder(anchored, leaf, under)).to.equal(true);
        expect(isUnder(anchored, other, under)).to.equal(false);
        expect(isUnder(anchored, leaf, { ...under, index: index + 1 })).to.equal(false);
        expect(isUnder(anchored, leaf, { ...under, index: index + 2 ** 32 })).to.equal(false);
        expect(isUnder(anchored, leaf, { ...under, path: [...under.path, other] })).to.equal(false);
        if (count > 1)
          expect(isUnder(anchored, leaf, { ...under, path: under.path.slice(1) })).to.equal(false);
        expect(isUnder({ ...anchored, count: index }, leaf, under)).to.equal(false);
      }
    });
});

describe("what lies under published roots", () => {
  let folder: string;
  let database: Database;
  let store: ReceiptStore;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "assay-anchors-"));
    database = await openDatabase({ directory: folder });
    store = openReceipts(database);
    for (let i = 0; i < 300; i++) {
      const given = givenAt(i, clientAt(1), 1n, BigInt(i + 1));
      await store.keep({ ...given, receipt: { ...given.receipt, issuedAt: 1000 + Math.floor(i / 100) } });
    }
  });

  after(async () => {
    await database.destroy();
    rmSync(folder, { recursive: true });
  });

  it("is found by number and by digest, and by nothing else", async () => {
    const anchors = createAnchors(digests, store);
    const { root, count } = await anchors.make(1000, 1002);
    expect(count).to.equal(200);
    const anchored: Anchored = { operator: OPERATOR, root, count, from: 1000, until: 1002 };
    const seen = new Set<Hex>();
    for (let index = 0; index < count; index++) {
      const under = await anchors.find(anchored, { index });
      const digest = digests.digestOf("Receipt", under.receipt);
      seen.add(digest);
      expect(isUnder(anchored, digest, under)).to.equal(true);
      expect(under.receipt.issuedAt).to.be.within(1000, 1001);
      expect(await anchors.find(anchored, { digest })).to.deep.equal(under);
    }
    expect(seen.size).to.equal(200);
    expect(await codeOf(anchors.find(anchored, { index: count }))).to.equal("NOT_FOUND");
    expect(await codeOf(anchors.find(anchored, { digest: root }))).to.equal("NOT_FOUND");
  });

  it("is refused where what is kept is not what was published", async () => {
    const anchors = createAnchors(digests, store);
    const { root, count } = await anchors.make(1000, 1002);
    const other: Anchored = { operator: OPERATOR, root, count, from: 1001, until: 1003 };
    expect(await codeOf(anchors.find(other, { index: 0 }))).to.equal("NOT_FOUND");
    const less: Anchored = { ...other, from: 1000, until: 1002, count: 199 };
    const anew = createAnchors(digests, store);
    expect(await codeOf(anew.find(less, { index: 0 }))).to.equal("NOT_FOUND");
  });

  it("turns away who asks for too many periods at once", async () => {
    const anchors = createAnchors(digests, store);
    const { root, count } = await anchors.make(1000, 1003);
    const anchored: Anchored = { operator: OPERATOR, root, count, from: 1000, until: 1003 };
    const codes = await Promise.all(
      Array.from({ length: 20 }, async (_, i) =>
        codeOf(
          anchors.find({ ...anchored, root: i === 0 ? root : toHex(Buffer.alloc(32, i)) }, { index: 0 }),
        ),
      ),
    );
    expect(codes[0]).to.equal("none");
    expect(codes.filter((code) => code === "BUSY").length).to.equal(12);
    expect((await anchors.find(anchored, { index: 5 })).index).to.equal(5);
  });
});

describe("periods", () => {
  it("end at multiples of their length, a while after which they are over", () => {
    const hour = 3600;
    expect(periodsEnd(10 * hour + 299, hour)).to.equal(9 * hour);
    expect(periodsEnd(10 * hour + 300, hour)).to.equal(10 * hour);
    expect(periodsEnd(11 * hour - 1, hour)).to.equal(10 * hour);
  });
});

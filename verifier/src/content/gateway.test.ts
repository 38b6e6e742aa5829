import { rmSync } from "node:fs";
import { CarReader } from "@ipld/car";
import { expect } from "chai";
import { createBench, leaf, node, seededBytes, sha256Of } from "../../test/content.ts";
import { CID } from "multiformats/cid";
import { create } from "multiformats/hashes/digest";
import { RAW, rawCid } from "./cid.ts";
import { parseRange } from "./files.ts";
import { openStore, type ContentStore, type StoredFile } from "./store.ts";

const MIB = 2 ** 20;

describe("trustless gateway", () => {
  const bench = createBench();
  const bytes = seededBytes(2 * MIB + 1000, "gateway");
  const leaves = [0, 1, 2].map((i) => leaf(bytes.subarray(i * MIB, (i + 1) * MIB)));
  const root = node(leaves);
  const small = seededBytes(500, "small");
  let url: string;
  let store: ContentStore;
  let file: StoredFile;

  before(async () => {
    store = await openStore(bench.folder());
    file = await store.put(bytes);
    await store.put(small);
    url = (await bench.serve(store)).url;
  });
  after(() => bench.clear());

  const get = (path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> =>
    fetch(`${url}${path}`, { headers, method });
  const cidsIn = async (response: Response): Promise<string[]> => {
    const car = await CarReader.fromBytes(new Uint8Array(await response.arrayBuffer()));
    const cids: string[] = [];
    for await (const { cid, bytes: block } of car.blocks()) {
      expect(sha256Of(block).slice(2)).to.equal(Buffer.from(cid.multihash.digest).toString("hex"));
      cids.push(cid.toString());
    }
    return cids;
  };
  const [first = root, second = root, third = root] = leaves;
  const texts = [root, first, second, third].map(({ cid }) => cid.toString());
  const [rootText = "", leafText = ""] = texts;

  it("serves blocks by format or by Accept, with the headers that the specification asks for", async () => {
    expect(file.cid.toString()).to.equal(rootText);
    for (const { cid, bytes: block } of [root, ...leaves]) {
      const response = await get(`/ipfs/${cid.toString()}?format=raw`);
      expect(response.status).to.equal(200);
      expect(Buffer.from(await response.arrayBuffer()).equals(block)).to.equal(true);
    }
    const accept = "application/vnd.ipld.raw";
    const head = await get(`/ipfs/${leafText}`, { accept }, "HEAD");
    expect(head.status).to.equal(200);
    expect(Object.fromEntries(head.headers)).to.include({
      "content-type": accept,
      "content-length": String(MIB),
      etag: `"${leafText}.raw"`,
      "cache-control": "public, max-age=31536000, immutable",
      "x-content-type-options": "nosniff",
      "content-disposition": `attachment; filename="${leafText}.bin"`,
      "x-ipfs-roots": leafText,
      "content-location": `/ipfs/${leafText}?format=raw`,
    });
    const cached = await get(`/ipfs/${leafText}?format=raw`, { "if-none-match": `"x", W/"${leafText}.raw"` });
    expect(cached.status).to.equal(304);
    // A small file is its own only block, whatever the version of its CID says of its kind.
    expect((await get(`/ipfs/${rawCid(sha256Of(small)).toString()}?format=raw`)).status).to.equal(200);
  });

  it("serves CARs of a block, a file, and the blocks of a range", async () => {
    const all = await get(`/ipfs/${rootText}?format=car`);
    expect(all.headers.get("content-type")).to.equal(
      "application/vnd.ipld.car; version=1; order=dfs; dups=n",
    );
    expect(await cidsIn(all)).to.deep.equal(texts);
    const car = async (query: string) => cidsIn(await get(`/ipfs/${rootText}?format=car&${query}`));
    expect(await car("dag-scope=entity")).to.deep.equal(texts);
    expect(await car("dag-scope=block")).to.deep.equal([rootText]);
    expect(await car(`entity-bytes=0:${MIB - 1}`)).to.deep.equal(texts.slice(0, 2));
    expect(await car(`entity-bytes=${MIB}:*`)).to.deep.equal([rootText, ...texts.slice(2)]);
    expect(await car("entity-bytes=-1:*")).to.deep.equal([rootText, texts[3]]);
    expect(await car(`entity-bytes=-1001:-1001`)).to.deep.equal([rootText, texts[2]]);
    expect(await car(`entity-bytes=${9 * MIB}:*`)).to.deep.equal([rootText]);
    const accept = "text/html, application/vnd.ipld.car; version=1; order=dfs; dups=y";
    expect(await cidsIn(await get(`/ipfs/${leafText}`, { accept }))).to.deep.equal([leafText]);
  });

  it("answers probes", async () => {
    const raw = await get("/ipfs/bafkqaaa?format=raw");
    expect([raw.status, (await raw.arrayBuffer()).byteLength]).to.deep.equal([200, 0]);
    expect(await cidsIn(await get("/ipfs/bafkqaaa?format=car"))).to.deep.equal([]);
  });

  it("refuses what it does not have or know", async () => {
    const identity = CID.createV1(RAW, create(0, Buffer.from("not hashed")));
    const absent = rawCid(sha256Of(Uint8Array.of(1))).toString();
    const cases: [status: number, path: string, headers?: Record<string, string>][] = [
      [404, `/ipfs/${absent}?format=raw`],
      [412, `/ipfs/${absent}?format=raw`, { "cache-control": "only-if-cached" }],
      [400, "/ipfs/nonsense?format=raw"],
      [400, "/ipfs/..%2f..%2fetc%2fpasswd?format=raw"],
      [404, `/ipfs/${rootText}/path?format=raw`],
      [406, `/ipfs/${rootText}?format=tar`],
      [406, `/ipfs/${rootText}`, { accept: "text/html" }],
      [406, `/ipfs/${rootText}`, { accept: "application/vnd.ipld.car; version=2" }],
      [400, `/ipfs/${rootText}?format=car&dag-scope=everything`],
      [400, `/ipfs/${rootText}?format=car&car-version=2`],
      [400, `/ipfs/${rootText}?format=raw&format=car`],
      [400, `/ipfs/${rootText}?format=car&entity-bytes=1-2`],
      [404, `/ipfs/${identity.toString()}?format=raw`],
      [414, `/ipfs/b${"a".repeat(200)}?format=raw`],
      [404, `/content/${"ab".repeat(32)}`],
      [404, "/content/..%2f..%2fincoming"],
      [404, `/content/${file.sha256.slice(2)}%2fnodes`],
      [405, `/ipfs/${rootText}?format=raw`, { method: "POST" }],
      [405, `/content/${file.sha256.slice(2)}`, { method: "DELETE" }],
    ];
    for (const [status, path, { method = "GET", ...headers } = {}] of cases)
      expect((await get(path, headers, method)).status, path).to.equal(status);
    const bare = await fetch(`${url}/ipfs/${rootText}`, { headers: { accept: "" } });
    expect(bare.status).to.be.oneOf([400, 406]);
  });

  it("serves whole files and ranges of them", async () => {
    const path = `/content/${file.sha256.slice(2)}`;
    const whole = await get(path);
    expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).to.equal(true);
    const etag = whole.headers.get("etag") ?? "";
    expect((await get(path, { "if-none-match": etag })).status).to.equal(304);
    const part = await get(path, { range: "bytes=10-19" });
    expect([part.status, part.headers.get("content-range")]).to.deep.equal([
      206,
      `bytes 10-19/${bytes.length}`,
    ]);
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(10, 20))).to.equal(true);
    expect((await get(path, { range: `bytes=${bytes.length}-` })).status).to.equal(416);
    expect((await get(path, { range: "bytes=0-1", "if-range": '"other"' })).status).to.equal(200);
    const head = await get(path, {}, "HEAD");
    expect([head.status, head.headers.get("content-length")]).to.deep.equal([200, String(bytes.length)]);
  });

  it("reads ranges as the standard says", () => {
    const cases: [header: string | undefined, expected: unknown][] = [
      ["bytes=0-0", { start: 0, end: 0 }],
      ["bytes=5-", { start: 5, end: 9 }],
      ["bytes=-3", { start: 7, end: 9 }],
      ["bytes=-30", { start: 0, end: 9 }],
      ["bytes=2-99", { start: 2, end: 9 }],
      ["bytes=10-", "none"],
      ["bytes=-0", "none"],
      ["bytes=3-2", undefined],
      ["bytes=0-1,3-4", undefined],
      ["bytes=-", undefined],
      ["items=0-1", undefined],
      [undefined, undefined],
    ];
    for (const [header, expected] of cases) expect(parseRange(header, 10), header).to.deep.equal(expected);
    expect(parseRange("bytes=0-0", 0)).to.equal("none");
  });

  it("ends a CAR in the middle if a block is gone", async () => {
    const lost = await openStore(bench.folder());
    const { cid, path } = await lost.put(bytes);
    const { url: base } = await bench.serve({
      ...lost,
      async block(asked) {
        const block = await lost.block(asked);
        if (asked.equals(cid)) rmSync(path);
        return block;
      },
    });
    const response = await fetch(`${base}/ipfs/${cid.toString()}?format=car`);
    expect(response.status).to.equal(200);
    expect(await response.arrayBuffer().catch(() => "broken off")).to.equal("broken off");
  });
});

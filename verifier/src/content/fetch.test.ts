import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import {
  blockServer,
  createBench,
  leaf,
  node,
  seededBytes,
  sha256Of,
  type TestBlock,
} from "../../test/content.ts";
import { codeOf } from "../../test/failure.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { checkAddress, readAddresses } from "./fetch.ts";
import { openStore } from "./store.ts";

const KIB = 2 ** 10;

/** A file in many small leaves, which is another layout than ours, as others may have. */
function fileOf(leaves: number, seed: string): { bytes: Uint8Array; root: TestBlock; blocks: TestBlock[] } {
  const bytes = seededBytes(leaves * 10 * KIB, seed);
  const parts = Array.from({ length: leaves }, (_, i) =>
    leaf(bytes.subarray(i * 10 * KIB, (i + 1) * 10 * KIB)),
  );
  const middle = [node(parts.slice(0, 20)), node(parts.slice(20))];
  const root = node(middle);
  return { bytes, root, blocks: [root, ...middle, ...parts] };
}

const ipfs = (block: TestBlock): string => `ipfs://${block.cid.toString()}`;
const sum = (counts: Map<string, number>): number => [...counts.values()].reduce((a, b) => a + b, 0);

describe("fetching content", () => {
  const bench = createBench();
  afterEach(() => bench.clear());

  const file = fileOf(40, "fetched");
  const sha256 = sha256Of(file.bytes);
  const same = (path: string, bytes: Uint8Array): void => {
    expect(readFileSync(path).equals(bytes)).to.equal(true);
  };
  const entry = (directory: string, hash: Hex): string => join(directory, hash.slice(2));

  it("gets a file from a node that has it, by CID or by hash, and then serves it too", async () => {
    const first = await openStore(bench.folder());
    const bytes = seededBytes(3 * 2 ** 20 + 1, "node to node");
    const { sha256: hash, cid } = await first.put(bytes);
    const { url } = await bench.serve(first);
    const byCid = await bench.open({ peers: () => [`${url}/`] });
    same((await byCid.provide(hash, [`ipfs://${cid.toString()}#batch=1`])).path, bytes);
    const { url: second } = await bench.serve(byCid.store);
    const byHash = await bench.open({ mirrors: [second] });
    same((await byHash.provide(hash, [])).path, bytes);
    const byAddress = await bench.open();
    const places = [
      "not a url",
      "file:///etc/passwd",
      `${url}/nothing`,
      `${second}/content/${hash.slice(2)}#batch=1`,
    ];
    same((await byAddress.provide(hash, places)).path, bytes);
    const byGateway = await bench.open({ gateways: [second] });
    same((await byGateway.provide(hash, [`ipfs://${cid.toString()}`])).path, bytes);
  });

  it("asks several sources for blocks at once, and nobody twice for the same", async () => {
    const servers = [blockServer(file.blocks), blockServer(file.blocks)];
    let most = 0;
    let open = 0;
    const late =
      (handle: RequestListener): RequestListener =>
      (request, response) => {
        most = Math.max(most, ++open);
        setTimeout(() => {
          open--;
          handle(request, response);
        }, 30);
      };
    const mirrors = await Promise.all(servers.map(({ handle }) => bench.listen(late(handle))));
    const content = await bench.open({ mirrors });
    const both = [content.provide(sha256, [ipfs(file.root)]), content.provide(sha256, [ipfs(file.root)])];
    for (const { path } of await Promise.all(both)) same(path, file.bytes);
    const counts = servers.map(({ asked }) => sum(asked));
    expect(counts[0] ?? 0).to.be.greaterThan(5);
    expect(counts[1] ?? 0).to.be.greaterThan(5);
    expect((counts[0] ?? 0) + (counts[1] ?? 0)).to.be.at.least(file.blocks.length);
    for (const { asked } of servers) for (const [cid, times] of asked) expect(times, cid).to.equal(1);
    expect(most).to.be.within(2, 6);
  });

  it("survives peers that lie, stall, drip, flood, redirect or compress, and does not ask them again", async () => {
    let honest = blockServer(file.blocks);
    const elsewhere = blockServer(file.blocks);
    const target = await bench.listen(elsewhere.handle);
    const asked = new Map<string, number>();
    const drip: RequestListener = (_request, response) => {
      response.writeHead(200, { "content-length": 10 * KIB });
      const timer = setInterval(() => response.write("."), 20);
      response.on("close", () => clearInterval(timer));
    };
    const flood: RequestListener = (_request, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(64 * KIB)));
        response.once("drain", more);
      };
      more();
    };
    const headers = (response: Parameters<RequestListener>[1]): void => {
      const timer = setInterval(() => response.writeProcessing(), 20);
      response.on("close", () => clearInterval(timer));
    };
    const bomb = gzipSync(Buffer.alloc(2 ** 20));
    const hostile: Record<string, RequestListener> = {
      wrong: (_request, response) => response.end(Buffer.alloc(10 * KIB)),
      empty: (_request, response) => response.end(),
      stall: () => undefined,
      drip,
      flood,
      headers: (_request, response) => headers(response),
      declared: (_request, response) => response.writeHead(200, { "content-length": 2 ** 40 }).write("."),
      short: (_request, response) =>
        response.writeHead(200, { "content-length": 10 * KIB }).write(".", () => response.destroy()),
      redirect: (request, response) =>
        response.writeHead(302, { location: `${target}${request.url ?? ""}` }).end(),
      bomb: (_request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(bomb),
      error: (_request, response) => response.writeHead(500).end("x".repeat(KIB)),
      reset: (request) => request.socket.destroy(),
      garbage: (request) => request.socket.end("HTTP/1.1 999999 \r\n\r\n"),
      bigHeader: (_request, response) => response.writeHead(200, { "x-big": "x".repeat(100_000) }).end(),
    };
    const counted =
      (name: string, handle: RequestListener): RequestListener =>
      (request, response) => {
        asked.set(name, (asked.get(name) ?? 0) + 1);
        handle(request, response);
      };
    const names = Object.keys(hostile);
    const bad = await Promise.all(
      Object.entries(hostile).map(([name, handle]) => bench.listen(counted(name, handle))),
    );
    const good = await bench.listen((request, response) => honest.handle(request, response));
    const pace = { windowMs: 2000, minBytes: 20_000 };
    const content = await bench.open({ mirrors: bad, peers: () => [good], pace });
    const start = performance.now();
    same((await content.provide(sha256, [ipfs(file.root)])).path, file.bytes);
    expect(sum(elsewhere.asked)).to.equal(0);
    expect([...asked.keys()].sort()).to.deep.equal([...names].sort());
    // Blocks under way to it when it was found out, each asked of it once more beside a slow one; and again after each rest.
    const bursts = 1 + Math.log2(1 + (performance.now() - start) / 2000);
    for (const [name, times] of asked) expect(times, name).to.be.at.most(12 * bursts);
    const again = fileOf(40, "later");
    const before = [...asked.values()];
    honest = blockServer(again.blocks);
    same((await content.provide(sha256Of(again.bytes), [ipfs(again.root)])).path, again.bytes);
    const liars = ["wrong", "empty", "flood"];
    for (const name of liars) expect(asked.get(name), name).to.equal(before[[...asked.keys()].indexOf(name)]);
  });

  it("does not wait for places that never answer", async () => {
    const store = await openStore(bench.folder());
    await store.put(file.bytes);
    const { url: good } = await bench.serve(store);
    const stall = await bench.listen(() => undefined);
    const uris = [
      ipfs(file.root),
      ...Array.from({ length: 15 }, (_, i) => `${stall}/${i}/content/${sha256.slice(2)}`),
    ];
    // So long that it is not what ends the wait.
    const pace = { windowMs: 3_600_000, minBytes: 1 };
    const bases = Array.from({ length: 12 }, (_, i) => `${stall}/peer${i}`);
    const content = await bench.open({ peers: () => [...bases, good], pace });
    same((await content.provide(sha256, uris)).path, file.bytes);
  });

  it("goes on where it stopped, also after a restart, and again checks what is there", async () => {
    const directory = bench.folder();
    // The attempt ends when it says what it lacks, and some blocks shall have come before.
    const some = blockServer(file.blocks.slice(0, 20), 500);
    const first = await bench.open({ directory, mirrors: [await bench.listen(some.handle)] });
    expect(await codeOf(first.provide(sha256, [ipfs(file.root)]))).to.equal("CONTENT_UNAVAILABLE");
    expect(existsSync(join(entry(directory, sha256), "file"))).to.equal(false);
    const partial = readdirSync(entry(directory, sha256)).find((name) => name.startsWith("partial.")) ?? "";
    // As a process leaves it that was killed, and then one leaf goes bad.
    const path = join(entry(directory, sha256), "partial.4194305.00000000");
    renameSync(join(entry(directory, sha256), partial), path);
    const bytes = readFileSync(path);
    bytes[3] = (bytes[3] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    const had = some.asked.size - 3;
    expect(had).to.be.greaterThan(5);
    const all = blockServer(file.blocks);
    const second = await bench.open({ directory, mirrors: [await bench.listen(all.handle)] });
    same((await second.provide(sha256, [ipfs(file.root)])).path, file.bytes);
    // What was under way when the first attempt ended is asked for again.
    expect(all.asked.size).to.be.within(40 - had + 1, 40 - had + 6);
  });

  it("repairs a damaged file by the damaged block alone", async () => {
    const directory = bench.folder();
    const server = blockServer(file.blocks);
    const mirrors = [await bench.listen(server.handle)];
    const first = await bench.open({ directory, mirrors });
    const { path } = await first.provide(sha256, [ipfs(file.root)]);
    server.asked.clear();
    writeFileSync(
      path,
      file.bytes.map((byte, i) => (i === 25 * KIB ? byte ^ 1 : byte)),
    );
    const second = await bench.open({ directory, mirrors });
    same((await second.provide(sha256, [ipfs(file.root)])).path, file.bytes);
    expect([...server.asked]).to.deep.equal([[file.blocks[3 + 2]?.cid.toString(), 1]]);
  });

  it("reads files whose nodes hold the bytes, and serves them under that CID as well", async () => {
    const bytes = seededBytes(30 * KIB, "inline");
    const inline = [0, 1].map((i) =>
      node([], { data: bytes.subarray((1 + i) * 10 * KIB, (2 + i) * 10 * KIB) }),
    );
    const root = node(inline, { data: bytes.subarray(0, 10 * KIB) });
    const server = blockServer([root, ...inline]);
    const content = await bench.open({ mirrors: [await bench.listen(server.handle)] });
    same((await content.provide(sha256Of(bytes), [ipfs(root)])).path, bytes);
    for (const block of [root, ...inline])
      expect(Buffer.from((await content.store.block(block.cid)) ?? []).equals(block.bytes)).to.equal(true);
  });

  it("fetches bytes that stand in many places once", async () => {
    const part = leaf(new Uint8Array(10 * KIB).fill(7));
    const root = node(Array.from({ length: 100 }, () => part));
    const server = blockServer([root, part]);
    const content = await bench.open({ mirrors: [await bench.listen(server.handle)] });
    const bytes = new Uint8Array(1000 * KIB).fill(7);
    same((await content.provide(sha256Of(bytes), [ipfs(root)])).path, bytes);
    expect(sum(server.asked)).to.equal(2);
  });

  it("refuses DAGs that lie or never end, before it fetches what they promise", async () => {
    const small = leaf(seededBytes(10, "small"));
    let deep: TestBlock = node([small]);
    for (let i = 0; i < 20; i++) deep = node([deep]);
    let wide: TestBlock = node(Array.from({ length: 1000 }, () => small));
    wide = node(Array.from({ length: 1000 }, () => wide));
    const unsaid = { ...small, size: 11 };
    const cases: Record<string, [root: TestBlock, blocks: TestBlock[], code: string, asked: number]> = {
      "larger than allowed": [node([{ ...small, size: 2 ** 40 }]), [small], "CONTENT_TOO_LARGE", 1],
      "a leaf smaller than said": [node([unsaid]), [small], "CONTENT_MISMATCH", 2],
      "another file": [node([small]), [small], "CONTENT_MISMATCH", 2],
      "a directory": [node([], { type: "directory" }), [], "CONTENT_MISMATCH", 1],
      deep: [deep, below(deep), "CONTENT_MISMATCH", 9],
      wide: [wide, [], "CONTENT_TOO_LARGE", 1],
    };
    function below(root: TestBlock): TestBlock[] {
      const blocks: TestBlock[] = [small];
      let block: TestBlock = node([small]);
      while (!block.cid.equals(root.cid)) {
        blocks.push(block);
        block = node([block]);
      }
      return blocks;
    }
    for (const [what, [root, blocks, code, asked]] of Object.entries(cases)) {
      const directory = bench.folder();
      const server = blockServer([root, ...blocks]);
      const content = await bench.open({
        directory,
        maxBytes: 2 ** 20,
        mirrors: [await bench.listen(server.handle)],
      });
      expect(await codeOf(content.provide(sha256, [ipfs(root)])), what).to.equal(code);
      expect(sum(server.asked), what).to.equal(asked);
      expect(await content.store.find(sha256), what).to.equal(undefined);
      expect(await content.store.block(small.cid), what).to.equal(undefined);
    }
  });

  it("never lets a shared node of links make millions of blocks", async () => {
    // 10,000 bytes, said to be 10,000,000 times as many.
    const small = leaf(new Uint8Array(1));
    const inner = node(Array.from({ length: 1000 }, () => small));
    const root = node(Array.from({ length: 1000 }, () => inner));
    const server = blockServer([root, inner, small]);
    const content = await bench.open({ mirrors: [await bench.listen(server.handle)] });
    expect(await codeOf(content.provide(sha256, [ipfs(root)]))).to.equal("CONTENT_MISMATCH");
    expect(sum(server.asked)).to.be.at.most(3);
  });

  it("refuses wrong, missing and oversized files at plain addresses", async () => {
    const store = await openStore(bench.folder());
    const { sha256: hash } = await store.put(file.bytes);
    const { url } = await bench.serve(store);
    const other: Hex = `0x${"ab".repeat(32)}`;
    const place = (name: Hex): string => `${url}/content/${name.slice(2)}`;
    const content = await bench.open({ maxBytes: file.bytes.length - 1 });
    expect(await codeOf(content.provide(hash, [place(hash)]))).to.equal("CONTENT_TOO_LARGE");
    expect(await codeOf(content.provide(other, [place(other)]))).to.equal("CONTENT_UNAVAILABLE");
    expect(await codeOf(content.provide(other, []))).to.equal("CONTENT_UNAVAILABLE");
    const larger = await bench.open();
    expect(await codeOf(larger.provide(other, [place(hash)]))).to.equal("CONTENT_MISMATCH");
    // A release that gave a right address a wrong hash has not spoiled it for others.
    same((await larger.provide(hash, [place(hash)])).path, file.bytes);
  });

  it("does not call a source a liar for what a stranger's DAG says of its blocks", async () => {
    const real = file.blocks.at(-1) ?? file.root;
    const lie = node([{ ...real, size: 100 }]);
    const server = blockServer([lie, ...file.blocks]);
    const content = await bench.open({ mirrors: [await bench.listen(server.handle)] });
    expect(await codeOf(content.provide(sha256Of(Uint8Array.of(1)), [ipfs(lie)]))).to.equal(
      "CONTENT_MISMATCH",
    );
    same((await content.provide(sha256, [ipfs(file.root)])).path, file.bytes);
  });

  it("keeps out of private networks where strangers point, but goes where its owner says", async () => {
    let connections = 0;
    const server = blockServer(file.blocks);
    const url = await bench.listen((request, response) => {
      connections++;
      server.handle(request, response);
    });
    const { port } = new URL(url);
    const hosts = [
      "127.0.0.1",
      "localhost",
      "2130706433",
      "0x7f000001",
      "127.1",
      "[::ffff:127.0.0.1]",
      "0.0.0.0",
    ];
    const bases = hosts.map((host) => `http://${host}:${port}`);
    const cid = file.root.cid.toString();
    const uris = [
      ipfs(file.root),
      ...bases.flatMap((base) => [`${base}/ipfs/${cid}`, `${base}/content/${sha256.slice(2)}`]),
    ];
    const stranger = await bench.open({ allowPrivate: false, peers: () => bases });
    expect(await codeOf(stranger.provide(sha256, uris))).to.equal("CONTENT_UNAVAILABLE");
    expect(await codeOf(stranger.provide(sha256, ["http://user:secret@example.com/file"]))).to.equal(
      "CONTENT_UNAVAILABLE",
    );
    expect(connections).to.equal(0);
    const owner = await bench.open({ allowPrivate: false, gateways: [`http://localhost:${port}`] });
    same((await owner.provide(sha256, [ipfs(file.root)])).path, file.bytes);
  });

  it("says that there is no room, and asks nobody for what would not fit", async () => {
    const server = blockServer(file.blocks);
    const mirrors = [await bench.listen(server.handle)];
    const content = await bench.open({ mirrors, storeBytes: 500 * KIB });
    await content.store.put(seededBytes(200 * KIB, "mine"), { keep: true });
    expect(await codeOf(content.provide(sha256, [ipfs(file.root)]))).to.equal("STORAGE_FULL");
    expect(sum(server.asked)).to.equal(1);
  });

  it("reads addresses", () => {
    const cid = file.root.cid.toString();
    const read = readAddresses([
      `http://a.example/x/ipfs/${cid}#d=1`,
      `https://b.example/content/${"ab".repeat(32)}`,
      "ftp://c",
    ]);
    expect(read.cids.map(String)).to.deep.equal([cid]);
    expect(read.bases).to.deep.equal(["http://a.example/x", "https://b.example"]);
    expect(read.plain).to.deep.equal([
      `http://a.example/x/ipfs/${cid}`,
      `https://b.example/content/${"ab".repeat(32)}`,
    ]);
    expect(
      readAddresses(Array.from({ length: 1000 }, (_, i) => `http://a.example/${i}`)).plain,
    ).to.have.length(16);
  });

  it("has addresses announced only where a file can be fetched", () => {
    for (const good of [ipfs(file.root), "http://a.example/x.onnx", "HTTPS://b.example"]) checkAddress(good);
    const bad = [
      "",
      "notauri",
      "ftp://c",
      "https://",
      "http://a b/",
      "ipfs://notacid",
      "http://me:pw@a.example/",
    ];
    for (const uri of [...bad, `${ipfs(file.root)}/x.onnx`, "http://a.example/#batch=1"])
      expect(() => checkAddress(uri), uri)
        .to.throw(AssayError)
        .with.property("code", "BAD_CONFIG");
  });
});

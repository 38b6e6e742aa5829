import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { createBench, leaf, node, seededBytes, sha256Of } from "../../test/content.ts";
import { codeOf } from "../../test/failure.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { rawCid } from "./cid.ts";
import { lockFile } from "../../../sdk/src/lockFile.ts";
import { openStore } from "./store.ts";

const MIB = 2 ** 20;
const CHILD = new URL("../../test/storeChild.ts", import.meta.url).pathname;

describe("content store", () => {
  const bench = createBench();
  afterEach(() => bench.clear());

  const entry = (directory: string, sha256: Hex): string => join(directory, sha256.slice(2));

  it("gives back what was put, whole and by block, also to another process's eyes", async () => {
    const directory = bench.folder();
    const store = await openStore(directory);
    const bytes = seededBytes(2 * MIB + 5, "blocks");
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += 300_001)
        yield await Promise.resolve(bytes.subarray(at, at + 300_001));
    }
    const other = await openStore(directory);
    const { sha256, cid, path } = await store.put(pieces());
    expect(sha256).to.equal(sha256Of(bytes));
    expect(readFileSync(path).equals(bytes)).to.equal(true);
    for (const view of [store, other]) {
      expect((await view.find(sha256))?.size).to.equal(bytes.length);
      const leaves = [0, 1, 2].map((i) => bytes.subarray(i * MIB, (i + 1) * MIB));
      for (const part of leaves)
        expect(Buffer.from((await view.block(rawCid(sha256Of(part)))) ?? []).equals(part)).to.equal(true);
      const root = node(leaves.map(leaf));
      expect(root.cid.toString()).to.equal(cid.toString());
      expect(Buffer.from((await view.block(cid)) ?? []).equals(root.bytes)).to.equal(true);
      expect(await view.block(rawCid(sha256Of(Uint8Array.of(9))))).to.equal(undefined);
      expect(await view.find(sha256Of(Uint8Array.of(9)))).to.equal(undefined);
    }
  });

  it("refuses other content than expected, and more than allowed, and keeps none of it", async () => {
    const directory = bench.folder();
    const store = await openStore(directory);
    const bytes = seededBytes(5000, "refused");
    expect(await codeOf(store.put(bytes, { expected: sha256Of(Uint8Array.of(1)) }))).to.equal(
      "CONTENT_MISMATCH",
    );
    expect(await codeOf(store.put(bytes, { maxBytes: 4999 }))).to.equal("CONTENT_TOO_LARGE");
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(bytes);
      throw new Error("the source broke off");
    }
    expect(await codeOf(store.put(broken()))).to.match(/^other/);
    expect(readdirSync(directory)).to.deep.equal(["incoming", "owners"]);
    expect(readdirSync(join(directory, "incoming"))).to.deep.equal([]);
  });

  it("sets a damaged file aside, and shows neither it nor its blocks", async () => {
    const directory = bench.folder();
    const bytes = seededBytes(MIB + 100, "damaged");
    const { sha256, path } = await (await openStore(directory)).put(bytes);
    const tail = rawCid(sha256Of(bytes.subarray(MIB)));
    const store = await openStore(directory);
    expect(await store.block(tail)).not.to.equal(undefined);
    writeFileSync(
      path,
      bytes.map((byte, i) => (i === MIB + 7 ? byte ^ 1 : byte)),
    );
    expect(await store.block(tail)).to.equal(undefined);
    expect(await store.find(sha256)).to.equal(undefined);
    expect(existsSync(path)).to.equal(false);
    // Put again, it is whole again.
    await store.put(bytes);
    expect(await store.find(sha256)).not.to.equal(undefined);
    truncateSync(path, 10);
    expect(await store.find(sha256)).to.equal(undefined);
  });

  it("evicts what was used longest ago, but nothing that is pinned, kept or larger than all", async () => {
    const directory = bench.folder();
    const store = await openStore(directory, 100_000);
    const put = async (seed: string, keep = false) =>
      (await store.put(seededBytes(20_000, seed), { keep })).sha256;
    const kept = await put("kept", true);
    const pinned = await put("pinned");
    const unpin = await store.pin(pinned);
    const [old, older] = [await put("old"), await put("older")];
    for (const [i, sha256] of [kept, pinned, older, old].entries())
      utimesSync(join(entry(directory, sha256), "file"), 1000 + i, 1000);
    const present = (): Promise<boolean[]> =>
      Promise.all(
        [kept, pinned, older, old].map((sha256) =>
          Promise.resolve(existsSync(join(entry(directory, sha256), "file"))),
        ),
      );
    await store.put(seededBytes(20_000, "fifth"));
    expect(await present()).to.deep.equal([true, true, true, true]);
    await store.put(seededBytes(20_000, "sixth"));
    expect(await present()).to.deep.equal([true, true, false, true]);
    // Looked at again, it is not the oldest any more.
    expect(await store.find(old)).not.to.equal(undefined);
    expect(await codeOf(store.put(seededBytes(100_001, "huge")))).to.equal("CONTENT_TOO_LARGE");
    expect(await present()).to.deep.equal([true, true, false, true]);
    expect(await codeOf(store.put(seededBytes(70_000, "large")))).to.equal("STORAGE_FULL");
    expect(await present()).to.deep.equal([true, true, false, true]);
    unpin();
    // A process that shares the directory respects pins; one that is gone has none.
    writeFileSync(join(entry(directory, pinned), "pin.gone"), "");
    await (await openStore(directory, 100_000)).put(seededBytes(70_000, "large"));
    expect(await present()).to.deep.equal([true, false, false, false]);
  });

  it("respects the pins of other processes that run", async () => {
    const directory = bench.folder();
    const store = await openStore(directory, 100_000);
    const { sha256 } = await store.put(seededBytes(60_000, "shared"));
    writeFileSync(join(entry(directory, sha256), "pin.other"), "");
    const end = lockFile(join(directory, "owners", "other"));
    expect(await codeOf(store.put(seededBytes(60_000, "more")))).to.equal("STORAGE_FULL");
    expect(await store.find(sha256)).not.to.equal(undefined);
    end?.();
    await store.put(seededBytes(60_000, "more"));
    expect(await store.find(sha256)).to.equal(undefined);
    expect(readdirSync(join(directory, "owners"))).to.have.length(1);
  });

  it("sweeps what a process that was killed left half-written, and what it shows is whole", async () => {
    const directory = bench.folder();
    mkdirSync(join(directory, "incoming"), { recursive: true });
    const size = 96 * MIB;
    const child = spawn(process.execPath, ["--import", "tsx", CHILD, directory, String(size)], {
      stdio: "pipe",
    });
    await once(child.stdout, "data");
    const incoming = join(directory, "incoming");
    // Killed in the middle of it, which the size of the temporary file shows.
    for (;;) {
      if (readdirSync(incoming).length > 0) break;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    child.kill("SIGKILL");
    await once(child, "close");
    expect(readdirSync(incoming)).to.have.length(1);
    const store = await openStore(directory);
    expect(readdirSync(incoming)).to.deep.equal([]);
    expect(await store.find(sha256Of(seededBytes(size, "child")))).to.equal(undefined);
  });

  it("says that the disk is full, retryably, and keeps what it had", async () => {
    const directory = bench.folder();
    const had = (await (await openStore(directory)).put(seededBytes(3000, "had"))).sha256;
    // The shell's limit on file sizes is a quota like any other (in units of 512 or 1024 bytes).
    const command = `ulimit -f 1024; exec "${process.execPath}" --import tsx "${CHILD}" "${directory}" ${4 * MIB}`;
    const child = spawn("sh", ["-c", command], { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await once(child, "close");
    expect(said).to.equal("open\nfailed STORAGE_FULL true\n");
    expect(readdirSync(join(directory, "incoming"))).to.deep.equal([]);
    expect(await (await openStore(directory)).find(had)).not.to.equal(undefined);
  });
});

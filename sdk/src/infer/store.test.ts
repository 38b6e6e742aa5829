/** What a client must not forget, on a disk whose process may end at any time. */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { ENVIRONMENT, FLAGS } from "../../../bin/launch.mjs";
import { AssayError } from "../error.ts";
import { ZERO_HASH, type Hex } from "../structs.ts";
import { fileStore } from "./fileStore.ts";
import { openingLedger, withOrder, type OpenOrder } from "./ledger.ts";
import { memoryStore, type AccountId, type InferenceStore } from "./store.ts";
import type { ReceiptFile } from "./wire.ts";

const CHILD = join(import.meta.dirname, "..", "..", "test", "storeChild.ts");
const at = (digit: string): Hex => `0x${digit.repeat(40)}`;
const account: AccountId = { chainId: 1, deposits: at("d"), client: at("c"), operator: at("a") };

function opened(nonce: bigint, totalWei: bigint): OpenOrder {
  const { client, operator } = account;
  const order = {
    releaseId: ZERO_HASH,
    inputsRoot: ZERO_HASH,
    client,
    operator,
    priceWei: 7n,
    nonce,
    expiresAt: 9,
  };
  return { order, totalWei, signature: "0x34", bondClass: 3, sentAt: 5 };
}

function receiptAt(issuedAt: number): ReceiptFile {
  const hashes = {
    requestHash: ZERO_HASH,
    releaseId: ZERO_HASH,
    inputsRoot: ZERO_HASH,
    outputHash: ZERO_HASH,
  };
  const receipt = { ...hashes, operator: account.operator, issuedAt, bondClass: 1 };
  return { version: 1, chainId: 1, receipts: at("e"), receipt, signature: "0x12", input: "AQI=", output: "" };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AssayError) return error.code;
    throw error;
  }
  return "worked";
}

async function kept(store: InferenceStore): Promise<ReceiptFile[]> {
  const files: ReceiptFile[] = [];
  for await (const file of store.receipts()) files.push(file);
  return files;
}

function raise(store: InferenceStore, wei: bigint): Promise<bigint> {
  return store.update(account, (ledger = openingLedger(0n)) => {
    const signedWei = ledger.signedWei + wei;
    return Promise.resolve([{ ...ledger, signedWei }, signedWei] as const);
  });
}

describe("a client's store", function () {
  this.timeout(60_000);
  let directory: string;
  const stores: InferenceStore[] = [];

  async function open(): Promise<InferenceStore> {
    const store = await fileStore(directory);
    stores.push(store);
    return store;
  }

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "assay-inference-"));
  });

  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    rmSync(directory, { recursive: true });
  });

  const kinds = { "in memory": () => Promise.resolve(memoryStore()), "in files": open };
  for (const [kind, make] of Object.entries(kinds))
    describe(kind, () => {
      it("knows what was put into it", async () => {
        const store = await make();
        expect(await store.ledger(account)).to.equal(undefined);
        const ledger = withOrder(openingLedger(2n ** 90n), opened(2n ** 63n, 2n ** 91n));
        await store.update(account, () => Promise.resolve([ledger, 0] as const));
        expect(await store.ledger(account)).to.deep.include({ ...ledger });
        expect(await store.ledger({ ...account, client: at("b") })).to.equal(undefined);
        await store.keepInput(ZERO_HASH, new Uint8Array([1, 2, 3]));
        expect(await store.input(ZERO_HASH)).to.deep.equal(new Uint8Array([1, 2, 3]));
        await store.dropInput(ZERO_HASH);
        await store.dropInput(ZERO_HASH);
        expect(await store.input(ZERO_HASH)).to.equal(undefined);
      });

      it("changes a ledger for one at a time, and not if the change fails", async () => {
        const store = await make();
        const totals = await Promise.all(Array.from({ length: 50 }, () => raise(store, 1n)));
        expect(totals.sort((a, b) => Number(a - b))).to.deep.equal(
          Array.from({ length: 50 }, (_, i) => BigInt(i + 1)),
        );
        const refused = store.update(account, () => Promise.reject(new AssayError("DECLINED", "no")));
        const [code, total] = await Promise.all([codeOf(refused), raise(store, 1n)]);
        expect([code, total]).to.deep.equal(["DECLINED", 51n]);
      });

      it("keeps each receipt once, in order, until nobody can be held to it", async () => {
        const store = await make();
        for (const time of [900, 30, 2_000_000_000, 900]) await store.keepReceipt(receiptAt(time));
        expect((await kept(store)).map(({ receipt }) => receipt.issuedAt)).to.deep.equal([
          30, 900, 2_000_000_000,
        ]);
        expect((await kept(store))[0]).to.deep.equal(receiptAt(30));
        await store.forget(900);
        expect((await kept(store)).map(({ receipt }) => receipt.issuedAt)).to.deep.equal([
          900, 2_000_000_000,
        ]);
      });
    });

  it("opens again as it was", async () => {
    const first = await open();
    const ledger = withOrder(openingLedger(5n), opened(9n, 12n));
    await first.update(account, () => Promise.resolve([ledger, 0] as const));
    await first.keepReceipt(receiptAt(30));
    await first.close();
    expect(await codeOf(first.ledger(account))).to.equal("CLOSED");
    const again = await open();
    expect(await again.ledger(account)).to.deep.equal(ledger);
    expect(await kept(again)).to.deep.equal([receiptAt(30)]);
  });

  it("is one process's at a time", async () => {
    const store = await open();
    expect(await codeOf(fileStore(directory))).to.equal("STATE_LOCKED");
    await store.close();
    await open();
  });

  it("has the old contents or the new ones if its process ends between writing and renaming", async () => {
    const store = await open();
    await raise(store, 5n);
    await store.close();
    const ledgers = join(directory, "ledgers");
    const [name = ""] = readdirSync(ledgers);
    writeFileSync(join(ledgers, `${name}.1.new`), '{"version":1,"obtai');
    const again = await open();
    expect((await again.ledger(account))?.signedWei).to.equal(5n);
    expect(readdirSync(ledgers)).to.deep.equal([name]);
  });

  it("says which file is damaged, touches it no further, and signs nothing by it", async () => {
    const store = await open();
    await raise(store, 5n);
    await store.close();
    const [name = ""] = readdirSync(join(directory, "ledgers"));
    const path = join(directory, "ledgers", name);
    for (const damage of ["", "{", '{"version":2}', readFileSync(path, "utf8").replace('"5"', '"-5"')]) {
      writeFileSync(path, damage);
      const again = await open();
      expect(await codeOf(again.ledger(account))).to.equal("STATE_FAILED");
      expect(await codeOf(raise(again, 1n))).to.equal("STATE_FAILED");
      expect(readFileSync(path, "utf8")).to.equal(damage);
      await again.close();
    }
  });

  it("forgets nothing that it said was written when its process is killed", async () => {
    for (let round = 0; round < 5; round++) {
      const child = spawn(process.execPath, [...FLAGS, CHILD, directory], {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, ...ENVIRONMENT },
      });
      let said = "";
      await new Promise<void>((ended) => {
        child.stdout.on("data", (chunk: Buffer) => {
          said += chunk.toString();
          if (said.split("\n").length > 20 + round) child.kill("SIGKILL");
        });
        child.once("close", () => ended());
      });
      const last = BigInt(said.split("\n").at(-2) ?? "0");
      const store = await open();
      const { signedWei = 0n } = (await store.ledger(account)) ?? {};
      expect(signedWei >= last && signedWei <= last + 1n, `${signedWei}, said ${last}`).to.equal(true);
      expect(last > BigInt(round * 20)).to.equal(true);
      await store.close();
    }
  });
});

/** Endpoints that lie to the outbox, and keys that it must not show. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { encryptKeystoreJson, getBytes, JsonRpcProvider, type JsonRpcApiProvider } from "ethers";
import { toHex } from "../../sdk/src/structs.ts";
import type { Call, Reply } from "../../scripts/simulate/rpc.ts";
import { createEndpoints } from "../src/chain/endpoints.ts";
import { memoryJournal } from "../src/chain/outbox/memory.ts";
import { listTransactions } from "../src/chain/outbox/report.ts";
import { agreedReadings } from "../src/chain/outbox/readings.ts";
import { agreedReceipts } from "../src/chain/outbox/witness.ts";
import { createProvider } from "../src/chain/provider.ts";
import { openDatabase } from "../src/state/database.ts";
import { echoCall } from "./echo.ts";
import { codeOf } from "./failure.ts";
import { runOutbox, startEchoChain, type EchoChain } from "./outbox.ts";
import { CUT, startProxy, type Proxy, type Trick } from "./rpc.ts";
import { soon } from "./until.ts";
import { testLog } from "./world.ts";

describe("an outbox among liars", function () {
  this.timeout(120_000);
  let chain: EchoChain;
  let proxy: Proxy;
  let folder: string;

  function providerOf(url: string): JsonRpcApiProvider {
    return new JsonRpcProvider(url, 31337, { staticNetwork: true, batchMaxCount: 1, cacheTimeout: -1 });
  }

  before(async () => {
    chain = await startEchoChain();
    proxy = await startProxy(chain.url);
    folder = mkdtempSync(join(tmpdir(), "assay-lies-"));
  });
  afterEach(() => {
    proxy.bend = undefined;
  });
  after(async () => {
    await proxy.stop();
    await chain.stop();
    rmSync(folder, { recursive: true });
  });

  it("finds out with a second look that a receipt was made up, and sends the same bytes again", async () => {
    // The liar is asked first, and about everything but second looks alone.
    const endpoints = createEndpoints({ urls: [proxy.url, chain.url], chainId: 31337, log: testLog });
    const provider = providerOf(proxy.url);
    const witness = agreedReceipts(endpoints, provider);
    const sender = chain.sender(1, memoryJournal(), { provider, witness, rebroadcastMs: 100 });
    // Another's transaction lends its receipt.
    const lent = await (await chain.wallet(2).sendTransaction({ to: chain.wallet(3).address })).wait();
    const receipt: unknown = await chain.provider.send("eth_getTransactionReceipt", [lent?.hash]);
    let swallowed = false;
    const lie = ({ method, params: [transactionHash] }: Call): Trick | undefined => {
      if (method === "eth_sendRawTransaction") {
        swallowed = true;
        return { result: `0x${"11".repeat(32)}` };
      }
      if (method === "eth_getTransactionCount" && swallowed) return { result: "0x1" };
      if (method !== "eth_getTransactionReceipt") return undefined;
      return { result: { ...Object(receipt), transactionHash, from: chain.wallet(1).address } };
    };
    proxy.bend = lie;
    const { hash } = await sender.send(echoCall("made up"));
    expect(await chain.count("made up")).to.equal(0);
    // It lies on, but what is broadcast reaches the others too.
    proxy.bend = (call) => (call.method === "eth_sendRawTransaction" ? undefined : lie(call));
    expect((await sender.send(echoCall("made up"))).hash).to.equal(hash);
    await soon(async () => (await chain.count("made up")) === 1);
    await sender.close();
    provider.destroy();
    endpoints.close();
  });

  for (const place of [0, 1, 2])
    it(`sends and raises though endpoint ${place + 1} of three lies about nonce, pool, balance, time and base fee`, async () => {
      const lies: Readonly<Record<string, readonly string[]>> = {
        eth_getTransactionCount: ["0x0", "0x7", "0x45"],
        eth_getBalance: ["0x0", "0xffffffffffffffffffffffff"],
      };
      // No block since the first offer, and after the deadline; or the opposite.
      const heads = [
        { number: "0x0", timestamp: "0xffffffff", baseFeePerGas: "0xffffffffffffffff" },
        { number: "0xffffffff", timestamp: "0x0", baseFeePerGas: "0x0" },
      ];
      let lied = 0;
      const lieWith = (head: object): void => {
        proxy.bend = ({ method, params }) => {
          const told = lies[method];
          if (told !== undefined) return { result: told[lied++ % told.length] };
          if (method !== "eth_getBlockByNumber") return undefined;
          const lie = params[0] === "latest" ? head : { hash: `0x${"22".repeat(32)}` };
          return { change: (block) => ({ ...(block as object), ...lie }) };
        };
      };
      const others = await Promise.all([startProxy(chain.url), startProxy(chain.url)]);
      const urls = others.map(({ url }) => url).toSpliced(place, 0, proxy.url);
      const endpoints = createEndpoints({ urls, chainId: 31337, log: testLog });
      const { address } = chain.wallet(7);
      const offers = async (): Promise<bigint[]> =>
        [...(await chain.pool(address)).values()].map(({ maxFeePerGas }) => maxFeePerGas);
      const sender = chain.sender(7, memoryJournal(), {
        provider: createProvider(endpoints),
        readings: agreedReadings(endpoints, toHex(getBytes(address))),
        fees: { minPatienceSeconds: 0.1 },
        replacedMs: 100,
      });
      const before = await chain.provider.getTransactionCount(address);
      await chain.automine(false);
      const time = (await chain.provider.getBlock("latest"))?.timestamp ?? 0;
      const move = { priority: "move", deadline: time + 600 } as const;
      lieWith(heads[0] ?? {});
      const sending = ["one", "two"].map((key) => sender.send(echoCall(`${key} ${place}`, move)));
      await soon(async () => (await chain.pool(address)).size === 2);
      // Time for it to be taken for replaced.
      await sleep(500);
      for (const head of heads) {
        lieWith(head);
        const [offer = 0n] = await offers();
        // Far above all that may be offered by now.
        const baseFee = 4n * offer;
        await chain.setBaseFee(baseFee);
        await soon(async () => (await offers()).every((raised) => raised > baseFee));
      }
      await chain.automine(true);
      await chain.mine();
      const mined = await Promise.all(sending);
      expect(await chain.provider.getTransactionCount(address)).to.equal(before + 2);
      for (const { status } of mined) expect(status).to.equal(1);
      await sender.close();
      endpoints.close();
      await Promise.all(others.map((other) => other.stop()));
    });

  for (const [place, count] of [
    [0, 2],
    [0, 3],
    [1, 3],
    [2, 3],
  ] as const)
    it(`sends though endpoint ${place + 1} of ${count} lies about gas`, async () => {
      const { address } = chain.wallet(8);
      const others = await Promise.all(Array.from({ length: count - 1 }, () => startProxy(chain.url)));
      const urls = others.map(({ url }) => url).toSpliced(place, 0, proxy.url);
      const endpoints = createEndpoints({ urls, chainId: 31337, log: testLog });
      const sender = chain.sender(8, memoryJournal(), {
        provider: createProvider(endpoints),
        readings: agreedReadings(endpoints, toHex(getBytes(address))),
      });
      const before = await chain.provider.getTransactionCount(address);
      // Below what calldata costs, above it but too little, more than a block holds, and that it reverts.
      const lies: readonly Reply[] = [
        { result: "0x1" },
        { result: "0x4650" },
        { result: "0x7fffffff" },
        { error: { code: 3, message: "execution reverted", data: "0x" } },
      ];
      for (const [i, lie] of lies.entries()) {
        proxy.bend = ({ method }) => (method === "eth_estimateGas" ? lie : undefined);
        const { hash, status } = await sender.send(echoCall(`gas ${place} ${count} ${i}`));
        expect(status).to.equal(1);
        const { gasLimit = 0n } = (await chain.provider.getTransaction(hash)) ?? {};
        // Of two, the one that says more may be the honest one.
        expect(Number(gasLimit)).to.be.within(25_000, count === 2 ? 2 ** 24 : 40_000);
      }
      expect(await chain.provider.getTransactionCount(address)).to.equal(before + lies.length);
      await sender.close();
      endpoints.close();
      await Promise.all(others.map((other) => other.stop()));
    });

  it("takes its time over an endpoint that fails, and sends once", async () => {
    const provider = providerOf(proxy.url);
    const sender = chain.sender(4, memoryJournal(), { provider, rebroadcastMs: 100 });
    // A quarter of all calls fail, by a generator with a fixed seed.
    let state = 1;
    proxy.bend = () => {
      state = (state * 48_271) % 2_147_483_647;
      return state % 4 === 0 ? CUT : undefined;
    };
    const keys = ["flaky one", "flaky two"];
    await Promise.all(
      keys.map(async (key) => {
        while ((await codeOf(sender.send(echoCall(key)))) !== "none") await chain.mine();
      }),
    );
    for (const key of keys) expect(await chain.count(key)).to.equal(1);
    await sender.close();
    provider.destroy();
  });

  it("waits for a simulation, however slow the endpoint", async () => {
    const provider = providerOf(proxy.url);
    const sender = chain.sender(6, memoryJournal(), { provider });
    let asked = 0;
    proxy.bend = ({ method }) => {
      if (method !== "eth_estimateGas") return undefined;
      asked++;
      return { change: (gas) => sleep(11_000, gas) };
    };
    await sender.send(echoCall("slow"));
    expect(asked).to.equal(1);
    await sender.close();
    provider.destroy();
  });

  it("keeps key and password out of logs, arguments and the database, and what it spent in it", async () => {
    const wallet = chain.wallet(5);
    const password = "correct horse battery staple";
    const [keystore, passwordFile] = [join(folder, "key.json"), join(folder, "password")];
    writeFileSync(passwordFile, `${password}\n`);
    writeFileSync(keystore, await encryptKeystoreJson(wallet, password, { scrypt: { N: 1024 } }));
    const directory = join(folder, "state");
    let seen = "";
    const child = runOutbox({
      rpcUrl: proxy.url,
      database: { directory },
      signer: { keystore, passwordFile },
      keys: ["secret one", "secret two"],
    });
    proxy.bend = ({ method }) => {
      if (method === "eth_sendRawTransaction")
        seen += execFileSync("ps", ["-o", "args=", "-p", String(child.pid)]).toString();
      return undefined;
    };
    const { stdout, stderr } = await child.ended;
    expect(stdout, stderr).to.equal("done\n");
    expect(seen).to.include("outboxChild.ts");
    const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((file) =>
      file.isFile(),
    );
    const stored = files.map((file) => readFileSync(join(file.parentPath, file.name)));
    const everything = Buffer.concat([
      Buffer.from(seen),
      Buffer.from(stdout),
      Buffer.from(stderr),
      ...stored,
    ]);
    // What was sent is there, so the search would find the key.
    expect(everything.includes("secret one")).to.equal(true);
    const key = Buffer.from(getBytes(wallet.privateKey));
    const text = everything.toString("latin1").toLowerCase();
    for (const secret of [key.toString("hex"), key.toString("base64").toLowerCase(), password])
      expect(text.includes(secret)).to.equal(false);
    expect(everything.includes(key)).to.equal(false);

    const database = await openDatabase({ directory });
    const records = await listTransactions(database);
    expect(records.map((record) => record.key).sort()).to.deep.equal(["secret one", "secret two"]);
    const before = await chain.provider.getBalance(wallet.address, 0);
    const after = await chain.provider.getBalance(wallet.address);
    expect(records.reduce((sum, { gasWei }) => sum + gasWei, 0n)).to.equal(before - after);
    await database.destroy();
  });
});

/** A process that sends is killed between every two steps; the next one finishes what it began, once. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { hex } from "../../sdk/src/structs.ts";
import type { ChildSettings } from "./outboxChild.ts";
import { openDatabase } from "../src/state/database.ts";
import { runOutbox, startEchoChain, type EchoChain } from "./outbox.ts";
import { STALL, startProxy, type Proxy } from "./rpc.ts";
import { startSigner, type TestSigner } from "./signer.ts";

interface Step {
  /** What is asked of an endpoint or of the signer. */
  readonly method: string;
  readonly phase: "before" | "after";
  readonly what: string;
}

const SIGN = "eth_signTransaction";

const STEPS: readonly Step[] = [
  { method: "eth_estimateGas", phase: "before", what: "before the simulation" },
  { method: "eth_feeHistory", phase: "after", what: "before a nonce is taken" },
  { method: SIGN, phase: "before", what: "between nonce and signature" },
  { method: "eth_sendRawTransaction", phase: "before", what: "between journal and broadcast" },
  { method: "eth_sendRawTransaction", phase: "after", what: "between broadcast and its answer" },
  { method: "eth_getTransactionReceipt", phase: "before", what: "between mining and receipt" },
  { method: "eth_getTransactionReceipt", phase: "after", what: "between receipt and journal" },
];
const KEYS = ["one", "two", "three"];

describe("kill -9 of a process that sends", function () {
  this.timeout(120_000);
  let chain: EchoChain;
  let proxy: Proxy;
  let signer: TestSigner;
  let folder: string;
  let account = 0;

  before(async () => {
    chain = await startEchoChain();
    proxy = await startProxy(chain.url);
    folder = mkdtempSync(join(tmpdir(), "assay-crash-"));
    await (await openDatabase({ directory: join(folder, "empty") })).destroy();
  });
  beforeEach(async () => {
    account++;
    signer = await startSigner(chain.wallet(account));
  });
  afterEach(async () => {
    proxy.bend = undefined;
    await signer.stop();
  });
  after(async () => {
    await proxy.stop();
    await chain.stop();
    rmSync(folder, { recursive: true });
  });

  const never = (): Promise<never> => new Promise(() => undefined);

  for (const { method, phase, what } of STEPS)
    it(what, async () => {
      const address = hex.parse(chain.wallet(account).address);
      const directory = join(folder, String(account));
      cpSync(join(folder, "empty"), directory, { recursive: true });
      const keys = KEYS.map((key) => `${account} ${key}`);
      const settings: ChildSettings = {
        rpcUrl: proxy.url,
        database: { directory },
        signer: { url: signer.url, address },
        keys,
      };
      const first = runOutbox(settings);
      const die = (): Promise<never> => {
        first.kill();
        return never();
      };
      // The second of the three, so that others are before and behind it.
      let seen = 0;
      const isIt = (name: string): boolean =>
        name === method && (++seen === 2 || method === "eth_feeHistory");
      signer.lie = (_, request) => (isIt(request.method) ? die() : undefined);
      proxy.bend = (call) => {
        if (!isIt(call.method)) return undefined;
        if (phase === "after") return { change: die };
        void die();
        return STALL;
      };
      const { stdout } = await first.ended;
      expect(stdout).to.equal("");

      proxy.bend = undefined;
      signer.lie = () => undefined;
      const again = await runOutbox(settings).ended;
      expect(again.stdout, again.stderr).to.equal("done\n");
      for (const key of keys) expect(await chain.count(key)).to.equal(1);
      expect(await chain.provider.getTransactionCount(address)).to.equal(KEYS.length);
    });
});

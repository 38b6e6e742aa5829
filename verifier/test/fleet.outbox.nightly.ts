/** Several processes send under one key through one Postgres server. */
import { writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { encryptKeystoreJson } from "ethers";
import { hex } from "../../sdk/src/structs.ts";
import { databaseJournal } from "../src/chain/outbox/table.ts";
import { openDatabase } from "../src/state/database.ts";
import type { ChildSettings } from "./outboxChild.ts";
import { runOutbox, startEchoChain, type EchoChain } from "./outbox.ts";
import { startPostgres, type TestPostgres } from "./postgres.ts";
import { soon } from "./until.ts";

/** Quick to open. */
const LIGHT = { scrypt: { N: 1024 } };

type Fleet = Omit<ChildSettings, "keys" | "database"> & { database: { url: string } };

describe("processes that share a key and a Postgres server", function () {
  this.timeout(300_000);
  let chain: EchoChain;
  let postgres: TestPostgres;
  let folder: string;

  before(async () => {
    [chain, postgres] = await Promise.all([startEchoChain(), startPostgres()]);
    folder = mkdtempSync(join(tmpdir(), "assay-fleet-"));
    writeFileSync(join(folder, "password"), "correct horse\n");
  });
  after(async () => {
    await chain.stop();
    await postgres.stop();
    rmSync(folder, { recursive: true });
  });

  async function settingsOf(account: number): Promise<Fleet> {
    const [keystore, passwordFile] = [join(folder, String(account)), join(folder, "password")];
    writeFileSync(keystore, await encryptKeystoreJson(chain.wallet(account), "correct horse", LIGHT));
    const database = { url: await postgres.database() };
    return { rpcUrl: chain.url, database, signer: { keystore, passwordFile } };
  }

  async function expectEachOnce(account: number, keys: readonly string[], url: string): Promise<void> {
    const address = hex.parse(chain.wallet(account).address);
    const counts = await Promise.all(keys.map((key) => chain.count(key)));
    expect(counts).to.deep.equal(keys.map(() => 1));
    expect(await chain.provider.getTransactionCount(address)).to.equal(keys.length);
    const database = await openDatabase({ url });
    const entries = await (await databaseJournal(database, `31337:${address}`)).newest(keys);
    const nonces = [...entries.values()].map(({ nonce }) => nonce).sort((a, b) => a - b);
    expect(nonces).to.deep.equal(keys.map((_, i) => i));
    await database.destroy();
  }

  it("send 200 keys, of which both are asked for many, once each and without a gap", async () => {
    const keys = Array.from({ length: 200 }, (_, i) => `shared ${i}`);
    const settings = await settingsOf(1);
    const both = [keys.slice(0, 134), keys.slice(66)].map(
      (part) => runOutbox({ ...settings, keys: part }).ended,
    );
    for (const { stdout, stderr } of await Promise.all(both)) expect(stdout, stderr).to.equal("done\n");
    await expectEachOnce(1, keys, settings.database.url);
  });

  it("finish each other's work when one is killed", async () => {
    const keys = Array.from({ length: 60 }, (_, i) => `orphan ${i}`);
    const settings = await settingsOf(2);
    const [killed, other] = [runOutbox({ ...settings, keys }), runOutbox({ ...settings, keys })];
    await soon(async () => (await chain.provider.getTransactionCount(chain.wallet(2).address)) > 10);
    killed.kill();
    expect((await killed.ended).stdout).to.equal("");
    const { stdout, stderr } = await other.ended;
    expect(stdout, stderr).to.equal("done\n");
    await expectEachOnce(2, keys, settings.database.url);
  });
});

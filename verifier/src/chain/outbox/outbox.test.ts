import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { toBeHex } from "ethers";
import { codeOf } from "../../../test/failure.ts";
import { echoCall, startEchoChain, until, type EchoChain } from "../../../test/outbox.ts";
import { openDatabase, type Database } from "../../state/database.ts";
import type { Journal } from "./journal.ts";
import { memoryJournal } from "./memory.ts";
import { databaseJournal } from "./table.ts";

const GWEI = 1_000_000_000n;

describe("outbox", function () {
  this.timeout(60_000);
  let chain: EchoChain;
  let folder: string;
  let database: Database;
  before(async () => {
    chain = await startEchoChain();
    folder = mkdtempSync(join(tmpdir(), "assay-outbox-"));
    database = await openDatabase({ directory: folder });
  });
  after(async () => {
    await database.destroy();
    await chain.stop();
    rmSync(folder, { recursive: true });
  });

  const journals: readonly [string, (account: number) => Promise<Journal>][] = [
    ["memory", () => Promise.resolve(memoryJournal())],
    ["database", (account) => databaseJournal(database, `31337:${chain.wallet(account).address}`)],
  ];
  for (const [i, [name, open]] of journals.entries()) {
    describe(`with a journal in ${name}`, () => {
      const first = 10 * i;
      let journal: Journal;

      it("sends a key once, however often it is asked for", async () => {
        journal = await open(first);
        const sender = chain.sender(first, journal);
        const key = `once-${name}`;
        const receipts = await Promise.all([sender.send(echoCall(key)), sender.send(echoCall(key))]);
        receipts.push(await sender.send(echoCall(key)));
        expect(new Set(receipts.map(({ hash }) => hash)).size).to.equal(1);
        expect(await chain.count(key)).to.equal(1);
        await sender.close();
        expect(await codeOf(sender.send(echoCall(key)))).to.equal("CLOSED");
      });
    });
  }
  void GWEI;
  void until;
  void toBeHex;
});

import { execFile, fork, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "chai";
import { sql, type PostgresPool } from "kysely";
import { AssayError } from "../../../sdk/src/error.ts";
import { RECEIPT_VALIDITY } from "../../../sdk/src/receipts.ts";
import { toHex, type Hex } from "../../../sdk/src/structs.ts";
import { codeOf, failureOf } from "../../test/failure.ts";
import { clientAt, givenAt } from "../../test/given.ts";
import { startPostgres } from "../../test/postgres.ts";
import { startPipe, type Pipe } from "../../test/rpc.ts";
import { testLog } from "../../test/world.ts";
import type { ChainLog } from "../chain/source.ts";
import { openAudits, type Audit } from "./audits.ts";
import { openClaims } from "./claims.ts";
import { openDatabase, type Database, type DatabaseAddress } from "./database.ts";
import { openEmbedded } from "./embedded.ts";
import { openFindings } from "./findings.ts";
import { KEPT_SECONDS } from "./kept.ts";
import { openLogs, type LogStore, type SubjectLog } from "./logs.ts";
import { templatePath } from "./template.ts";

const hash = (n: number): Hex => toHex(Buffer.alloc(32, n));
const OPTIONS = { deployment: "1:0xab", fromBlock: 10, depth: 3 };

function entry(blockNumber: number, logIndex: number, subject: string | null = null): SubjectLog {
  const log: ChainLog = {
    blockNumber,
    logIndex,
    blockHash: hash(blockNumber),
    address: toHex(Buffer.alloc(20, 7)),
    topics: [hash(1), hash(2)],
    data: "0x0102ff",
    transaction: hash(3),
    timestamp: 1_800_000_000 + blockNumber,
  };
  return { log, subject, live: true };
}

async function listed(pages: AsyncIterable<readonly ChainLog[]>): Promise<ChainLog[]> {
  const found: ChainLog[] = [];
  for await (const page of pages) found.push(...page);
  return found;
}

function all(store: LogStore, after = 0, until = 1000): Promise<ChainLog[]> {
  return listed(store.read(after, until));
}

/** Of a folder, and of all that is in it. */
function modesIn(folder: string): ReadonlySet<number> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return new Set([".", ...names].map((name) => statSync(join(folder, name)).mode & 0o777));
}

/** @returns the pipe, and the address of the Postgres server behind it. */
async function pipeTo(server: string): Promise<[Pipe, string]> {
  const pipe = await startPipe(server);
  const url = new URL(server);
  url.port = new URL(pipe.url).port;
  return [pipe, url.href];
}

/** The same tests against both kinds of database. */
function itKeepsState(open: () => Promise<Database>): void {
  let first: Database;
  let second: Database;

  before(async () => {
    first = await open();
    second = await open();
  });

  beforeEach(async () => {
    await sql`truncate instances, claims, cursor, anchors, logs, audits`.execute(first);
  });

  it("gives each subject to one process, and to another once that is silent or gives it back", async () => {
    const [a, b] = [await openClaims(first, testLog), await openClaims(second, testLog)];
    // The other one hears of it with its next heartbeat.
    expect([a.processes(), b.processes()]).to.deep.equal([1, 2]);
    const wanted = Array.from({ length: 50 }, (_, i) => `subject ${i}`);
    const [mine, yours] = await Promise.all([a.take(wanted), b.take([...wanted].reverse())]);
    expect(mine.size + yours.size).to.equal(50);
    expect([...mine].filter((subject) => yours.has(subject))).to.deep.equal([]);
    expect(await a.take(wanted)).to.deep.equal(mine);
    const [some = ""] = mine.size > 0 ? mine : yours;
    await (mine.has(some) ? a : b).give([some]);
    expect((await (mine.has(some) ? b : a).take([some])).has(some)).to.equal(true);
    await Promise.all([a.close(), b.close()]);

    const silent = await openClaims(first, testLog, { heartbeatMs: 60_000, silenceMs: 150 });
    await silent.take(["x"]);
    const heir = await openClaims(second, testLog, { heartbeatMs: 20, silenceMs: 150 });
    while (!(await heir.take(["x"])).has("x")) await sleep(20);
    // Its heart beats no more, so it must not believe that it still holds what it held.
    expect([...(await silent.take(["x"]))]).to.deep.equal([]);
    await Promise.all([silent.close(), heir.close()]);
  });

  it("leaves the work of a process that does not see what another has read to that one, until it does", async () => {
    const options = { heartbeatMs: 20, silenceMs: 500, blindMs: 300 };
    const [a, b] = [await openClaims(first, testLog, options), await openClaims(second, testLog, options)];
    const store = await openLogs(first, OPTIONS);
    const read = async (number: number): Promise<void> => {
      await store.append(await store.position(), [], { number, hash: hash(number) });
      b.saw(number);
    };
    await read(10);
    a.saw(10);
    await a.take(["x"]);
    // No new block: both see what there is, however long that goes on.
    await sleep(1000);
    expect([...(await b.take(["x"]))]).to.deep.equal([]);
    await read(11);
    while (b.processes() > 1) await sleep(20);
    expect([...(await b.take(["x"]))]).to.deep.equal(["x"]);
    // What nobody else wants is not left undone.
    expect([...(await a.take(["x", "y"]))]).to.deep.equal(["y"]);
    a.saw(11);
    while (b.processes() < 2) await sleep(20);
    expect([...(await b.take(["x", "y"]))]).to.deep.equal(["x"]);
    await b.give(["x"]);
    expect([...(await a.take(["x", "y"]))]).to.deep.equal(["x", "y"]);
    await Promise.all([a.close(), b.close()]);
  });

  it("stores what was read once, in order, whoever is first", async () => {
    const [a, b] = [await openLogs(first, OPTIONS), await openLogs(second, OPTIONS)];
    const start = await a.position();
    expect(start.number).to.equal(9);
    const read = [entry(10, 0, "r"), entry(11, 4), entry(11, 5, "r")];
    const to = { number: 12, hash: hash(12) };
    const results = await Promise.all([a.append(start, read, to), b.append(start, read, to)]);
    expect(results.filter((moved) => moved !== undefined)).to.deep.equal([{ ...to, epoch: 0 }]);
    expect(await b.position()).to.deep.equal({ ...to, epoch: 0 });
    expect(await all(b)).to.deep.equal(read.map(({ log }) => log));
    expect((await all(b, 10)).map((log) => log.logIndex)).to.deep.equal([4, 5]);
    expect((await all(b, 0, 10)).map((log) => log.logIndex)).to.deep.equal([0]);
    await b.retire(["r"]);
    expect((await all(a)).map((log) => log.logIndex)).to.deep.equal([4]);
    expect((await listed(a.about("r", 0, 1000))).map((log) => log.logIndex)).to.deep.equal([0, 5]);
    expect((await listed(a.about("r", 10, 1000))).map((log) => log.logIndex)).to.deep.equal([5]);
    expect(await listed(a.about("r", 10, 10))).to.deep.equal([]);
  });

  it("reads more than a page", async () => {
    const store = await openLogs(first, OPTIONS);
    const many = Array.from({ length: 2500 }, (_, i) => entry(10 + Math.floor(i / 100), i % 100));
    await store.append(await store.position(), many, { number: 40, hash: hash(40) });
    expect(await all(store)).to.deep.equal(many.map(({ log }) => log));
  });

  it("undoes what a reorganisation removed, and says so to whoever was ahead", async () => {
    const store = await openLogs(first, OPTIONS);
    let at = await store.position();
    for (const number of [10, 11, 12, 13, 14]) {
      const moved = await store.append(at, [entry(number, 0)], { number, hash: hash(number) });
      if (moved === undefined) throw new Error("the cursor is elsewhere");
      at = moved;
    }
    expect((await store.anchors()).map(({ number }) => number)).to.deep.equal([12, 13, 14]);
    const undone = await store.undo(at, 12);
    expect(undone).to.deep.equal({ number: 12, hash: hash(12), epoch: 1 });
    expect(await store.append(at, [], { number: 15, hash: hash(15) })).to.equal(undefined);
    expect((await all(store)).map((log) => log.blockNumber)).to.deep.equal([10, 11, 12]);
    expect(await store.anchors()).to.deep.equal([{ number: 12, hash: hash(12) }]);
    if (undone === undefined) throw new Error("not undone");
    expect(await store.undo(undone, 9)).to.deep.equal({ number: 9, hash: hash(0), epoch: 2 });
    expect(await all(store)).to.deep.equal([]);
  });

  it("takes more subjects at once than a statement has parameters", async () => {
    const many = Array.from({ length: 70_000 }, (_, i): Hex => `0x${i.toString(16).padStart(64, "0")}`);
    const [one = hash(0)] = many.slice(-1);
    const [store, findings] = [await openLogs(first, OPTIONS), openFindings(first)];
    const [a, b] = [await openClaims(first, testLog), await openClaims(second, testLog)];
    const to = { number: 10, hash: hash(10) };
    await store.append(await store.position(), [entry(10, 0, one), entry(10, 1, "other"), entry(10, 2)], to);
    await store.retire(many);
    expect((await all(store)).map((log) => log.logIndex)).to.deep.equal([1, 2]);

    await findings.keepAnswer(one, new Uint8Array(1));
    await findings.forget(many);
    expect(await findings.answer(one)).to.equal(undefined);

    await a.take([one, "other"]);
    await a.give(many);
    expect([...(await b.take([one, "other"]))]).to.deep.equal([one]);
    await Promise.all([a.close(), b.close()]);
  });

  it("is about one deployment", async () => {
    await openLogs(first, OPTIONS);
    expect(await codeOf(openLogs(first, { ...OPTIONS, deployment: "2:0xab" }))).to.equal("STATE_FAILED");
  });

  it("has every receipt that was handed in, and lists what is not found right", async () => {
    const [here, there] = [openAudits(first), openAudits(second)];
    const handed = [0, 1, 2, 3, 4].map((n): { audit: Audit; input: Uint8Array; output: Uint8Array } => {
      const { receipt, signature, input, output } = givenAt(n, clientAt(1), 1n, 1n);
      const audit = {
        digest: hash(n),
        receipt: { ...receipt, issuedAt: 1000 + n },
        signature,
        verdict: undefined,
      };
      return { audit, input, output };
    });
    for (const { audit, ...evidence } of handed) await here.keep(audit, evidence);
    const [, unjudged, right, wrong] = handed.map(({ audit }) => audit);
    expect(await there.judged(hash(2), "right")).to.equal(true);
    expect(await there.judged(hash(9), "right")).to.equal(false);
    await there.judged(hash(3), "wrong");
    await there.judged(hash(4), "right");
    await there.forgetUnjudged(hash(3));
    expect(await here.unsettled(1000)).to.deep.equal([unjudged, { ...wrong, verdict: "wrong" }]);
    expect(await here.find(hash(2))).to.deep.equal({ ...right, verdict: "right" });
    for (const n of [1, 3])
      expect(await here.evidence(hash(n))).to.deep.equal({
        input: handed[n]?.input,
        output: handed[n]?.output,
      });
    expect(await here.evidence(hash(2))).to.equal(undefined);
    // What was judged is remembered for longer than what never could be.
    await there.purge(1002 + RECEIPT_VALIDITY);
    expect(await here.find(hash(1))).to.equal(undefined);
    expect((await here.find(hash(2)))?.verdict).to.equal("right");
    await there.purge(1003 + KEPT_SECONDS);
    expect(await here.find(hash(2))).to.equal(undefined);
    expect((await here.find(hash(3)))?.verdict).to.equal("wrong");
    // Of what was found right, only the newest.
    await openAudits(first, 1).purge(1000);
    expect((await here.find(hash(4)))?.verdict).to.equal("right");
    await openAudits(first, 0).purge(1000);
    expect(await here.find(hash(4))).to.equal(undefined);
    expect((await here.find(hash(3)))?.verdict).to.equal("wrong");
  });
}

describe("state", function () {
  this.timeout(120_000);

  describe("in the embedded database", () => {
    const folder = mkdtempSync(join(tmpdir(), "assay-state-"));
    let database: Database;
    before(async () => {
      database = await openDatabase({ directory: folder });
    });
    after(async () => {
      await database.destroy();
      rmSync(folder, { recursive: true });
    });
    itKeepsState(() => Promise.resolve(database));

    it("is a copy of the template, and made anew where none can be read", async () => {
      expect(existsSync(templatePath())).to.equal(true);
      const broken = join(folder, "broken");
      mkdirSync(broken);
      writeFileSync(join(broken, "PG_VERSION"), "");
      // No socket can be copied: by now the copy has the file, with which it would be taken for a database.
      const socket = createServer().listen(join(broken, "socket"));
      const settings = [templatePath(), join(folder, "nothing"), broken].map(async (template, i) => {
        const pool = await openEmbedded(join(folder, `new-${i}`), { template });
        const client = await pool.connect();
        const { rows } = await client.query("select current_setting('wal_segment_size') size, version()", []);
        client.release();
        await pool.end();
        return rows;
      });
      const [copied, ...made] = await Promise.all(settings);
      socket.close();
      expect(made).to.deep.equal([copied, copied]);
      const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
      expect(names.filter((name) => name.includes("postgres.new-"))).to.deep.equal([]);
    });

    it("has a template that any user can read, in a copy that only its own can", async () => {
      const template = join(folder, "template");
      const script = fileURLToPath(new URL("./template.make.ts", import.meta.url));
      await promisify(execFile)(process.execPath, [script, template]);
      expect([...modesIn(template)].sort()).to.deep.equal([0o644, 0o755]);
      await (await openEmbedded(join(folder, "copied"), { template })).end();
      expect(statSync(join(folder, "copied", "postgres")).mode & 0o777).to.equal(0o700);
    });

    it("has room again where something was deleted, once it is opened and all the while", async () => {
      const directory = join(folder, "vacuumed");
      const ask = async (pool: PostgresPool, ...statements: string[]): Promise<unknown> => {
        const client = await pool.connect();
        let rows: readonly unknown[] = [];
        for (const statement of statements) ({ rows } = await client.query(statement, []));
        client.release();
        return rows[0];
      };
      const fill = ["insert into filled select generate_series(1, 5000)", "delete from filled"];
      const bytes = "select pg_relation_size('filled') bytes";
      const first = await openEmbedded(directory);
      expect(await ask(first, "create table filled (n integer)", ...fill, bytes)).not.to.deep.equal({
        bytes: 0,
      });
      await first.end();
      const second = await openEmbedded(directory, { vacuumMs: 500 });
      expect(await ask(second, bytes)).to.deep.equal({ bytes: 0 });
      // Not in the middle of what is done together.
      expect(await ask(second, "begin", ...fill, "select pg_sleep(1)", "commit", bytes)).not.to.deep.equal({
        bytes: 0,
      });
      while (JSON.stringify(await ask(second, bytes)) !== '{"bytes":0}') await sleep(50);
      await second.end();
    });

    it("belongs to one process, and survives its being killed at any moment", async () => {
      const directory = join(folder, "killed");
      const child = (): ChildProcess => fork(new URL("./state.child.ts", import.meta.url), [directory]);
      let acknowledged = 0;
      for (let round = 0; round < 3; round++) {
        const writer = child();
        await new Promise<void>((resolve) => {
          writer.on("message", (count: number) => {
            acknowledged = count;
            if (count >= 40 * (round + 1)) resolve();
          });
        });
        expect(await codeOf(openDatabase({ directory }))).to.equal("STATE_LOCKED");
        const ended = new Promise((resolve) => writer.once("exit", resolve));
        writer.kill("SIGKILL");
        await ended;
      }
      const survivor = await openDatabase({ directory });
      const rows = await survivor.selectFrom("answers").select("request").execute();
      expect(rows.length).to.be.at.least(acknowledged);
      await survivor.destroy();
    });
  });

  describe("on a Postgres server", () => {
    let address: DatabaseAddress;
    let server: Awaited<ReturnType<typeof startPostgres>>;
    const opened: Database[] = [];
    before(async () => {
      server = await startPostgres();
      address = { url: server.url };
    });
    after(async () => {
      await Promise.all(opened.map((database) => database.destroy()));
      await server.stop();
    });
    itKeepsState(async () => {
      const database = await openDatabase(address);
      opened.push(database);
      return database;
    });

    it("is brought up to date by several processes at once", async () => {
      await Promise.all(Array.from({ length: 4 }, async () => opened.push(await openDatabase(address))));
    });

    it("goes on after the server fell silent, or dropped what was in use", async () => {
      const [pipe, url] = await pipeTo(server.url);
      const database = await openDatabase({ url }, { silenceMs: 2000 });
      opened.push(database);
      for (const disturb of [() => pipe.cut(), () => (pipe.frozen = true)]) {
        const asked = sql`select pg_sleep(20)`.execute(database);
        const between = database.transaction().execute(async (transaction) => {
          await sql`select 1`.execute(transaction);
          await sleep(200);
          disturb();
          await sleep(100);
          await sql`select 1`.execute(transaction);
        });
        for (const failure of await Promise.all([asked, between].map(failureOf)))
          expect(failure instanceof AssayError && !failure.retryable).to.equal(false);
        pipe.frozen = false;
        await Promise.all(Array.from({ length: 20 }, () => sql`select 1`.execute(database)));
      }
      await pipe.stop();
    });

    it("frees the rows of a transaction whose process fell silent, and that process goes on", async () => {
      const [pipe, url] = await pipeTo(server.url);
      const [silent, other] = [await openDatabase({ url }, { idleMs: 500 }), await openDatabase(address)];
      opened.push(silent, other);
      await openLogs(other, OPTIONS);
      const lock = sql`select number from cursor for update`;
      for (const disturb of [() => undefined, () => (pipe.frozen = true)]) {
        let freed = false;
        const holding = silent.transaction().execute(async (transaction) => {
          await lock.execute(transaction);
          disturb();
          await lock.execute(other);
          freed = true;
          pipe.frozen = false;
          await lock.execute(transaction);
        });
        const failure = await failureOf(holding);
        expect(freed).to.equal(true);
        expect(failure instanceof AssayError && !failure.retryable).to.equal(false);
        await lock.execute(silent);
      }
      await pipe.stop();
    });

    it("says that a server does not answer, without the address", async () => {
      const error = await openDatabase({ url: "postgres://u:secret@127.0.0.1:1/x" }).catch((e: unknown) => e);
      expect(String(error)).not.to.include("secret");
      expect(error).to.include({ code: "STATE_FAILED", retryable: true });
    });
  });
});

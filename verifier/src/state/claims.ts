/**
 * Who works on what. Several processes share one database and one identity; each works on a subject (a request or result) only
 * while it holds the claim on it. A claim passes to whoever asks first once its holder's heart has stopped: with the process, with its
 * way to the database, or because it does not see of the chain what others see.
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
  /** This process has read the chain up to a block. */
  saw(block: number): void;
  /** Gives everything back. */
  close(): Promise<void>;
}

export interface ClaimsOptions {
  /** Default 2000. */
  readonly heartbeatMs?: number;
  /** A process that was silent for longer is taken for dead. Default 10000. */
  readonly silenceMs?: number;
  /**
   * A process that has not read for longer what another has stored of the chain is blind, and its heart stops. Default 20000: its
   * claims pass on after half a minute. Where no block comes, nobody is blind.
   */
  readonly blindMs?: number;
}

const BATCH = 1000;

/**
 * Being taken for dead while alive (a stopped, starved or blind process) costs double work only: the chain's journal never sends a
 * move twice. So who is blind goes on with what nobody else takes: it may be the only one.
 */
export async function openClaims(
  database: Database,
  log: Logger,
  { heartbeatMs = 2000, silenceMs = 10_000, blindMs = 20_000 }: ClaimsOptions = {},
): Promise<Claims> {
  const instance = randomUUID();

  const held = new Set<string>();
  let processes = 1;
  /** When the database last answered, and when it last heard that we live, by our own clock. */
  let [heard, renewed] = [Date.now(), Date.now()];
  let seen = -1;
  /** How far somebody had read the chain at a time: this process is to get there as well. */
  let goal = { block: -1, at: Date.now() };

  const alive = () =>
    database.selectFrom("instances").where("heartbeat_ms", ">=", sql<number>`${NOW_MS} - ${silenceMs}`);

  async function look(): Promise<void> {
    const cursor = await database.selectFrom("cursor").select("number").executeTakeFirst();
    const stored = cursor?.number ?? -1;
    // A reorganisation may have taken the goal away.
    if (seen >= Math.min(goal.block, stored)) goal = { block: stored, at: Date.now() };
  }

  /** Whoever was silent for so long may have been taken for dead. */
  function wasSilent(): boolean {
    return Date.now() - renewed > silenceMs / 2;
  }

  async function renew(): Promise<void> {
    const at = Date.now();
    await database
      .insertInto("instances")
      .values({ id: instance, heartbeat_ms: NOW_MS })
      .onConflict((conflict) => conflict.column("id").doUpdateSet({ heartbeat_ms: NOW_MS }))
      .execute();
    if (wasSilent()) held.clear();
    renewed = at;
  }

  async function beat(): Promise<void> {
    const at = Date.now();
    await look();
    const blind = at - goal.at > blindMs;
    if (!blind) await renew();
    const { count } = await alive()
      .where("id", "<>", instance)
      .select((row) => row.fn.countAll<number>().as("count"))
      .executeTakeFirstOrThrow();
    processes = 1 + count;
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
    saw: (block) => (seen = block),
    async take(subjects) {
      if (wasSilent()) held.clear();
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

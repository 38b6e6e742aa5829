/**
 * Child processes, most urgent job first. A hostile model can kill its process, fill its memory or never end; the node goes on, its
 * event loop stays free, and no job suffers for another.
 */
import { AssayError, type ErrorCode } from "../../../sdk/src/error.ts";
import { createBudget, type Budget, type Holding } from "./budget.ts";
import { createKillers } from "./killers.ts";
import { watchMemory, type Watched } from "./memory.ts";
import { startProcess, type ChildProcessHandle } from "./process.ts";
import type { ChildReply, JobResult } from "./protocol.ts";
import { createQueue } from "./queue.ts";
import { createSpeeds } from "./speeds.ts";

export interface ChildrenOptions {
  /** The module that a child runs: it calls `serveParent`. */
  readonly module: URL;
  /** Most processes at a time; none is started before it is needed. */
  readonly size: number;
  /** Further tries of a job whose process died. */
  readonly retries: number;
  /** Messages of jobs that a child has at a time, of which it does one: with 2 it never waits for the next. Default 1. */
  readonly depth?: 1 | 2;
  /** What children may keep. Default: everything. */
  readonly budget?: Budget;
  /** Bytes of resident memory that a process may have beside what it keeps. Default: any. */
  readonly memoryBytes?: number;
}

export interface Limits {
  /** Milliseconds from the job's start to "running", if something must be loaded; absent: `runMs` counts from the start. */
  readonly loadMs?: number;
  readonly runMs: number;
  /** Unix seconds; of the jobs that wait, the one with the earliest deadline goes first. */
  readonly deadline?: number | undefined;
}

export interface Task<J> {
  /** @param held Whether the child at hand has all holdings already. @returns what to send to it. */
  readonly job: (held: boolean) => J;
  readonly limits: Limits;
  /** What the child keeps afterwards; a child that has it is preferred. */
  readonly holdings?: readonly Holding[];
  /** The same for the same work; that which has killed two processes is refused for ten minutes. */
  readonly fingerprint?: () => string;
  /** Default: the children's. */
  readonly retries?: number;
  /** Told how long it took the child, its loading not included, milliseconds. */
  readonly onDone?: (ms: number) => void;
}

export interface Children<J> {
  /**
   * @returns the reply's value, unchecked.
   * @throws {AssayError} INFERENCE_FAILED, INFERENCE_TIMED_OUT, INFERENCE_OUT_OF_MEMORY, CLOSED, and what the child says:
   * MODEL_REFUSED, CONTENT_UNAVAILABLE, CONTENT_MISMATCH, DISPUTE_INCONSISTENT.
   */
  run(task: Task<J>): Promise<unknown>;
  stats(): ChildrenStats;
  close(): Promise<void>;
}

export interface ChildrenStats {
  /** Jobs that wait for a process. */
  readonly waiting: number;
  /** Of the processes that live. */
  readonly pids: readonly number[];
  /** Processes that ended, by reason, since the start. */
  readonly deaths: ReadonlyMap<DeathReason, number>;
}

/** "idle": it had kept too much memory after its jobs, and was replaced; nobody's work was lost. */
const DEATH_REASONS = ["crash", "time", "memory", "idle"] as const;
export type DeathReason = (typeof DEATH_REASONS)[number];

interface Pending<J> {
  readonly task: Task<J>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: AssayError) => void;
  /** Order of arrival. */
  readonly number: number;
  /** Deaths of processes that were doing it. */
  deaths: number;
  /** It may have killed a process: it is sent by itself, to find out. */
  suspect: boolean;
  settled: boolean;
}

/** Jobs that were sent to a child together: one, or short ones. */
interface Batch<J> {
  readonly id: number;
  readonly jobs: readonly Pending<J>[];
  /** Whether the child had everything already. */
  readonly held: boolean;
  /** They were taken back, and wait for another child: this one may or may not have begun. */
  recalled: boolean;
}

interface Worker<J> {
  readonly process: ChildProcessHandle;
  /** The child does the first. */
  readonly batches: Batch<J>[];
  ready: boolean;
  /** False once it has been told to die. */
  alive: boolean;
  /** When it began the first batch, milliseconds. */
  since: number;
  timer: NodeJS.Timeout | undefined;
  /** Takes the second batch back if the first one takes long. */
  patience: NodeJS.Timeout | undefined;
}

/** Why a process has ended, or is ended. */
interface Death {
  readonly code: ErrorCode;
  readonly message: string;
  /** How, in a few words; undefined: its time was up. */
  readonly died: string | undefined;
}

/** Longest time that a timer can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** For a process to start. */
const START_MS = 60_000;
/** No job waits behind one that takes longer than this. */
const PATIENCE_MS = 100;
/** Bytes of a child that does nothing and keeps nothing: what has more is ended, since nothing else gives memory back. */
const MOST_IDLE = 2 ** 28;
/** Short jobs that wait are sent together, for about so long and at most so many. */
const BATCH_MS = 20;
const MOST_IN_BATCH = 16;

const PASSED_ON: ReadonlySet<string> = new Set<ErrorCode>([
  "MODEL_REFUSED",
  "CONTENT_UNAVAILABLE",
  "CONTENT_MISMATCH",
  "DISPUTE_INCONSISTENT",
]);

function isPassedOn(code: string | undefined): code is ErrorCode {
  return code !== undefined && PASSED_ON.has(code);
}

function reasonOf({ code, died }: Death, idle: boolean): DeathReason {
  if (code === "INFERENCE_OUT_OF_MEMORY") return idle ? "idle" : "memory";
  return died === undefined ? "time" : "crash";
}

export function createChildren<J>(options: ChildrenOptions): Children<J> {
  const { module, size, retries, depth = 1, budget = createBudget(Infinity), memoryBytes } = options;
  const workers = new Set<Worker<J>>();
  const killers = createKillers();
  const queue = createQueue<Pending<J>>(
    ({ task }) => task.limits.deadline ?? Infinity,
    ({ number }) => number,
  );
  /** By what a job needs first; of jobs that had nothing to load. */
  const speeds = createSpeeds();
  const deaths = new Map<DeathReason, number>(DEATH_REASONS.map((reason) => [reason, 0]));
  let closed = false;
  let nextId = 0;

  const stopWatching = memoryBytes === undefined ? () => undefined : watchMemory(() => watched(memoryBytes));

  /** Bytes of memory that a child may have now. */
  function mostOf({ process, batches }: Worker<J>, beside: number): number {
    const held = budget.heldBy(process);
    if (batches.length > 0) return beside + held;
    return held > 0 ? Infinity : MOST_IDLE;
  }

  function watched(beside: number): Watched[] {
    return [...workers].flatMap((worker) => {
      const { pid } = worker.process;
      if (pid === undefined || !worker.alive) return [];
      const most = mostOf(worker, beside);
      const onExceeded = (bytes: number): void => {
        // What it was looked at for may be over.
        if (!worker.alive || bytes <= mostOf(worker, beside)) return;
        const message = `the process had ${bytes} bytes of memory, more than its ${most}`;
        kill(worker, { code: "INFERENCE_OUT_OF_MEMORY", message, died: "memory limit" });
      };
      return [{ pid, limit: most, onExceeded }];
    });
  }

  function start(): Worker<J> {
    const worker: Worker<J> = {
      process: startProcess(module, {
        onReply: (reply) => onReply(worker, reply),
        onEnd: (how) => onEnd(worker, how),
      }),
      ...{ batches: [], ready: false, alive: true, since: Infinity, timer: undefined, patience: undefined },
    };
    workers.add(worker);
    limit(worker, START_MS);
    return worker;
  }

  // What happens to a job.

  function settle(pending: Pending<J>, how: () => void): void {
    if (pending.settled) return;
    pending.settled = true;
    queue.remove(pending);
    how();
  }

  function fail(pending: Pending<J>, code: ErrorCode, message: string, details = {}): void {
    settle(pending, () => pending.reject(new AssayError(code, message, { details })));
  }

  function wait(pending: Pending<J>): void {
    if (!pending.settled) queue.add(pending);
  }

  /** The job of a process that has died. */
  function tryAgain(pending: Pending<J>, { code, message, died }: Death, begun: boolean): void {
    pending.deaths++;
    const { fingerprint, retries: most = retries } = pending.task;
    if (begun && fingerprint !== undefined) killers.note(fingerprint());
    if (pending.deaths <= most) return wait(pending);
    fail(pending, code, message, { died });
  }

  // What happens to a child.

  function stopTimers(worker: Worker<J>): void {
    clearTimeout(worker.timer);
    clearTimeout(worker.patience);
  }

  function limit(worker: Worker<J>, milliseconds: number): void {
    clearTimeout(worker.timer);
    const ms = Math.min(MAX_TIMER_MS, Math.max(0, milliseconds));
    const message = `no output within ${ms} ms`;
    const death: Death = { code: "INFERENCE_TIMED_OUT", message, died: undefined };
    worker.timer = setTimeout(() => kill(worker, death), ms);
  }

  function kill(worker: Worker<J>, death: Death): void {
    bury(worker, death);
    worker.process.kill();
    dispatch();
  }

  /** Of its jobs only those that were begun have anything to do with the end of a process. */
  function bury(worker: Worker<J>, death: Death): void {
    worker.alive = false;
    const reason = reasonOf(death, worker.batches.length === 0);
    deaths.set(reason, (deaths.get(reason) ?? 0) + 1);
    stopTimers(worker);
    const [first, ...others] = worker.batches.splice(0);
    budget.forget(worker.process);
    for (const { jobs, recalled } of others) if (!recalled) jobs.forEach(wait);
    if (first === undefined || first.recalled) return;
    const [only, ...more] = first.jobs;
    if (only === undefined) return;
    if (more.length > 0)
      for (const pending of first.jobs) {
        pending.suspect = true;
        wait(pending);
      }
    else if (death.died === undefined && worker.ready) fail(only, death.code, death.message);
    else tryAgain(only, death, worker.ready);
  }

  function onEnd(worker: Worker<J>, how: string): void {
    workers.delete(worker);
    if (worker.alive)
      bury(worker, {
        code: "INFERENCE_FAILED",
        message: `the process died of this input (${how})`,
        died: how,
      });
    dispatch();
  }

  /** The child begins its first batch now. */
  function begin(worker: Worker<J>): void {
    stopTimers(worker);
    const [first, second] = worker.batches;
    worker.since = first === undefined ? Infinity : performance.now();
    if (first === undefined) return;
    // Of several jobs nobody knows which one is at hand: what takes long is done again, by itself.
    limit(
      worker,
      Math.max(
        ...first.jobs.map(({ task: { limits } }) =>
          first.held ? limits.runMs : (limits.loadMs ?? limits.runMs),
        ),
      ),
    );
    if (second !== undefined) bePatient(worker);
  }

  function bePatient(worker: Worker<J>): void {
    clearTimeout(worker.patience);
    const ms = Math.max(0, PATIENCE_MS - (performance.now() - worker.since));
    worker.patience = setTimeout(() => {
      recall(worker);
      dispatch();
    }, ms);
  }

  function onReply(worker: Worker<J>, reply: ChildReply): void {
    if (!worker.alive) return;
    if (reply.kind === "ready") {
      worker.ready = true;
      begin(worker);
      return dispatch();
    }
    const at = worker.batches.findIndex(({ id }) => id === reply.id);
    const batch = worker.batches[at];
    if (batch === undefined) return;
    const { jobs, held } = batch;
    if (reply.kind === "running")
      return limit(worker, Math.max(...jobs.map(({ task }) => task.limits.runMs)));
    worker.batches.splice(at, 1);
    const results = reply.kind === "results" ? reply.results : [];
    jobs.forEach((pending, i) => take(worker, pending, results[i], held));
    if (at === 0) begin(worker);
    dispatch();
  }

  /** @param result undefined: the job was taken back. */
  function take(worker: Worker<J>, pending: Pending<J>, result: JobResult | undefined, held: boolean): void {
    const { holdings = [] } = pending.task;
    const done = result !== undefined && "value" in result;
    for (const { key } of holdings) budget.release(worker.process, key, done);
    if (result === undefined) return;
    if (!("value" in result)) {
      const { code, message } = result;
      return fail(pending, isPassedOn(code) ? code : "INFERENCE_FAILED", message);
    }
    for (const { key, bytes } of result.held) budget.measure(worker.process, key, bytes);
    const [first] = holdings;
    if (held && first !== undefined) speeds.learn(first.key, result.ms);
    pending.task.onDone?.(result.ms);
    settle(pending, () => pending.resolve(result.value));
  }

  // Who does what.

  /** Takes back what waits in a child. */
  function recall(worker: Worker<J>): void {
    for (const batch of worker.batches.slice(1)) {
      if (batch.recalled) continue;
      batch.recalled = true;
      worker.process.send({ kind: "cancel", id: batch.id });
      batch.jobs.forEach(wait);
    }
  }

  function hasHoldings(worker: Worker<J>, { holdings = [] }: Task<J>): boolean {
    return holdings.every(({ key }) => budget.holds(worker.process, key));
  }

  function best(of: readonly Worker<J>[], task: Task<J>): Worker<J> | undefined {
    const having = of.find((worker) => hasHoldings(worker, task));
    if (having !== undefined) return having;
    const bytes = of.map((worker) => budget.heldBy(worker.process));
    return of[bytes.indexOf(Math.min(...bytes))];
  }

  /** A child that has its next jobs already, less urgent than this one. */
  function lessUrgent({ task }: Pending<J>): Worker<J> | undefined {
    const deadline = task.limits.deadline ?? Infinity;
    return [...workers].find(({ batches: [, second, third] }) => {
      if (second === undefined || second.recalled || third !== undefined) return false;
      return second.jobs.every(({ task: { limits } }) => (limits.deadline ?? Infinity) > deadline);
    });
  }

  function place(pending: Pending<J>): Worker<J> | undefined {
    const { task } = pending;
    const usable = [...workers].filter(({ alive, process }) => alive && process.connected);
    const idle = usable.filter(({ batches }) => batches.length === 0);
    if (idle.length > 0) return best(idle, task);
    if (workers.size < size) return start();
    if (depth === 1) return undefined;
    const now = performance.now();
    const quick = usable.filter(
      ({ ready, batches, since }) => ready && batches.length === 1 && now - since < PATIENCE_MS,
    );
    if (quick.length > 0) return best(quick, task);
    const worker = lessUrgent(pending);
    if (worker !== undefined) recall(worker);
    return worker;
  }

  /** Milliseconds that it will take, if that is known and it may be sent with others. */
  function shortness({ suspect, task }: Pending<J>, worker: Worker<J>): number | undefined {
    const key = task.holdings?.[0]?.key;
    const ms = suspect || key === undefined ? undefined : speeds.of(key);
    return ms !== undefined && ms < BATCH_MS && hasHoldings(worker, task) ? ms : undefined;
  }

  /** The job, and others that wait if they are short: of all that wait no more than a child's share. */
  function batchFor(worker: Worker<J>, first: Pending<J>): Pending<J>[] {
    const jobs = [first];
    queue.remove(first);
    let ms = depth === 1 ? undefined : shortness(first, worker);
    const most = Math.min(MOST_IN_BATCH, Math.ceil((queue.length + 1) / size));
    while (ms !== undefined && ms < BATCH_MS && jobs.length < most) {
      const next = queue.first();
      const more = next && shortness(next, worker);
      if (next === undefined || more === undefined) break;
      queue.remove(next);
      jobs.push(next);
      ms += more;
    }
    return jobs;
  }

  function give(worker: Worker<J>, jobs: readonly Pending<J>[]): void {
    const had = jobs.map(({ task: { holdings = [] } }) => {
      const known = holdings.map((holding) => budget.use(worker.process, holding));
      return holdings.length > 0 && known.every(Boolean);
    });
    const batch = { id: nextId++, jobs, held: had.every(Boolean), recalled: false };
    worker.batches.push(batch);
    const sent = jobs.map(({ task }, i) => task.job(had[i] ?? false));
    worker.process.send({ kind: "jobs", id: batch.id, jobs: sent });
    if (!worker.ready) return;
    if (worker.batches.length === 1) begin(worker);
    else bePatient(worker);
  }

  function dispatch(): void {
    for (;;) {
      const pending = closed ? undefined : queue.first();
      const worker = pending && place(pending);
      if (pending === undefined || worker === undefined) return;
      give(worker, batchFor(worker, pending));
    }
  }

  return {
    run(task) {
      if (closed) return Promise.reject(new AssayError("CLOSED", "the pool is closed"));
      if (!killers.empty && task.fingerprint !== undefined && killers.has(task.fingerprint())) {
        const message = "this input has killed two processes: it is refused for ten minutes";
        return Promise.reject(
          new AssayError("INFERENCE_FAILED", message, { details: { died: "known to kill" } }),
        );
      }
      return new Promise((resolve, reject) => {
        queue.add({ task, resolve, reject, number: nextId++, deaths: 0, suspect: false, settled: false });
        dispatch();
      });
    },
    stats: () => ({
      waiting: queue.length,
      pids: [...workers].flatMap(({ alive, process: { pid } }) => (alive && pid !== undefined ? [pid] : [])),
      deaths,
    }),
    async close() {
      closed = true;
      stopWatching();
      const all = [...workers].flatMap(({ batches }) => batches.flatMap(({ jobs }) => jobs));
      for (const pending of [...all, ...queue.all()]) fail(pending, "CLOSED", "the pool is closed");
      await Promise.all(
        [...workers].map((worker) => {
          worker.alive = false;
          stopTimers(worker);
          budget.forget(worker.process);
          worker.process.kill();
          return worker.process.ended;
        }),
      );
    },
  };
}

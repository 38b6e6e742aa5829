/**
 * Child processes, most urgent job first. A hostile model can kill its process, fill its memory or never end; the node goes on, its
 * event loop stays free, and no job suffers for another.
 */
import { AssayError, type ErrorCode } from "../../../sdk/src/error.ts";
import { createBudget, type Budget, type Holding } from "./budget.ts";
import { createKillers } from "./killers.ts";
import { watchMemory, type Watched } from "./memory.ts";
import { startProcess, type ChildProcessHandle } from "./process.ts";
import type { ChildReply, Job } from "./protocol.ts";
import { createQueue } from "./queue.ts";

export interface ChildrenOptions {
  /** The module that a child runs: it calls `serveParent`. */
  readonly module: URL;
  /** Most processes at a time; none is started before it is needed. */
  readonly size: number;
  /** Further tries of a job whose process died. */
  readonly retries: number;
  /** Jobs that a child has at a time, of which it does one: with 2 it never waits for the next. Default 1. */
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

export interface Task<J extends Job> {
  /** @param held Whether the child at hand has all holdings already. @returns what to send to it. */
  readonly job: (id: number, held: boolean) => J;
  readonly limits: Limits;
  /** What the child keeps afterwards; a child that has it is preferred. */
  readonly holdings?: readonly Holding[];
  /** The same for the same work; that which has killed two processes is refused for ten minutes. */
  readonly fingerprint?: () => string;
}

export interface Children<J extends Job> {
  /**
   * @returns the reply's value, unchecked.
   * @throws {AssayError} INFERENCE_FAILED, INFERENCE_TIMED_OUT, INFERENCE_OUT_OF_MEMORY, CLOSED, and what the child says:
   * MODEL_REFUSED, CONTENT_MISMATCH, DISPUTE_INCONSISTENT.
   */
  run(task: Task<J>): Promise<unknown>;
  close(): Promise<void>;
}

interface Pending<J extends Job> {
  readonly task: Task<J>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: AssayError) => void;
  /** Order of arrival. */
  readonly number: number;
  /** Deaths of processes that were doing it. */
  deaths: number;
  settled: boolean;
}

/** A job as it was sent to a child. */
interface Sent<J extends Job> {
  readonly id: number;
  readonly pending: Pending<J>;
  /** Whether the child had to load something. */
  readonly held: boolean;
  /** It was taken back, and waits for another child: this one may or may not have begun it. */
  recalled: boolean;
}

interface Worker<J extends Job> {
  readonly process: ChildProcessHandle;
  /** The child does the first. */
  readonly jobs: Sent<J>[];
  ready: boolean;
  /** False once it has been told to die. */
  alive: boolean;
  /** When it began the first job, milliseconds. */
  since: number;
  timer: NodeJS.Timeout | undefined;
  /** Takes the second job back if the first one takes long. */
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
/** A job does not wait behind one that takes longer than this, and as many jobs go to a child ahead of time only while it is faster. */
const PATIENCE_MS = 100;

const PASSED_ON: ReadonlySet<string> = new Set<ErrorCode>([
  "MODEL_REFUSED",
  "CONTENT_MISMATCH",
  "DISPUTE_INCONSISTENT",
]);

function isPassedOn(code: string | undefined): code is ErrorCode {
  return code !== undefined && PASSED_ON.has(code);
}

export function createChildren<J extends Job>(options: ChildrenOptions): Children<J> {
  const { module, size, retries, depth = 1, budget = createBudget(Infinity), memoryBytes } = options;
  const workers = new Set<Worker<J>>();
  const killers = createKillers();
  const queue = createQueue<Pending<J>>(
    ({ task }) => task.limits.deadline ?? Infinity,
    ({ number }) => number,
  );
  let closed = false;
  let nextId = 0;

  const stopWatching = memoryBytes === undefined ? () => undefined : watchMemory(() => watched(memoryBytes));

  function watched(beside: number): Watched[] {
    return [...workers].flatMap((worker) => {
      const { pid } = worker.process;
      if (pid === undefined || !worker.alive) return [];
      const limit = beside + budget.heldBy(worker.process);
      const onExceeded = (bytes: number): void => {
        if (!worker.alive) return;
        kill(worker, {
          code: "INFERENCE_OUT_OF_MEMORY",
          message: `the process had ${bytes} bytes of memory, more than its ${limit}`,
          died: "memory limit",
        });
      };
      return [{ pid, limit, onExceeded }];
    });
  }

  function start(): Worker<J> {
    const worker: Worker<J> = {
      process: startProcess(module, {
        onReply: (reply) => onReply(worker, reply),
        onEnd: (how) => onEnd(worker, how),
      }),
      ...{ jobs: [], ready: false, alive: true, since: Infinity, timer: undefined, patience: undefined },
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
    const { fingerprint } = pending.task;
    if (begun && fingerprint !== undefined) killers.note(fingerprint());
    if (pending.deaths <= retries) return wait(pending);
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

  /** Of its jobs only the first has anything to do with the end of a process. */
  function bury(worker: Worker<J>, death: Death): void {
    worker.alive = false;
    stopTimers(worker);
    const [first, ...others] = worker.jobs.splice(0);
    budget.forget(worker.process);
    for (const { pending, recalled } of others) if (!recalled) wait(pending);
    if (first === undefined || first.recalled) return;
    if (death.died === undefined && worker.ready) fail(first.pending, death.code, death.message);
    else tryAgain(first.pending, death, worker.ready);
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

  /** The child begins its first job now. */
  function begin(worker: Worker<J>): void {
    stopTimers(worker);
    const [first, second] = worker.jobs;
    worker.since = first === undefined ? Infinity : performance.now();
    if (first === undefined) return;
    const { loadMs, runMs } = first.pending.task.limits;
    limit(worker, first.held ? runMs : (loadMs ?? runMs));
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
    const at = worker.jobs.findIndex(({ id }) => id === reply.id);
    const sent = worker.jobs[at];
    if (sent === undefined) return;
    const { pending } = sent;
    const { task } = pending;
    if (reply.kind === "running") return limit(worker, task.limits.runMs);
    worker.jobs.splice(at, 1);
    for (const { key } of task.holdings ?? []) budget.release(worker.process, key, reply.kind === "done");
    if (reply.kind === "done") {
      for (const { key, bytes } of reply.held ?? []) budget.measure(worker.process, key, bytes);
      settle(pending, () => pending.resolve(reply.value));
    } else if (reply.kind === "failed") {
      const code = isPassedOn(reply.code) ? reply.code : "INFERENCE_FAILED";
      fail(pending, code, reply.message);
    }
    if (at === 0) begin(worker);
    dispatch();
  }

  // Who does what.

  /** Takes back what waits in a child. */
  function recall(worker: Worker<J>): void {
    for (const sent of worker.jobs.slice(1)) {
      if (sent.recalled) continue;
      sent.recalled = true;
      worker.process.send({ kind: "cancel", id: sent.id });
      wait(sent.pending);
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

  /** A child that has its next job already, less urgent than this one. */
  function lessUrgent({ task }: Pending<J>): Worker<J> | undefined {
    const deadline = task.limits.deadline ?? Infinity;
    return [...workers].find(({ jobs: [, second, third] }) => {
      if (second === undefined || second.recalled || third !== undefined) return false;
      return (second.pending.task.limits.deadline ?? Infinity) > deadline;
    });
  }

  function place(pending: Pending<J>): Worker<J> | undefined {
    const { task } = pending;
    const usable = [...workers].filter(({ alive, process }) => alive && process.connected);
    const idle = usable.filter(({ jobs }) => jobs.length === 0);
    if (idle.length > 0) return best(idle, task);
    if (workers.size < size) return start();
    if (depth === 1) return undefined;
    const now = performance.now();
    const quick = usable.filter(
      ({ ready, jobs, since }) => ready && jobs.length === 1 && now - since < PATIENCE_MS,
    );
    if (quick.length > 0) return best(quick, task);
    const worker = lessUrgent(pending);
    if (worker !== undefined) recall(worker);
    return worker;
  }

  function give(worker: Worker<J>, pending: Pending<J>): void {
    const { holdings = [], job } = pending.task;
    const had = holdings.map((holding) => budget.use(worker.process, holding));
    const held = holdings.length > 0 && had.every(Boolean);
    const sent = { id: nextId++, pending, held, recalled: false };
    worker.jobs.push(sent);
    worker.process.send({ kind: "job", job: job(sent.id, held) });
    if (!worker.ready) return;
    if (worker.jobs.length === 1) begin(worker);
    else bePatient(worker);
  }

  function dispatch(): void {
    for (;;) {
      const pending = closed ? undefined : queue.first();
      const worker = pending && place(pending);
      if (pending === undefined || worker === undefined) return;
      queue.remove(pending);
      give(worker, pending);
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
        queue.add({ task, resolve, reject, number: nextId++, deaths: 0, settled: false });
        dispatch();
      });
    },
    async close() {
      closed = true;
      stopWatching();
      const all = [...workers].flatMap(({ jobs }) => jobs.map(({ pending }) => pending));
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

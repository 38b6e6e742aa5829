/**
 * Child processes, one job each at a time, most urgent first. A hostile model can kill its process, fill its memory or never end;
 * the node goes on and its event loop stays free.
 */
import { fork, type ChildProcess } from "node:child_process";
import { z } from "zod/v4";
import { AssayError } from "../../../sdk/src/error.ts";

export interface ChildrenOptions {
  /** The module that a child runs: it takes {@link Job} messages and sends {@link ChildReply} messages. */
  readonly module: URL;
  /** Most processes at a time; none is started before it is needed. */
  readonly size: number;
  /** Further tries of a job whose process died. */
  readonly retries: number;
}

export interface Job {
  readonly id: number;
}

export const childReply = z.discriminatedUnion("kind", [
  /** Everything is loaded; the work itself begins. */
  z.object({ kind: z.literal("running"), id: z.number() }),
  z.object({ kind: z.literal("done"), id: z.number(), value: z.unknown() }),
  z.object({ kind: z.literal("failed"), id: z.number(), code: z.string().optional(), message: z.string() }),
]);
export type ChildReply = z.infer<typeof childReply>;

export interface Limits {
  /** Milliseconds from the start to "running"; absent: `runMs` counts from the start. */
  readonly loadMs?: number;
  readonly runMs: number;
  /** Unix seconds; of the jobs that wait, the one with the earliest deadline goes first. */
  readonly deadline?: number | undefined;
}

export interface Children<J extends Job> {
  /**
   * @param job What to send to the child at hand, which may be a new one.
   * @returns the reply's value, unchecked.
   * @throws {AssayError} INFERENCE_FAILED (MODEL_REFUSED, if the child says so), INFERENCE_TIMED_OUT, CLOSED.
   */
  run(job: (id: number, child: object) => J, limits: Limits): Promise<unknown>;
  close(): Promise<void>;
}

interface Pending<J> {
  readonly id: number;
  readonly job: (id: number, child: object) => J;
  readonly limits: Limits;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: AssayError) => void;
  tries: number;
}

interface Worker<J> {
  readonly process: ChildProcess;
  /** False once it has been told to die. */
  alive: boolean;
  pending: Pending<J> | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** Longest time that a timer can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export function createChildren<J extends Job>({ module, size, retries }: ChildrenOptions): Children<J> {
  const workers = new Set<Worker<J>>();
  const queue: Pending<J>[] = [];
  let closed = false;
  let nextId = 0;

  function start(): Worker<J> {
    // No environment: whatever a hostile model makes of this process, it finds no secrets. Node strips the types itself.
    const child = fork(module, [], { serialization: "advanced", execArgv: [], env: {} });
    const worker: Worker<J> = { process: child, alive: true, pending: undefined, timer: undefined };
    workers.add(worker);
    child.on("message", (message) => {
      const reply = childReply.safeParse(message);
      if (reply.success) onReply(worker, reply.data);
    });
    child.on("error", () => undefined);
    child.once("close", (code, signal) => onDeath(worker, signal ?? `exit code ${code}`));
    return worker;
  }

  function release(worker: Worker<J>): Pending<J> | undefined {
    const { pending } = worker;
    clearTimeout(worker.timer);
    worker.timer = undefined;
    worker.pending = undefined;
    return pending;
  }

  function limit(worker: Worker<J>, milliseconds: number): void {
    clearTimeout(worker.timer);
    const wait = Math.min(MAX_TIMER_MS, Math.max(0, milliseconds));
    worker.timer = setTimeout(() => {
      const pending = release(worker);
      worker.alive = false;
      worker.process.kill("SIGKILL");
      pending?.reject(new AssayError("INFERENCE_TIMED_OUT", `no output within ${wait} ms`));
    }, wait);
  }

  function onReply(worker: Worker<J>, reply: ChildReply): void {
    if (worker.pending?.id !== reply.id) return;
    if (reply.kind === "running") return limit(worker, worker.pending.limits.runMs);
    const pending = release(worker);
    if (reply.kind === "done") pending?.resolve(reply.value);
    else
      pending?.reject(
        new AssayError(reply.code === "MODEL_REFUSED" ? "MODEL_REFUSED" : "INFERENCE_FAILED", reply.message),
      );
    dispatch();
  }

  function onDeath(worker: Worker<J>, how: string): void {
    workers.delete(worker);
    const pending = release(worker);
    if (pending !== undefined && pending.tries <= retries) queue.unshift(pending);
    else
      pending?.reject(
        new AssayError("INFERENCE_FAILED", `the process died of this input (${how})`, {
          details: { died: how },
        }),
      );
    dispatch();
  }

  function takeMostUrgent(): Pending<J> | undefined {
    const urgency = ({ limits }: Pending<J>): number => limits.deadline ?? Infinity;
    let first = 0;
    queue.forEach((pending, i) => {
      if (urgency(pending) < urgency(queue[first] ?? pending)) first = i;
    });
    return queue.splice(first, 1)[0];
  }

  function dispatch(): void {
    while (!closed && queue.length > 0) {
      const idle = [...workers].find((w) => w.pending === undefined && w.alive && w.process.connected);
      if (idle === undefined && workers.size >= size) return;
      const pending = takeMostUrgent();
      if (pending === undefined) return;
      const worker = idle ?? start();
      pending.tries++;
      worker.pending = pending;
      limit(worker, pending.limits.loadMs ?? pending.limits.runMs);
      // A child that is gone already is dealt with when it closes.
      worker.process.send(pending.job(pending.id, worker), () => undefined);
    }
  }

  return {
    run(job, limits) {
      if (closed) return Promise.reject(new AssayError("CLOSED", "the pool is closed"));
      return new Promise((resolve, reject) => {
        queue.push({ id: nextId++, job, limits, resolve, reject, tries: 0 });
        dispatch();
      });
    },
    async close() {
      closed = true;
      for (const pending of queue.splice(0)) pending.reject(new AssayError("CLOSED", "the pool is closed"));
      await Promise.all(
        [...workers].map((worker) => {
          release(worker)?.reject(new AssayError("CLOSED", "the pool is closed"));
          return new Promise<void>((resolve) => {
            worker.process.once("close", () => resolve());
            worker.process.kill("SIGKILL");
          });
        }),
      );
    },
  };
}

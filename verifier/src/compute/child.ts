/** The child's side of `children.ts`. */
import { writeFileSync } from "node:fs";
import { messageOf } from "../../../sdk/src/error.ts";
import type { ChildReply, JobResult, Order } from "./protocol.ts";

function codeOf(error: unknown): { readonly code?: string } {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? { code: error.code }
    : {};
}

/** What a job tells its parent while it is done. */
export interface JobContext {
  /** Everything is loaded; the work itself begins. */
  readonly running: () => void;
  /** What something that is kept takes, bytes. */
  readonly held: (key: string, bytes: number) => void;
}

export interface Work<J> {
  /** Does a job. A thrown error's `code`, if it has one, is passed on. */
  readonly run: (job: J, context: JobContext) => unknown;
  /** Forgets what is kept under a key. */
  readonly drop: (key: string) => unknown;
}

/** Resolves once everything is sent: a child that dies of the next job must not take this one's answer along. */
function send(reply: ChildReply): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) return resolve();
    process.send(reply, undefined, undefined, () => resolve());
  });
}

async function perform<J>(work: Work<J>, job: J, running: () => void): Promise<JobResult> {
  const held: { key: string; bytes: number }[] = [];
  let start = performance.now();
  const begin = (): void => {
    start = performance.now();
    running();
  };
  try {
    const value = await work.run(job, { running: begin, held: (key, bytes) => held.push({ key, bytes }) });
    return { value, ms: performance.now() - start, held };
  } catch (error) {
    return { message: messageOf(error), ...codeOf(error) };
  }
}

async function performAll<J>(work: Work<J>, id: number, jobs: readonly J[]): Promise<void> {
  const results: JobResult[] = [];
  for (const job of jobs) results.push(await perform(work, job, () => void send({ kind: "running", id })));
  await send({ kind: "results", id, results });
}

/** If memory runs out altogether, the kernel (Linux) shall end this process and not the node. */
function offerToDie(): void {
  try {
    writeFileSync("/proc/self/oom_score_adj", "1000");
  } catch {
    // Another system.
  }
}

/** @param work Its jobs are what the parent's side sends. */
export function serveParent<J>(work: Work<J>): void {
  const waiting: Exclude<Order, { kind: "cancel" }>[] = [];
  let busy = false;

  function cancel(id: number): void {
    const at = waiting.findIndex((order) => order.kind === "jobs" && order.id === id);
    if (at < 0) return;
    waiting.splice(at, 1);
    void send({ kind: "canceled", id });
  }

  async function carryOut(): Promise<void> {
    if (busy) return;
    busy = true;
    for (;;) {
      // Reads what has come meanwhile: it may take back what is waiting.
      await new Promise((resolve) => setImmediate(resolve));
      const order = waiting.shift();
      if (order === undefined) break;
      if (order.kind === "jobs") await performAll(work, order.id, order.jobs as readonly J[]);
      else await work.drop(order.key);
    }
    busy = false;
  }

  // Only the node that started this process can reach it.
  process.on("message", (order: Order) => {
    if (order.kind === "cancel") return cancel(order.id);
    waiting.push(order);
    void carryOut();
  });
  process.on("disconnect", () => process.exit(0));
  // The terminal sends Ctrl-C and its own end to the whole group; the node decides when its children end.
  for (const signal of ["SIGINT", "SIGHUP"]) process.on(signal, () => undefined);
  offerToDie();
  void send({ kind: "ready" });
}

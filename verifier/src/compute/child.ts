/** The child's side of `children.ts`. */
import { writeFileSync } from "node:fs";
import { messageOf } from "../../../sdk/src/error.ts";
import type { ChildReply, Job, Order } from "./protocol.ts";

function codeOf(error: unknown): { readonly code?: string } {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? { code: error.code }
    : {};
}

/** What a job tells its parent while it is done. */
export interface JobContext {
  /** Everything is loaded; the work itself begins. */
  running(): void;
  /** What something that is kept takes, bytes. */
  held(key: string, bytes: number): void;
}

export interface Work<J extends Job> {
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

async function perform<J extends Job>(work: Work<J>, job: J): Promise<void> {
  const { id } = job;
  const held: { key: string; bytes: number }[] = [];
  const context: JobContext = {
    running: () => void send({ kind: "running", id }),
    held: (key, bytes) => held.push({ key, bytes }),
  };
  try {
    const value = await work.run(job, context);
    await send({ kind: "done", id, value, ...(held.length > 0 ? { held } : {}) });
  } catch (error) {
    await send({ kind: "failed", id, message: messageOf(error), ...codeOf(error) });
  }
}

/** If memory runs out altogether, the kernel (Linux) shall end this process and not the node. */
function offerToDie(): void {
  try {
    writeFileSync("/proc/self/oom_score_adj", "1000");
  } catch {
    // Another system.
  }
}

export function serveParent<J extends Job>(work: Work<J>): void {
  const waiting: Exclude<Order<J>, { kind: "cancel" }>[] = [];
  let busy = false;

  function cancel(id: number): void {
    const at = waiting.findIndex((order) => order.kind === "job" && order.job.id === id);
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
      if (order.kind === "job") await perform(work, order.job);
      else await work.drop(order.key);
    }
    busy = false;
  }

  // Only the node that started this process can reach it.
  process.on("message", (order: Order<J>) => {
    if (order.kind === "cancel") return cancel(order.id);
    waiting.push(order);
    void carryOut();
  });
  process.on("disconnect", () => process.exit(0));
  // The terminal sends Ctrl-C to the whole group; the node decides when its children end.
  process.on("SIGINT", () => undefined);
  offerToDie();
  void send({ kind: "ready" });
}

/**
 * Roots of tensors, computed by a worker thread while the interpreter goes on: what only a dispute needs costs a run little more than it takes by itself.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** Bytes of tensors that wait to be hashed; a run that is faster than its worker waits for it. */
const MOST_WAITING = 2 ** 29;
const UNIT = 1024;

/** What the worker is told. */
export type HashOrder =
  | { readonly kind: "tensor"; readonly index: number; readonly data: Uint8Array }
  /** Asks for all roots since the last time. */
  | { readonly kind: "end" };

export class HashingWorker {
  /** Units of waiting bytes, shared with the worker. */
  private readonly waiting = new Int32Array(new SharedArrayBuffer(4));
  private readonly worker: Worker;
  private failure: Error | undefined;

  /** It does not keep the process from ending. */
  constructor() {
    this.worker = new Worker(new URL("./hashing.worker.ts", import.meta.url), { workerData: this.waiting });
    this.worker.unref();
    this.worker.on("error", (error: Error) => (this.failure = error));
  }

  /** @param data Shared memory, whose content stays. */
  hash(index: number, data: Uint8Array): void {
    const units = Math.ceil(data.length / UNIT);
    let now = Atomics.load(this.waiting, 0);
    while (now > 0 && (now + units) * UNIT > MOST_WAITING) {
      Atomics.wait(this.waiting, 0, now);
      now = Atomics.load(this.waiting, 0);
    }
    Atomics.add(this.waiting, 0, units);
    this.worker.postMessage({ kind: "tensor", index, data } satisfies HashOrder);
  }

  /** All roots by index since the last time, once they are computed. @throws Error if the worker failed. */
  async roots(): Promise<Uint8Array[]> {
    if (this.failure !== undefined) throw this.failure;
    this.worker.ref();
    this.worker.postMessage({ kind: "end" } satisfies HashOrder);
    try {
      const [roots] = (await once(this.worker, "message")) as [Uint8Array[]];
      return roots;
    } finally {
      this.worker.unref();
    }
  }

  async close(): Promise<void> {
    await this.worker.terminate();
  }
}

/** For the worker: says that data no longer waits. */
export function hashed(waiting: Int32Array, data: Uint8Array): void {
  Atomics.sub(waiting, 0, Math.ceil(data.length / UNIT));
  Atomics.notify(waiting, 0);
}

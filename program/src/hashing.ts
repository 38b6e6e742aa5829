/**
 * Roots of tensors, computed by a worker thread while the interpreter goes on: what only a dispute needs costs a run little more than it takes by itself.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** Bytes of tensors that wait to be hashed; a run that is faster than its worker waits for it. */
const MOST_WAITING = 2 ** 29;
const UNIT = 1024;
/** Bytes of tensors that the worker is told of at once, and of memory that small tensors share: either costs as much as hashing kilobytes. */
const BATCH = 2 ** 17;
const SLAB = 2 ** 20;

export interface HashedTensor {
  readonly index: number;
  readonly data: Uint8Array;
}

/** What the worker is told. */
export type HashOrder =
  | { readonly kind: "tensors"; readonly tensors: readonly HashedTensor[] }
  /** Asks for all roots since the last time. */
  | { readonly kind: "end" };

export class HashingWorker {
  /** Units of waiting bytes, shared with the worker. */
  private readonly waiting = new Int32Array(new SharedArrayBuffer(4));
  private readonly worker: Worker;
  private failure: Error | undefined;
  private batch: HashedTensor[] = [];
  private batchBytes = 0;
  private slab = new SharedArrayBuffer(SLAB);
  private slabUsed = 0;

  /** It does not keep the process from ending. */
  constructor() {
    this.worker = new Worker(new URL("./hashing.worker.ts", import.meta.url), { workerData: this.waiting });
    this.worker.unref();
    this.worker.on("error", (error: Error) => (this.failure = error));
  }

  /** Shared memory for a tensor. */
  memory(bytes: number): Uint8Array {
    if (bytes > SLAB / 8) return new Uint8Array(new SharedArrayBuffer(bytes));
    if (this.slabUsed + bytes > SLAB) {
      this.slab = new SharedArrayBuffer(SLAB);
      this.slabUsed = 0;
    }
    const at = this.slabUsed;
    this.slabUsed += Math.ceil(bytes / 64) * 64;
    return new Uint8Array(this.slab, at, bytes);
  }

  /** @param data Memory that `memory` gave, whose content stays. */
  hash(index: number, data: Uint8Array): void {
    const units = Math.ceil(data.length / UNIT);
    let now = Atomics.load(this.waiting, 0);
    while (now > 0 && (now + units) * UNIT > MOST_WAITING) {
      this.send();
      Atomics.wait(this.waiting, 0, now);
      now = Atomics.load(this.waiting, 0);
    }
    Atomics.add(this.waiting, 0, units);
    this.batch.push({ index, data });
    this.batchBytes += data.length;
    if (this.batchBytes >= BATCH) this.send();
  }

  /** All roots by index since the last time, once they are computed. @throws Error if the worker failed. */
  async roots(): Promise<Uint8Array[]> {
    if (this.failure !== undefined) throw this.failure;
    this.send();
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

  private send(): void {
    this.worker.postMessage({ kind: "tensors", tensors: this.batch } satisfies HashOrder);
    this.batch = [];
    this.batchBytes = 0;
  }
}

/** For the worker: says that data no longer waits. */
export function hashed(waiting: Int32Array, data: Uint8Array): void {
  Atomics.sub(waiting, 0, Math.ceil(data.length / UNIT));
  Atomics.notify(waiting, 0);
}

/**
 * Threads that compute parts of large instructions beside the calling one. All memory is shared. A part belongs to whoever claims it
 * first, so the calling thread never waits for one that is still starting or busy: it does the part itself.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { tensorsOf, type Instruction, type Program } from "../instruction.ts";
import { WAYS, type Way } from "./compute.ts";
import { computePart, MOST_PARTS, planPart, type Part, type PartPlan } from "./parts.ts";
import type { Lookup } from "./read.ts";
import { newTensor, type Memory, type Tensor } from "./tensor.ts";

/** What a thread is told. All tensors are in shared memory. */
export type ThreadOrder =
  | {
      readonly kind: "program";
      readonly instructions: readonly Instruction[];
      readonly constants: readonly Tensor[];
    }
  /** Parts of an instruction of the program that was named last. */
  | {
      readonly kind: "parts";
      readonly number: number;
      readonly instruction: number;
      readonly parts: readonly Part[];
      readonly inputs: ReadonlyMap<number, Tensor>;
      readonly tensors: ReadonlyMap<number, Tensor>;
      readonly out: Tensor;
    };

/** States of a part; those from DONE on name the way in which it was done. */
const [FREE, TAKEN, FAILED, DONE] = [0, 1, 2, 3] as const;
const STATES = 16;
/** Orders are numbered modulo this: a slot holds number and state in an Int32. */
const NUMBERS = 2 ** 27;

export type Slots = Int32Array<SharedArrayBuffer>;

/** Who does which part of the order at hand; nobody takes part in one that is over. */
export class Claims {
  readonly slots: Slots;

  constructor(slots: Slots = new Int32Array(new SharedArrayBuffer(MOST_PARTS * 4))) {
    this.slots = slots;
  }

  open(number: number, parts: number): void {
    for (let p = 0; p < parts; p++) Atomics.store(this.slots, p, number * STATES + FREE);
  }

  take(number: number, part: number): boolean {
    const free = number * STATES + FREE;
    return Atomics.compareExchange(this.slots, part, free, number * STATES + TAKEN) === free;
  }

  /** @param way undefined if it failed. */
  finish(number: number, part: number, way: Way | undefined): void {
    const state = way === undefined ? FAILED : DONE + WAYS.indexOf(way);
    Atomics.store(this.slots, part, number * STATES + state);
    Atomics.notify(this.slots, part);
  }

  /** Waits for whoever has taken it. @returns undefined if it failed. */
  wait(number: number, part: number): Way | undefined {
    Atomics.wait(this.slots, part, number * STATES + TAKEN);
    return WAYS[Atomics.load(this.slots, part) - number * STATES - DONE];
  }
}

/** Parts of an instruction, planned when this thread first does them. */
export interface Split {
  readonly parts: readonly Part[];
  readonly plans: (PartPlan | undefined)[];
}

export function doPart(instruction: Instruction, split: Split, p: number, lookup: Lookup, out: Tensor): Way {
  const part = split.parts[p];
  if (part === undefined) throw new RangeError(`there is no part ${p}`);
  return computePart((split.plans[p] ??= planPart(instruction, part)), lookup, out);
}

/** A tensor as another thread may take it: what it caches is its own. */
function plain({ dtype, elements, data }: Tensor): Tensor {
  // Another thread would write to a copy.
  if (!(data.buffer instanceof SharedArrayBuffer))
    throw new RangeError("threads need tensors in shared memory");
  return newTensor(dtype, elements, data);
}

/** Threads for one run, as far as there are processors; more than a few share too little work. */
export function mostThreads(): number {
  return Math.min(availableParallelism(), 8);
}

export class Threads {
  /** How many work, the calling one among them. */
  readonly count: number;
  /** Memory that all of them see. */
  readonly memory: Memory = (bytes) => new Uint8Array(new SharedArrayBuffer(bytes));
  /** Parts that others than the calling thread have done. */
  helped = 0;
  private readonly claims = new Claims();
  private readonly workers: Worker[] = [];
  private program: Program | undefined;
  private number = 0;

  /** Starts none before it is needed; none of them keeps the process from ending. */
  constructor(count: number) {
    this.count = count;
  }

  /** Computes instruction k of a program whose tensors are all in shared memory. */
  compute(
    program: Program,
    constants: readonly Tensor[],
    k: number,
    split: Split,
    lookup: Lookup,
    out: Tensor,
  ): Way {
    const instruction = program.instructions[k];
    if (instruction === undefined) throw new RangeError(`there is no instruction ${k}`);
    this.tell(program, constants);
    const number = (this.number = (this.number + 1) % NUMBERS);
    const { parts } = split;
    this.claims.open(number, parts.length);
    const [inputs, tensors] = [new Map<number, Tensor>(), new Map<number, Tensor>()];
    for (const { source, id } of instruction.loads.flatMap(tensorsOf))
      if (source !== "constant") (source === "input" ? inputs : tensors).set(id, plain(lookup(source, id)));
    this.post({ kind: "parts", number, instruction: k, parts, inputs, tensors, out: plain(out) });
    for (let p = 0; p < parts.length; p++)
      if (this.claims.take(number, p))
        this.claims.finish(number, p, doPart(instruction, split, p, lookup, out));
      else this.helped++;
    // What failed there fails here too, with its error.
    const ways = parts.map(
      (_, p) => this.claims.wait(number, p) ?? doPart(instruction, split, p, lookup, out),
    );
    return ways[0] ?? "naive";
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.splice(0).map(async (worker) => await worker.terminate()));
    this.program = undefined;
  }

  private tell(program: Program, constants: readonly Tensor[]): void {
    if (this.program === program) return;
    while (this.workers.length + 1 < this.count) {
      const url = new URL("./threads.worker.ts", import.meta.url);
      const workerData = { slots: this.claims.slots, first: (this.workers.length + 1) / this.count };
      const worker = new Worker(url, { workerData });
      worker.unref();
      // What it does not take up is done by this thread. One that dies of a part at hand, its memory being used up, is waited for in
      // vain: whoever must not hang limits the time of the process (verifier/src/compute/children.ts).
      worker.on("error", () => undefined);
      this.workers.push(worker);
    }
    this.program = program;
    this.post({ kind: "program", instructions: program.instructions, constants: constants.map(plain) });
  }

  private post(order: ThreadOrder): void {
    for (const worker of this.workers) worker.postMessage(order);
  }
}

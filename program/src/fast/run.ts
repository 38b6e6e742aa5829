/**
 * The fast interpreter: bit for bit what the naive one computes.
 */
import { dtype, type DTypeName } from "../dtype.ts";
import { tensorsOf, type Program } from "../instruction.ts";
import { compute, planInstruction, type Plan, type Way } from "./compute.ts";
import { splitInstruction } from "./parts.ts";
import type { Lookup } from "./read.ts";
import { own } from "../simd.ts";
import { loadTensor, newTensor, type Memory, type Tensor } from "./tensor.ts";
import type { Split, Threads } from "./threads.ts";

interface Prepared {
  readonly constants: readonly Tensor[];
  readonly plans: (Plan | undefined)[];
  /** The threads that see these tensors, and how instructions are split between so many; undefined: this one alone. */
  readonly threads: Threads | undefined;
  readonly splits: (Split | undefined)[];
  /** Per instruction the tensors of instructions that nothing reads later. */
  readonly lastReads: readonly (readonly number[])[];
  readonly spare: Spare;
}

/** Tensors that nothing reads any more and nobody was given, for the next ones of the same kind. */
class Spare {
  private readonly byKind = new Map<number, Tensor[]>();
  private bytes = 0;

  take(name: DTypeName, elements: number, memory: Memory | undefined): Tensor {
    const found = this.byKind.get(this.kindOf(name, elements))?.pop();
    if (found === undefined) return newTensor(name, elements, memory?.(elements * dtype(name).bytes));
    this.bytes -= found.data.length;
    // The values of binary32 are its own memory; others were copies.
    if (name !== "f32") found.decoded = undefined;
    return found;
  }

  give(tensor: Tensor): void {
    this.bytes += tensor.data.length;
    const kind = this.kindOf(tensor.dtype, tensor.elements);
    const ofKind = this.byKind.get(kind);
    if (ofKind === undefined) this.byKind.set(kind, [tensor]);
    else ofKind.push(tensor);
  }

  /** Keeps no more between runs than a small program's. */
  trim(): void {
    if (this.bytes <= MOST_SPARE) return;
    this.byKind.clear();
    this.bytes = 0;
  }

  private kindOf(name: DTypeName, elements: number): number {
    return elements * 256 + dtype(name).code;
  }
}

const MOST_SPARE = 2 ** 26;

const prepared = new WeakMap<Program, Prepared>();

function lastReadsOf(program: Program): number[][] {
  const last = program.instructions.map((_, k) => k);
  for (const [k, instruction] of program.instructions.entries())
    for (const { source, id } of instruction.loads.flatMap(tensorsOf))
      if (source === "instruction") last[id] = k;
  const reads: number[][] = program.instructions.map(() => []);
  for (const [id, k] of last.entries()) reads[k]?.push(id);
  return reads;
}

function prepare(program: Program, threads: Threads | undefined): Prepared {
  const known = prepared.get(program);
  if (known !== undefined && (threads === undefined || known.threads === threads)) return known;
  const made: Prepared = {
    constants: program.constants.map((c) =>
      loadTensor(c.dtype, c.data.length / dtype(c.dtype).bytes, c.data, threads?.memory),
    ),
    plans: [],
    threads,
    splits: [],
    lastReads: lastReadsOf(program),
    spare: new Spare(),
  };
  prepared.set(program, made);
  return made;
}

export interface RunOptions {
  /** Called with the bytes of each instruction's tensor as soon as it is computed. */
  readonly onTensor?: (instruction: number, data: Uint8Array) => void;
  /** Which instructions' tensors to return; by default only what the outputs need is held. */
  readonly keep?: "all" | "outputs" | ((instruction: number) => boolean);
  /** Where tensors are to stand, by default in memory of their own: so many bytes of a buffer of that length. */
  readonly memory?: Memory;
  /** Threads that share the work of large instructions. */
  readonly threads?: Threads | undefined;
}

export interface RunResult {
  /** One per program output, bytes. */
  readonly outputs: readonly Uint8Array[];
  /** Bytes of the tensors that were to be kept, by instruction. */
  readonly tensors: ReadonlyMap<number, Uint8Array>;
  /** One per instruction. */
  readonly ways: readonly Way[];
}

/**
 * Runs a well-formed program. Tensors are dropped after their last use. Plans and packed constants are kept with the program.
 * @param inputs One tensor per program input: bytes, little-endian, canonical or not.
 * @throws RangeError if an input's length does not fit the program.
 */
export function runProgram(
  program: Program,
  inputs: readonly Uint8Array[],
  options: RunOptions = {},
): RunResult {
  const { keep = "outputs", onTensor, memory, threads } = options;
  const made = prepare(program, threads);
  const { constants, plans, splits, lastReads, spare } = made;
  // Also in a run without the threads: the next one may reuse its tensors.
  const shared = made.threads?.memory;
  own(made);
  if (inputs.length !== program.inputs.length)
    throw new RangeError(`the program has ${program.inputs.length} inputs, not ${inputs.length}`);
  const loaded = program.inputs.map((input, k) =>
    loadTensor(input.dtype, input.elements, inputs[k] ?? new Uint8Array(), shared),
  );
  const live: (Tensor | undefined)[] = [];
  const lookup: Lookup = (source, id) => {
    const found = source === "input" ? loaded[id] : source === "constant" ? constants[id] : live[id];
    if (found === undefined) throw new RangeError(`there is no ${source} ${id}`);
    return found;
  };
  const wanted = new Set(program.outputs.map((o) => o.instruction));
  const keeps = (k: number): boolean => keep === "all" || (typeof keep === "function" && keep(k));
  const outputs = new Map<number, Uint8Array>();
  const tensors = new Map<number, Uint8Array>();
  const ways: Way[] = [];
  for (const [k, instruction] of program.instructions.entries()) {
    const plan = (plans[k] ??= planInstruction(instruction));
    const { dtype: name } = instruction;
    const elements = plan.elements;
    const tensor =
      memory === undefined
        ? spare.take(name, elements, shared)
        : newTensor(name, elements, memory(elements * dtype(name).bytes));
    const split =
      threads && (splits[k] ??= { parts: splitInstruction(instruction, plan, threads.count), plans: [] });
    ways.push(
      threads !== undefined && split !== undefined && split.parts.length > 1
        ? threads.compute(program, constants, k, split, lookup, tensor)
        : compute(instruction, plan, lookup, tensor),
    );
    live[k] = tensor;
    onTensor?.(k, tensor.data);
    if (wanted.has(k)) outputs.set(k, tensor.data);
    if (keeps(k)) tensors.set(k, tensor.data);
    for (const id of lastReads[k] ?? []) {
      const dead = live[id];
      live[id] = undefined;
      const given = wanted.has(id) || keeps(id) || onTensor !== undefined || memory !== undefined;
      if (dead !== undefined && !given) spare.give(dead);
    }
  }
  spare.trim();
  return {
    outputs: program.outputs.map((o) => {
      const data = outputs.get(o.instruction);
      if (data === undefined) throw new RangeError(`there is no instruction ${o.instruction}`);
      // Whoever is given outputs may not expect shared memory.
      return shared === undefined ? data : Uint8Array.from(data);
    }),
    tensors,
    ways,
  };
}

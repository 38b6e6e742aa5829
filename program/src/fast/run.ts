/**
 * The fast interpreter: bit for bit what the naive one computes.
 */
import { dtype, type DTypeName } from "../dtype.ts";
import { outElements, product, tensorsOf, type Instruction, type Program } from "../instruction.ts";
import { planAcc, runAcc, type AccPlan } from "./acc.ts";
import { planChannel, runChannel, type ChannelPlan } from "./channel.ts";
import { planFlat, runFlat, type FlatPlan } from "./flat.ts";
import { planMatrix, runMatrix, type MatrixPlan } from "./matrix.ts";
import { planMove, runMove, type MovePlan } from "./move.ts";
import { planPointwise, runPointwise, type PointwisePlan } from "./pointwise.ts";
import { planRows, runRows, type RowsPlan } from "./rows.ts";
import { own } from "../simd.ts";
import { runSlowly } from "./slow.ts";
import { loadTensor, newTensor, type Tensor } from "./tensor.ts";
import type { Lookup } from "./read.ts";

/** The ways to compute an instruction, best first; each may decline for the data of a run. */
interface Plan {
  readonly elements: number;
  readonly acc: AccPlan | undefined;
  readonly channel: ChannelPlan | undefined;
  readonly matrix: MatrixPlan | undefined;
  readonly rows: RowsPlan | undefined;
  readonly pointwise: PointwisePlan | undefined;
  readonly move: MovePlan | undefined;
  /** null: not planned yet, since few instructions come to it. */
  flat: FlatPlan | undefined | null;
}

interface Prepared {
  readonly constants: readonly Tensor[];
  readonly plans: (Plan | undefined)[];
  /** Per instruction the tensors of instructions that nothing reads later. */
  readonly lastReads: readonly (readonly number[])[];
  readonly spare: Spare;
}

/** Tensors that nothing reads any more and nobody was given, for the next ones of the same kind. */
class Spare {
  private readonly byKind = new Map<number, Tensor[]>();
  private bytes = 0;

  take(name: DTypeName, elements: number): Tensor {
    const found = this.byKind.get(this.kindOf(name, elements))?.pop();
    if (found === undefined) return newTensor(name, elements);
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

function prepare(program: Program): Prepared {
  const known = prepared.get(program);
  if (known !== undefined) return known;
  const made: Prepared = {
    constants: program.constants.map((c) =>
      loadTensor(c.dtype, c.data.length / dtype(c.dtype).bytes, c.data),
    ),
    plans: [],
    lastReads: lastReadsOf(program),
    spare: new Spare(),
  };
  prepared.set(program, made);
  return made;
}

function planOf(instruction: Instruction): Plan {
  const acc = planAcc(instruction);
  const channel = acc === undefined ? planChannel(instruction) : undefined;
  const matrix = acc === undefined && channel === undefined ? planMatrix(instruction) : undefined;
  const rows = planRows(instruction);
  const pointwise = planPointwise(instruction);
  const move = pointwise === undefined ? planMove(instruction) : undefined;
  return { elements: outElements(instruction), acc, channel, matrix, rows, pointwise, move, flat: null };
}

/** How an instruction was computed, from the fastest to the slowest per term. */
export type Way = "pointwise" | "move" | "channel" | "matrix" | "rows" | "flat" | "acc" | "naive";

function compute(instruction: Instruction, plan: Plan, lookup: Lookup, out: Tensor): Way {
  const { acc, channel, matrix, rows, pointwise, move } = plan;
  if (pointwise !== undefined && runPointwise(pointwise, lookup, out)) return "pointwise";
  if (move !== undefined && runMove(instruction, move, lookup, out)) return "move";
  if (acc !== undefined && runAcc(instruction, acc, lookup, out)) return "acc";
  if (channel !== undefined && runChannel(instruction, channel, lookup, out)) return "channel";
  if (matrix !== undefined && runMatrix(instruction, matrix, lookup, out)) return "matrix";
  if (rows !== undefined && runRows(instruction, rows, lookup, out)) return "rows";
  if (plan.flat === null)
    plan.flat =
      acc === undefined ? planFlat(instruction, plan.elements, product(instruction.redDims)) : undefined;
  if (plan.flat !== undefined && runFlat(instruction, plan.flat, lookup, out)) return "flat";
  runSlowly(instruction, lookup, out);
  return "naive";
}

export interface RunOptions {
  /** Called with the bytes of each instruction's tensor as soon as it is computed. */
  readonly onTensor?: (instruction: number, data: Uint8Array) => void;
  /** Which instructions' tensors to return; by default only what the outputs need is held. */
  readonly keep?: "all" | "outputs" | ((instruction: number) => boolean);
  /** Where tensors are to stand, by default in memory of their own: so many bytes of a buffer of that length. */
  readonly memory?: (bytes: number) => Uint8Array;
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
  const { keep = "outputs", onTensor, memory } = options;
  const made = prepare(program);
  const { constants, plans, lastReads, spare } = made;
  own(made);
  if (inputs.length !== program.inputs.length)
    throw new RangeError(`the program has ${program.inputs.length} inputs, not ${inputs.length}`);
  const loaded = program.inputs.map((input, k) =>
    loadTensor(input.dtype, input.elements, inputs[k] ?? new Uint8Array()),
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
    const plan = (plans[k] ??= planOf(instruction));
    const { dtype: name } = instruction;
    const elements = plan.elements;
    const tensor =
      memory === undefined
        ? spare.take(name, elements)
        : newTensor(name, elements, memory(elements * dtype(name).bytes));
    ways.push(compute(instruction, plan, lookup, tensor));
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
      return data;
    }),
    tensors,
    ways,
  };
}

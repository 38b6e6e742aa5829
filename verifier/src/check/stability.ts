/**
 * Which outputs onnxruntime can be expected to give bit for bit, which nearly, and which may jump. Follows every value of the lowered
 * program from the inputs on. Pure.
 */
import { isFloat, isInteger } from "../../../program/src/dtype.ts";
import {
  tensorsOf,
  type Body,
  type Instruction,
  type Load,
  type Program,
  type TensorLoad,
} from "../../../program/src/instruction.ts";
import type { Origin } from "../../../program/src/lower/builder.ts";
import { isExactInOnnxruntime } from "../releases/describe.ts";

/**
 * exact: integers, or scaled integers, that every onnxruntime computes alike. reproducible: nothing is rounded that two
 * machines could round differently, but there are edges (integer division by 0, conversion of floats out of range, saturating sums of u8 by i8).
 * continuous: roundings may differ, and differ little. discontinuous: a value that may differ a little decides between values that are
 * far apart.
 */
export const KINDS = ["exact", "reproducible", "continuous", "discontinuous"] as const;
export type Kind = (typeof KINDS)[number];

/** An instruction at which a value becomes of its kind, and the ONNX node that it comes from. */
export interface Cause extends Origin {
  readonly instruction: number;
  readonly body: Body;
}

export interface Stability {
  readonly kind: Kind;
  /** The first instructions that make it so: of a discontinuous output all, of the others the first. */
  readonly causes: readonly Cause[];
}

/** Bodies that round nothing, or once and from one operand, whatever the machine. */
const ROUNDING_FREE: ReadonlySet<Body> = new Set<Body>([
  ...(["copy", "sat", "neg", "abs", "min", "max", "floor", "ceil", "rint", "sign", "rem"] as const),
  ...(["eq", "ne", "lt", "le", "where", "seleq", "first", "key", "qmul", "qdiv"] as const),
]);
/** Each is one IEEE 754 operation after another, which onnxruntime computes bit for bit. */
const BIT_EXACT_OPERATORS: ReadonlySet<string> = new Set(
  ["QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"].flatMap((name) => [
    name,
    `com.microsoft:${name}`,
  ]),
);
/** Bodies of which a small change of a float operand can change the float result by much. */
const JUMPS: ReadonlySet<Body> = new Set<Body>(["floor", "ceil", "rint", "sign", "rem", "seleq"]);
/** Operators that choose between branches which meet where the choice changes, so that the whole is continuous. */
const CONTINUOUS_OPERATORS: ReadonlySet<string> = new Set([
  ...["Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Sigmoid", "HardSigmoid", "HardSwish", "Softplus"],
  ...["Softsign", "Mish", "Gelu", "Clip", "Swish", "Softmax", "LogSoftmax", "ReduceLogSumExp"],
  ...["Acos", "Asin", "Acosh", "Asinh", "Atanh", "Sinh", "Cosh", "RNN", "GRU", "LSTM", "Attention"],
  ...["LpNormalization", "LayerNormalization", "GroupNormalization", "InstanceNormalization"],
  ...[
    "Gelu",
    "QuickGelu",
    "FastGelu",
    "BiasGelu",
    "Attention",
    "MultiHeadAttention",
    "GroupQueryAttention",
  ].map((name) => `com.microsoft:${name}`),
]);

/** Operators whose float output is a continuous function of the input, though they gather it from where they found it. */
const SORTING_OPERATORS: ReadonlySet<string> = new Set(["TopK"]);

interface State {
  readonly kind: Kind;
  readonly causes: ReadonlySet<number>;
}

const START: State = { kind: "exact", causes: new Set() };

function worst(states: readonly State[]): State {
  const kind = KINDS[Math.max(0, ...states.map((state) => KINDS.indexOf(state.kind)))] ?? "exact";
  const causes = states.filter((state) => state.kind === kind).flatMap((state) => [...state.causes]);
  return { kind, causes: new Set(causes) };
}

/** Integer throughout: wraps, and agrees but for the edges that every processor has its own way with. */
function isReproducible({ dtype, fold, body, loads }: Instruction, { operator }: Origin): boolean {
  if (BIT_EXACT_OPERATORS.has(operator)) return true;
  const integer = isInteger(dtype) && loads.every((load) => load.kind === "index" || isInteger(load.dtype));
  if (integer) return true;
  return (
    ROUNDING_FREE.has(body) && (fold === "none" || fold === "min" || fold === "max" || fold === "maxnum")
  );
}

/** Whether the instruction may turn a small difference of its operands into a large one. `of`: what is known of a load. */
function jumps({ dtype, body, loads }: Instruction, of: (load: Load) => State): boolean {
  const differs = (load: Load): boolean => KINDS.indexOf(of(load).kind) >= KINDS.indexOf("continuous");
  // seleq compares the first two and hands on the third.
  const deciding = body === "seleq" ? loads.slice(0, 2) : loads;
  const choices = loads.flatMap(tensorsOf).filter((load) => isInteger(load.dtype));
  return choices.some(differs) || (deciding.some(differs) && (isInteger(dtype) || JUMPS.has(body)));
}

/**
 * @param nodes For each instruction, the ONNX node that it comes from.
 * @returns one per program output.
 */
export function stabilityOf(program: Program, nodes: readonly Origin[]): Stability[] {
  const states: State[] = [];
  const read = ({ source, id }: TensorLoad): State =>
    source === "instruction" ? (states[id] ?? START) : START;
  const of = (load: Load): State => worst(tensorsOf(load).map(read));
  for (const [k, instruction] of program.instructions.entries()) {
    const origin = nodes[k] ?? { name: "", operator: "" };
    const sorts = SORTING_OPERATORS.has(origin.operator) && isFloat(instruction.dtype);
    const before = worst(
      instruction.loads.map((load) => (sorts && load.kind === "tensor" ? read(load) : of(load))),
    );
    // Whatever gathers or computes from a value that jumps, jumps too.
    if (before.kind === "discontinuous") states.push(before);
    else if (
      before.kind === "continuous" &&
      !sorts &&
      !CONTINUOUS_OPERATORS.has(origin.operator) &&
      jumps(instruction, of)
    )
      states.push({ kind: "discontinuous", causes: new Set([k]) });
    else {
      const own: Kind = isExactInOnnxruntime(instruction)
        ? "exact"
        : isReproducible(instruction, origin)
          ? "reproducible"
          : "continuous";
      const later = KINDS.indexOf(own) > KINDS.indexOf(before.kind);
      states.push(later ? { kind: own, causes: new Set([k]) } : before);
    }
  }
  const causeOf = (instruction: number): Cause => {
    const { name, operator } = nodes[instruction] ?? { name: "", operator: "" };
    return { instruction, name, operator, body: program.instructions[instruction]?.body ?? "copy" };
  };
  return program.outputs.map(({ instruction, dtype }) => {
    const { kind, causes } = states[instruction] ?? START;
    const numbers = [...causes].sort((a, b) => a - b);
    // Bytes of integers must be equal: a tolerance does not apply to them.
    if (kind === "continuous" && !isFloat(dtype))
      return { kind: "discontinuous", causes: [causeOf(instruction)] };
    return { kind, causes: (kind === "discontinuous" ? numbers : numbers.slice(0, 1)).map(causeOf) };
  });
}

/**
 * Recurrent layers unrolled over time: the input projection of all steps is one matrix product; both directions run side by
 * side in one sequence of instructions if their activations are the same.
 */
import { isFloat, isInteger } from "../../dtype.ts";
import { ModelError } from "../../onnx/error.ts";
import { affine, at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { cast, map, slice, squeeze, unsqueeze } from "../compose.ts";
import type { Context, Inputs } from "../registry.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { sameDtype } from "./arithmetic.ts";
import { concat } from "./join.ts";
import { matmul } from "./matmul.ts";
import { readActivations, type Activation } from "./recurrent_activation.ts";

/** Beyond, a program would have more instructions than anyone wants to commit to. */
const MAX_STEPS = 4096;

/** Parameters of the directions that run together (D of them), in f32. */
export interface Parameters {
  readonly b: Builder;
  /** [D, G·H, H], G gates of H hidden units. */
  readonly recurrence: Value;
  /** [D, 1, G·H] each. */
  readonly biases: { readonly input: Value; readonly recurrence: Value } | undefined;
  /** [D, 1, 3·H]. */
  readonly peepholes: Value | undefined;
  readonly activations: readonly Activation[];
  readonly hidden: number;
  /** Limits what enters an activation to -clip..clip. */
  readonly clip: (x: Value) => Value;
}

/** States [D, B, H] after a step, of the projected input [D, B, G·H] and the states before. The first is the output. */
export type Step = (projected: Value, states: readonly Value[]) => readonly Value[];

export interface Cell {
  readonly gates: number;
  /** Default activations. */
  readonly activations: readonly string[];
  /** Positions of the inputs that hold the initial states. */
  readonly states: readonly number[];
  /** @returns the bias [D, 1, G·H] that joins the projected input, and the step. */
  readonly prepare: (
    parameters: Parameters,
    context: Context,
  ) => { readonly bias: Value | undefined; readonly step: Step };
}

interface Sizes {
  readonly steps: number;
  readonly batch: number;
  readonly hidden: number;
  readonly directions: number;
}

/** The layer's operands in f32, as layout 0 has them. */
interface Layer extends Sizes {
  /** [T, B, I]. */
  readonly x: Value;
  readonly w: Value;
  readonly r: Value;
  readonly bias: Value | undefined;
  readonly peepholes: Value | undefined;
  /** [B]. */
  readonly lengths: Value | undefined;
  /** [D, B, H] each. */
  readonly states: readonly Value[];
}

const DIRECTIONS = ["forward", "reverse", "bidirectional"];

function needShape(value: Value, shape: readonly number[], what: string): void {
  if (value.shape.join() !== shape.join())
    throw new ModelError(
      "MALFORMED",
      `${what} has shape [${value.shape.join(", ")}], not [${shape.join(", ")}]`,
    );
}

function readLayer(cell: Cell, inputs: Inputs, { b, attributes }: Context, batchFirst: boolean): Layer {
  const input = inputs.at(0);
  if (!isFloat(input.dtype)) throw new ModelError("UNSUPPORTED_DTYPE", `a sequence of ${input.dtype}`);
  if (input.shape.length !== 3)
    throw new ModelError("MALFORMED", `a sequence of rank ${input.shape.length}, not 3`);
  if (view.isEmpty(input)) throw new ModelError("UNSUPPORTED_USE", "an empty sequence");
  const swap = (value: Value) => (batchFirst ? view.transpose(value, [1, 0, 2]) : value);
  const x = swap(cast(b, input, "f32"));
  const [steps = 1, batch = 1, features = 1] = x.shape;
  if (steps > MAX_STEPS) throw new ModelError("TOO_LARGE", `${steps} steps to unroll (at most ${MAX_STEPS})`);
  const directions = attributes.string("direction") === "bidirectional" ? 2 : 1;
  const hidden = attributes.int("hidden_size") ?? inputs.at(2).shape[2] ?? 0;
  if (hidden < 1) throw new ModelError("MALFORMED", `hidden_size ${hidden}`);
  const rows = cell.gates * hidden;
  const wide = (value: Value, shape: readonly number[], what: string): Value => {
    sameDtype(input, value);
    needShape(value, shape, what);
    return cast(b, value, "f32");
  };
  const optional = (index: number, shape: readonly number[], what: string) => {
    const value = inputs.optional(index);
    return value && wide(value, shape, what);
  };
  const lengths = inputs.optional(4);
  if (lengths !== undefined) {
    if (!isInteger(lengths.dtype)) throw new ModelError("MALFORMED", `sequence_lens of ${lengths.dtype}`);
    needShape(lengths, [batch], "sequence_lens");
  }
  const state = [directions, batch, hidden];
  const given = batchFirst ? [batch, directions, hidden] : state;
  return {
    steps,
    batch,
    hidden,
    directions,
    x,
    w: wide(inputs.at(1), [directions, rows, features], "W"),
    r: wide(inputs.at(2), [directions, rows, hidden], "R"),
    bias: optional(3, [directions, 2 * rows], "B"),
    lengths,
    peepholes: optional(7, [directions, 3 * hidden], "P"),
    states: cell.states.map((index) => {
      const value = optional(index, given, "an initial state");
      return value === undefined ? view.expand(b.scalar("f32", 0), state) : swap(value);
    }),
  };
}

/** Which rows [T, D, B] are within their sequences, in the order of steps; undefined if all are. */
function readMask(b: Builder, { lengths, steps, batch }: Layer, reversed: readonly boolean[]) {
  if (lengths === undefined) return undefined;
  const parts = reversed.map((backward) =>
    b.emit({
      body: "lt",
      dtype: "bool",
      out: [steps, 1, batch],
      loads: [{ index: backward ? affine([[0, -1]], steps - 1) : at(0) }, { value: lengths, at: [at(2)] }],
    }),
  );
  if (b.known(lengths) !== undefined) {
    const known = b.integers(lengths, "sequence_lens");
    if (known.some((length) => length < 0 || length > steps))
      throw new ModelError("MALFORMED", `sequence_lens [${known.join(", ")}] of ${steps} steps`);
    if (known.every((length) => length === steps)) return undefined;
  }
  return concat(b, parts, 1);
}

/** Joins along a new axis. */
function stack(b: Builder, values: readonly Value[], axis: number): Value {
  return concat(
    b,
    values.map((value) => unsqueeze(value, [axis])),
    axis,
  );
}

/** Axis 0 backwards. */
function flipped(b: Builder, value: Value): Value {
  const size = value.shape[0] ?? 1;
  return size === 1 ? value : slice(b, value, 0, size - 1, size, -1);
}

interface Group {
  /** [T, D, B, H], by time; undefined unless asked for. */
  readonly outputs: Value | undefined;
  /** [D, B, H] each. */
  readonly states: readonly Value[];
}

/** Runs directions `first`.. together; `reversed` says of each whether it runs backward. */
function runGroup(
  cell: Cell,
  layer: Layer,
  activations: readonly Activation[],
  first: number,
  reversed: readonly boolean[],
  context: Context,
): Group {
  const { b, attributes, wants } = context;
  const { steps, hidden } = layer;
  const count = reversed.length;
  const part = (value: Value) => slice(b, value, 0, first, count);
  const rows = cell.gates * hidden;
  const bias = layer.bias && unsqueeze(part(layer.bias), [1]);
  const limit = attributes.float("clip");
  if (limit !== undefined && !(limit > 0)) throw new ModelError("MALFORMED", `clip ${limit}`);
  const { step, bias: joining } = cell.prepare(
    {
      b,
      hidden,
      activations,
      recurrence: part(layer.r),
      biases: bias && { input: slice(b, bias, 2, 0, rows), recurrence: slice(b, bias, 2, rows, rows) },
      peepholes: layer.peepholes && unsqueeze(part(layer.peepholes), [1]),
      clip: (x) =>
        limit === undefined
          ? x
          : map(b, "max", "f32", map(b, "min", "f32", x, b.scalar("f32", limit)), b.scalar("f32", -limit)),
    },
    context,
  );
  const oriented = reversed.map((backward) => (backward ? flipped(b, layer.x) : layer.x));
  const weights = view.transpose(part(layer.w), [0, 2, 1]);
  const product = matmul(b, "f32", { value: stack(b, oriented, 1), zero: 0 }, { value: weights, zero: 0 });
  const projected = joining === undefined ? product : map(b, "add", "f32", product, joining);
  const mask = readMask(b, layer, reversed);
  const stepOf = (value: Value, k: number) => squeeze(slice(b, value, 0, k, 1), [0]);

  let states = layer.states.map(part);
  const outputs: Value[] = [];
  for (let k = 0; k < steps; k++) {
    const next = step(stepOf(projected, k), states);
    const valid = mask && unsqueeze(stepOf(mask, k), [2]);
    const old = states;
    states = next.map((value, s) =>
      valid === undefined ? value : map(b, "where", "f32", valid, value, old[s] ?? value),
    );
    outputs.push(states[0] ?? product);
  }
  const zero = b.scalar("f32", 0);
  // A state of a sequence without steps is 0, as onnxruntime has it.
  const some = layer.lengths && map(b, "lt", "bool", b.scalar("i32", 0), unsqueeze(layer.lengths, [1]));
  if (mask !== undefined && some !== undefined)
    states = states.map((value) => map(b, "where", "f32", some, value, zero));
  if (!wants(0)) return { outputs: undefined, states };
  const stacked = stack(b, outputs, 0);
  const masked = mask === undefined ? stacked : map(b, "where", "f32", unsqueeze(mask, [3]), stacked, zero);
  const byTime = reversed.map((backward, d) => {
    const one = slice(b, masked, 1, d, 1);
    return backward ? flipped(b, one) : one;
  });
  return { outputs: concat(b, byTime, 1), states };
}

/** Outputs Y, Y_h and further states of a recurrent layer. */
export function recurrent(cell: Cell): (inputs: Inputs, context: Context) => readonly (Value | undefined)[] {
  return (inputs, context) => {
    const { b, attributes } = context;
    const direction = attributes.string("direction") ?? "forward";
    if (!DIRECTIONS.includes(direction)) throw new ModelError("MALFORMED", `direction "${direction}"`);
    const layout = attributes.int("layout") ?? 0;
    if (layout !== 0 && layout !== 1) throw new ModelError("MALFORMED", `layout ${layout}`);
    const layer = readLayer(cell, inputs, context, layout === 1);
    const { directions } = layer;
    const own = readActivations(attributes, cell.activations, directions);
    const run = (first: number, reversed: readonly boolean[]) =>
      runGroup(cell, layer, own[first] ?? [], first, reversed, context);
    let groups: Group[];
    if (directions === 1) groups = [run(0, [direction === "reverse"])];
    else if (JSON.stringify(own[0]) === JSON.stringify(own[1])) groups = [run(0, [false, true])];
    else groups = [run(0, [false]), run(1, [true])];
    const { dtype } = inputs.at(0);
    const join = (parts: readonly (Value | undefined)[], axis: number, perm: readonly number[]) => {
      const present = parts.filter((value) => value !== undefined);
      if (present.length === 0) return undefined;
      const joined = concat(b, present, axis);
      return cast(b, layout === 1 ? view.transpose(joined, perm) : joined, dtype);
    };
    const outputs = groups.map((group) => group.outputs);
    const states = cell.states.map((_, s) => groups.map((group) => group.states[s]));
    return [join(outputs, 1, [2, 0, 1, 3]), ...states.map((parts) => join(parts, 0, [1, 0, 2]))];
  };
}

/**
 * Control flow whose course is known before the model runs (ONNX Operators: If, Loop, Scan): loops are unrolled. An If whose condition is
 * not known computes both branches and selects.
 */
import { ModelError } from "../../onnx/error.ts";
import type { Builder } from "../builder.ts";
import { map, normalAxis, slice, squeeze, unsqueeze } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable, type Subgraph } from "../registry.ts";
import type { Value } from "../value.ts";
import { concat } from "./join.ts";

function graph({ graphs }: Context, name: string): Subgraph {
  const found = graphs.get(name);
  if (found === undefined) throw new ModelError("MALFORMED", `no graph "${name}"`);
  return found;
}

function needCounts(body: Subgraph, inputs: number, leastOutputs: number): void {
  if (body.inputs !== inputs || body.outputs < leastOutputs)
    throw new ModelError(
      "MALFORMED",
      `the body has ${body.inputs} inputs and ${body.outputs} outputs, not ${inputs} and at least ${leastOutputs}`,
    );
}

/** @throws {ModelError} DYNAMIC_SHAPE if it depends on the model's inputs. */
function knownBool(b: Builder, value: Value, what: string): boolean {
  const { dtype, data } = b.needKnown(value, what);
  if (dtype !== "bool" || data.length !== 1) throw new ModelError("MALFORMED", `${what} is not one bool`);
  return data[0] === 1;
}

function scalar(value: Value): Value {
  if (value.shape.some((size) => size !== 1))
    throw new ModelError("MALFORMED", "the condition is not one bool");
  return { ...value, shape: [], dims: [] };
}

function branch(inputs: Inputs, context: Context): readonly Value[] {
  const { b } = context;
  const condition = scalar(inputs.at(0));
  const [yes, no] = [graph(context, "then_branch"), graph(context, "else_branch")];
  if (b.known(condition) !== undefined) return (knownBool(b, condition, "the condition") ? yes : no).run([]);
  if (condition.dtype !== "bool") throw new ModelError("MALFORMED", "the condition is not a bool");
  const others = no.run([]);
  return yes.run([]).map((value, k) => {
    const other = others[k];
    if (other?.dtype !== value.dtype || other.shape.join() !== value.shape.join())
      throw new ModelError("DYNAMIC_SHAPE", `the branches' outputs ${k} differ in dtype or shape`);
    return map(b, "where", value.dtype, condition, value, other);
  });
}

/** Results of all iterations along a new axis. */
function stacked(b: Builder, parts: readonly Value[], axis = 0, backward = false): Value {
  const [first] = parts;
  if (first === undefined) throw new ModelError("UNSUPPORTED_USE", "outputs of a loop without iterations");
  if (parts.some(({ dtype, shape }) => dtype !== first.dtype || shape.join() !== first.shape.join()))
    throw new ModelError("DYNAMIC_SHAPE", "the outputs of a loop's iterations differ in dtype or shape");
  const at = normalAxis(axis, first.shape.length + 1);
  const wide = parts.map((part) => unsqueeze(part, [at]));
  return concat(b, backward ? wide.reverse() : wide, at);
}

/** Inputs: trip count, condition, carried values. The body gives condition, carried values, outputs to stack. */
function loop(inputs: Inputs, context: Context): readonly Value[] {
  const { b } = context;
  const body = graph(context, "body");
  const [limit, start] = [inputs.optional(0), inputs.optional(1)];
  const trips = limit === undefined ? Infinity : (b.integers(limit, "the trip count")[0] ?? 0);
  let carried = Array.from({ length: inputs.length - 2 }, (_, k) => inputs.at(k + 2));
  needCounts(body, carried.length + 2, carried.length + 1);
  if (limit === undefined && start === undefined)
    throw new ModelError("UNSUPPORTED_USE", "a loop without trip count and condition never ends");
  let go = start === undefined || knownBool(b, scalar(start), "the condition");
  const collected: Value[][] = [];
  for (let i = 0; go && i < trips; i++) {
    const [condition, ...results] = body.run([b.scalar("i64", i), b.scalar("bool", 1), ...carried]);
    carried = results.slice(0, carried.length);
    collected.push(results.slice(carried.length));
    if (start !== undefined && condition !== undefined)
      go = knownBool(b, scalar(condition), "the loop's condition");
  }
  const outputs = body.outputs - 1 - carried.length;
  const stack = (k: number) =>
    stacked(
      b,
      collected.flatMap((results) => results[k] ?? []),
    );
  return [...carried, ...Array.from({ length: outputs }, (_, k) => stack(k))];
}

interface ScanPlan {
  readonly body: Subgraph;
  readonly states: readonly Value[];
  readonly scanned: readonly { readonly value: Value; readonly axis: number; readonly backward: boolean }[];
  readonly outputAxes: readonly number[];
  readonly outputsBackward: readonly boolean[];
}

function runScan(b: Builder, { body, states, scanned, outputAxes, outputsBackward }: ScanPlan): Value[] {
  const lengths = new Set(scanned.map(({ value, axis }) => value.shape[axis] ?? 1));
  const [length] = lengths;
  if (length === undefined || lengths.size !== 1)
    throw new ModelError("MALFORMED", "the scanned inputs differ in length");
  let current = states;
  const collected: Value[][] = [];
  for (let i = 0; i < length; i++) {
    const steps = scanned.map(({ value, axis, backward }) =>
      squeeze(slice(b, value, axis, backward ? length - 1 - i : i, 1), [axis]),
    );
    const results = body.run([...current, ...steps]);
    current = results.slice(0, current.length);
    collected.push(results.slice(current.length));
  }
  const outputs = Array.from({ length: body.outputs - states.length }, (_, k) =>
    stacked(
      b,
      collected.flatMap((results) => results[k] ?? []),
      outputAxes[k] ?? 0,
      outputsBackward[k] ?? false,
    ),
  );
  return [...current, ...outputs];
}

/** @throws {ModelError} MALFORMED unless the attribute has `count` entries or is absent. */
function list({ attributes }: Context, name: string, count: number): readonly number[] {
  const values = attributes.ints(name) ?? Array.from({ length: count }, () => 0);
  if (values.length !== count)
    throw new ModelError("MALFORMED", `${name} has ${values.length} entries, not ${count}`);
  return values;
}

function scan(inputs: Inputs, context: Context): readonly Value[] {
  const { b, attributes } = context;
  const body = graph(context, "body");
  const count = attributes.int("num_scan_inputs") ?? 0;
  const values = inputs.all();
  const states = values.slice(0, values.length - count);
  if (count < 1 || count > values.length) throw new ModelError("MALFORMED", `num_scan_inputs is ${count}`);
  needCounts(body, values.length, states.length);
  const outputs = body.outputs - states.length;
  const axes = list(context, "scan_input_axes", count);
  const directions = list(context, "scan_input_directions", count);
  return runScan(b, {
    ...{ body, states },
    scanned: values.slice(states.length).map((value, k) => ({
      value,
      axis: normalAxis(axes[k] ?? 0, value.shape.length),
      backward: directions[k] === 1,
    })),
    outputAxes: list(context, "scan_output_axes", outputs),
    outputsBackward: list(context, "scan_output_directions", outputs).map((direction) => direction === 1),
  });
}

/** Sequences that are scanned one by one. */
const MAX_BATCH = 4096;

/** Opset 8: all tensors have a batch axis first; every sequence of the batch is scanned alone. */
function batchedScan(inputs: Inputs, context: Context): readonly Value[] {
  const { b, attributes } = context;
  const body = graph(context, "body");
  const count = attributes.int("num_scan_inputs") ?? 0;
  const values = Array.from({ length: inputs.length - 1 }, (_, k) => inputs.at(k + 1));
  const states = values.slice(0, values.length - count);
  if (count < 1 || count > values.length) throw new ModelError("MALFORMED", `num_scan_inputs is ${count}`);
  needCounts(body, values.length, states.length);
  const batch = values[0]?.shape[0] ?? 0;
  if (values.some(({ shape }) => shape[0] !== batch)) throw new ModelError("MALFORMED", "batch sizes differ");
  const lengths = inputs.optional(0);
  const full = values.at(-1)?.shape[1];
  if (lengths !== undefined && b.integers(lengths, "sequence_lens").some((length) => length !== full))
    throw new ModelError("UNSUPPORTED_USE", "sequences shorter than the scanned input");
  if (batch > MAX_BATCH) throw new ModelError("TOO_LARGE", `a batch of ${batch} sequences`);
  const directions = list(context, "directions", count);
  const runs = Array.from({ length: batch }, (_, n) => {
    const own = values.map((value) => squeeze(slice(b, value, 0, n, 1), [0]));
    const scanned = own.slice(states.length).map((value, k) => {
      return { value, axis: normalAxis(0, value.shape.length), backward: directions[k] === 1 };
    });
    return runScan(b, {
      ...{ body, scanned, outputAxes: [], outputsBackward: [] },
      states: own.slice(0, states.length),
    });
  });
  return Array.from({ length: body.outputs }, (_, k) =>
    stacked(
      b,
      runs.flatMap((results) => results[k] ?? []),
    ),
  );
}

const SCAN_ATTRIBUTES = [
  "body",
  "num_scan_inputs",
  "scan_input_axes",
  "scan_input_directions",
  "scan_output_axes",
  "scan_output_directions",
] as const;

export const CONTROL: RuleTable = {
  If: rule(1, ["else_branch", "then_branch"], branch),
  Loop: rule(1, ["body"], loop),
  Scan: [rule(8, ["body", "directions", "num_scan_inputs"], batchedScan, 8), rule(9, SCAN_ATTRIBUTES, scan)],
};

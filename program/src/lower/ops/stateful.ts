/**
 * Operators that carry a state from call to call (ONNX Operators: TensorScatter, CausalConvWithState, LinearAttention).
 */
import { ModelError } from "../../onnx/error.ts";
import { affine, at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import {
  alikeBut,
  cast,
  inFloat32,
  map,
  normalAxis,
  reshape,
  slice,
  squeeze,
  unsqueeze,
} from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { needFloat, sameDtype } from "./arithmetic.ts";
import { concat } from "./join.ts";
import { swish } from "./gated.ts";
import { matmul } from "./matmul.ts";

/** Steps of a recurrence that are written out. */
const MAX_STEPS = 4096;

/** The past, and where its position is one of the `update`'s, that. Positions beyond the past are dropped. */
function tensorScatter(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [past, update, starts] = [inputs.at(0), inputs.at(1), inputs.optional(2)];
  sameDtype(past, update);
  const axis = normalAxis(attributes.int("axis") ?? -2, past.shape.length);
  const mode = attributes.string("mode") ?? "linear";
  const [batch = 0, size = 0, count = 0] = [past.shape[0], past.shape[axis], update.shape[axis]];
  if (mode !== "linear" && mode !== "circular") throw new ModelError("MALFORMED", `mode "${mode}"`);
  if (axis === 0 || count > size || !alikeBut(axis, past, update))
    throw new ModelError("MALFORMED", `an update of shape [${update.shape.join(", ")}] along axis ${axis}`);
  if (starts !== undefined && (starts.dtype !== "i64" || starts.shape.join() !== String(batch)))
    throw new ModelError("MALFORMED", "write_indices are not i64 of [batch]");
  if (view.isEmpty(update)) return [past];
  const here = past.shape.map((_, d) => at(d));
  const source = starts && sourceIndices(b, starts, size, mode === "circular");
  const place = source === undefined ? at(axis) : { gather: source, at: [at(0), at(axis)] };
  const load = { value: update, at: here.map((c, d) => (d === axis ? place : c)) };
  const loads = [load, { value: past, at: here }];
  return [b.emit({ body: "first", dtype: past.dtype, out: past.shape, loads })];
}

/** Which element of the update stands at each position: position - start, wrapped if circular: [batch, size]. */
function sourceIndices(b: Builder, starts: Value, size: number, circular: boolean): Value {
  const out = [starts.shape[0] ?? 0, size];
  const loads = [{ index: at(1) }, { value: starts, at: [at(0)] }];
  const offset = b.emit({ body: "sub", dtype: "i64", out, loads });
  return circular ? map(b, "mod", "i64", offset, b.scalar("i64", size)) : offset;
}

/** r(exact sum over the kernel) + bias, then x · sigmoid(x) if asked; outputs the last k - 1 positions too. */
function causalConv(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [x, weight, bias, past] = [inputs.at(0), inputs.at(1), inputs.optional(2), inputs.optional(3)];
  needFloat(x);
  for (const value of [weight, bias, past]) if (value !== undefined) sameDtype(x, value);
  const activation = attributes.string("activation") ?? "none";
  if (!["none", "silu", "swish"].includes(activation))
    throw new ModelError("MALFORMED", `activation "${activation}"`);
  const [batch = 0, channels = 0, length = 0] = x.shape;
  const kernel = weight.shape[2] ?? 0;
  if (x.shape.length !== 3 || weight.shape.join() !== [channels, 1, kernel].join() || kernel < 1)
    throw new ModelError("MALFORMED", `a kernel of shape [${weight.shape.join(", ")}]`);
  if (bias !== undefined && bias.shape.join() !== String(channels))
    throw new ModelError("MALFORMED", `a bias of shape [${bias.shape.join(", ")}]`);
  const stateShape = [batch, channels, kernel - 1];
  if (past !== undefined && past.shape.join() !== stateShape.join())
    throw new ModelError("MALFORMED", `a past_state of shape [${past.shape.join(", ")}]`);
  const state = past ?? view.expand(b.scalar(x.dtype, 0), stateShape);
  const parts = [state, x].filter((part) => !view.isEmpty(part));
  const padded = parts.length === 0 ? x : concat(b, parts, 2);
  const convolved = b.emit({
    body: "mul",
    fold: "sum",
    dtype: x.dtype,
    out: [batch, channels, length],
    red: [kernel],
    loads: [
      {
        value: padded,
        at: [
          at(0),
          at(1),
          affine([
            [2, 1],
            [3, 1],
          ]),
        ],
      },
      { value: weight, at: [at(1), affine([]), at(3)] },
    ],
  });
  const shifted = bias === undefined ? convolved : map(b, "add", x.dtype, convolved, unsqueeze(bias, [1]));
  const y = activation === "none" ? shifted : inFloat32(b, shifted, (wide) => swish(b, wide, 1));
  return [y, slice(b, padded, 2, length, kernel - 1)];
}

interface Recurrence {
  /** [batch, steps, key heads, queries of a head, key size]. */
  readonly q: Value;
  /** [batch, steps, key heads, key size, 1]. */
  readonly k: Value;
  /** [batch, steps, key heads, 1, value size]. */
  readonly v: Value;
  /** Factor of the state: [batch, steps, key heads, key size or 1, 1]. */
  readonly decay: Value | undefined;
  /** Of the delta rule: [batch, steps, key heads or 1, 1, 1]. */
  readonly beta: Value | undefined;
  /** [batch, key heads, key size, value size]. */
  readonly state: Value;
}

/** The state after all steps, and q·state of each: [batch, steps, key heads, queries of a head, value size]. */
function recur(
  b: Builder,
  { q, k, v, decay, beta, state: first }: Recurrence,
): { state: Value; read: Value } {
  const steps = q.shape[1] ?? 0;
  const dot = (x: Value, y: Value) => matmul(b, "f32", { value: x, zero: 0 }, { value: y, zero: 0 });
  let state = first;
  const reads: Value[] = [];
  for (let t = 0; t < steps; t++) {
    const now = (x: Value) => squeeze(slice(b, x, 1, t, 1), [1]);
    const key = now(k);
    if (decay !== undefined) state = map(b, "mul", "f32", state, now(decay));
    let written = now(v);
    if (beta !== undefined) {
      const recalled = dot(view.transpose(key, [0, 1, 3, 2]), state);
      written = map(b, "mul", "f32", now(beta), map(b, "sub", "f32", written, recalled));
    }
    state = map(b, "fma", "f32", key, written, state);
    reads.push(unsqueeze(dot(now(q), state), [1]));
  }
  return { state, read: concat(b, reads, 1) };
}

const UPDATE_RULES: Readonly<Record<string, { gated: boolean; delta: boolean }>> = {
  linear: { gated: false, delta: false },
  gated: { gated: true, delta: false },
  delta: { gated: false, delta: true },
  gated_delta: { gated: true, delta: true },
};

/** state = exp(decay)·state + k⊗v, or of the delta rule k⊗beta·(v - k·state); output scale·q·state, all in f32. */
function linearAttention(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [query, key, value] = [inputs.at(0), inputs.at(1), inputs.at(2)];
  const [past, decay, beta] = [inputs.optional(3), inputs.optional(4), inputs.optional(5)];
  const name = attributes.string("update_rule") ?? "gated_delta";
  const update = Object.hasOwn(UPDATE_RULES, name) ? UPDATE_RULES[name] : undefined;
  if (update === undefined) throw new ModelError("MALFORMED", `update_rule "${name}"`);
  if ((decay !== undefined) !== update.gated || (beta !== undefined) !== update.delta)
    throw new ModelError("MALFORMED", `update_rule "${name}" with or without decay or beta`);
  const [batch = 0, steps = 0, width = 0] = query.shape;
  for (const x of [query, key, value, decay, beta]) {
    if (x === undefined) continue;
    needFloat(x);
    sameDtype(query, x);
    if (x.shape.length !== 3 || x.shape[0] !== batch || x.shape[1] !== steps)
      throw new ModelError("MALFORMED", `a tensor of shape [${x.shape.join(", ")}]`);
  }
  const [heads, keyHeads] = [attributes.int("q_num_heads") ?? 0, attributes.int("kv_num_heads") ?? 0];
  const [size, valueSize, each] = [width / heads, (value.shape[2] ?? 0) / keyHeads, heads / keyHeads];
  if (
    heads < 1 ||
    keyHeads < 1 ||
    ![size, valueSize, each].every(Number.isInteger) ||
    key.shape[2] !== keyHeads * size
  )
    throw new ModelError("MALFORMED", `${heads} heads of queries and ${keyHeads} of keys`);
  if (view.isEmpty(query) || view.isEmpty(value)) throw new ModelError("UNSUPPORTED_USE", "empty tensors");
  if (steps > MAX_STEPS) throw new ModelError("TOO_LARGE", `a recurrence of ${steps} steps`);
  const stateShape = [batch, keyHeads, size, valueSize];
  if (past !== undefined) {
    needFloat(past);
    if (past.shape.join() !== stateShape.join())
      throw new ModelError("MALFORMED", `a past_state of shape [${past.shape.join(", ")}]`);
  }
  const apart = (x: Value, ...tail: readonly number[]) =>
    cast(b, reshape(b, x, [batch, steps, ...tail]), "f32");
  const byKey = (x: Value) => apart(x, keyHeads, x.shape[2] === keyHeads ? 1 : size, 1);
  const byHead = (x: Value) => apart(x, x.shape[2] === 1 ? 1 : keyHeads, 1, 1);
  const { state, read } = recur(b, {
    q: apart(query, keyHeads, each, size),
    k: apart(key, keyHeads, size, 1),
    v: apart(value, keyHeads, 1, valueSize),
    decay: decay && map(b, "exp", "f32", byKey(decay)),
    beta: beta && byHead(beta),
    state: cast(b, past ?? view.expand(b.scalar("f32", 0), stateShape), "f32"),
  });
  const given = attributes.float("scale") ?? 0;
  const scale = b.scalar("f32", given === 0 ? 1 / Math.sqrt(size) : given);
  const y = reshape(b, map(b, "mul", "f32", read, scale), [batch, steps, heads * valueSize]);
  return [cast(b, y, query.dtype), cast(b, state, (past ?? query).dtype)];
}

export const STATEFUL: RuleTable = {
  TensorScatter: rule(24, ["axis", "mode"], tensorScatter),
  CausalConvWithState: rule(27, ["activation"], causalConv),
  LinearAttention: rule(
    27,
    ["chunk_size", "kv_num_heads", "q_num_heads", "scale", "update_rule"],
    linearAttention,
  ),
};

/** Matrix products, attention, recurrence, and control flow around them. */
import type { DTypeName } from "../../dtype.ts";
import { graphProto, info, node, scalar as scalarTensor } from "../onnx.ts";
import { FLOATS, scalar, type Maker, type Makers } from "./draw.ts";

const matmul: Maker = (d) => {
  const name = d.pick([...FLOATS, "f32", "i32", "i64"] as const);
  const [rows = 1, inner = 1, columns = 1, batch = 1] = d.dims(4);
  const [x, y] = d.pick([
    [
      [rows, inner],
      [inner, columns],
    ],
    [[inner], [inner, columns]],
    [[rows, inner], [inner]],
    [[inner], [inner]],
    [
      [batch, rows, inner],
      [inner, columns],
    ],
    [
      [batch, 1, rows, inner],
      [2, inner, columns],
    ],
  ] as const);
  return { inputs: [d.any(name, x), d.any(name, y)], outputs: [name] };
};

const gemm: Maker = (d, opset) => {
  const name = d.float();
  const [rows = 1, inner = 1, columns = 1] = d.dims(3);
  const [transA, transB] = [d.flag(), d.flag()];
  const c = d.any(name, d.narrower([rows, columns]));
  return {
    inputs: [
      d.any(name, transA === 1 ? [inner, rows] : [rows, inner]),
      d.any(name, transB === 1 ? [columns, inner] : [inner, columns]),
      opset < 11 ? c : d.optional(c),
    ],
    outputs: [name],
    attributes: { transA, transB, alpha: d.optional(d.number()), beta: d.optional(d.number()) },
  };
};

const matmulInteger: Maker = (d) => {
  const [rows = 1, inner = 1, columns = 1] = d.dims(3);
  const [x, y] = [d.pick(["u8", "i8"] as const), d.pick(["u8", "i8"] as const)];
  const zero = d.any(y, d.chance(0.5) ? [] : [columns]);
  return {
    inputs: [d.any(x, [rows, inner]), d.any(y, [inner, columns]), d.optional(d.any(x, [])), d.optional(zero)],
    outputs: ["i32"],
  };
};

const fusedMatmul: Maker = (d) => {
  const name = d.float();
  const [rows = 1, inner = 1, columns = 1, batch = 1] = d.dims(4);
  const [transA, transB] = [d.flag(), d.flag()];
  return {
    inputs: [
      d.any(name, [batch, ...(transA === 1 ? [inner, rows] : [rows, inner])]),
      d.any(name, [batch, ...(transB === 1 ? [columns, inner] : [inner, columns])]),
    ],
    outputs: [name],
    attributes: { transA, transB, alpha: d.optional(d.number()) },
  };
};

const EQUATIONS: readonly (readonly [string, readonly string[]])[] = [
  ["ij,jk->ik", ["ij", "jk"]],
  ["ij,jk", ["ij", "jk"]],
  ["bij,bjk->bik", ["bij", "bjk"]],
  ["ii->i", ["ii"]],
  ["ij->ji", ["ij"]],
  ["ij->", ["ij"]],
  ["i,j->ij", ["i", "j"]],
  ["ij,ij->i", ["ij", "ij"]],
  ["ij,jk,kb->ib", ["ij", "jk", "kb"]],
];

const einsum: Maker = (d) => {
  const name = d.pick([...FLOATS, "i32", "i64"] as const);
  const [equation, operands] = d.pick(EQUATIONS);
  const sizes = new Map(["i", "j", "k", "b"].map((letter) => [letter, d.int(1, 3)]));
  const shape = (letters: string) => Array.from(letters, (letter) => sizes.get(letter) ?? 1);
  return {
    inputs: operands.map((letters) => d.any(name, shape(letters))),
    outputs: [name],
    attributes: { equation },
  };
};

const det: Maker = (d) => {
  const name = d.float();
  const size = d.int(1, 3);
  return { inputs: [d.any(name, [...d.shape(0, 2, 2), size, size])], outputs: [name] };
};

const attention: Maker = (d, opset) => {
  const name = d.float();
  const [batch, keyHeads, times, queries, keys, size, valueSize] = [
    ...[d.int(1, 2), d.int(1, 2), d.int(1, 2), d.int(1, 3), d.int(1, 3), d.int(1, 3), d.int(1, 2)],
  ] as [number, number, number, number, number, number, number];
  const heads = keyHeads * times;
  const packed = d.chance(0.4);
  const of = (count: number, length: number, width: number) =>
    d.any(name, packed ? [batch, length, count * width] : [batch, count, length, width]);
  const past = d.chance(0.3) ? d.int(1, 2) : 0;
  const total = past + keys;
  const mask = d.chance(0.4) ? d.any(d.pick(["bool", name]), [queries, total]) : undefined;
  const inputs = [of(heads, queries, size), of(keyHeads, keys, size), of(keyHeads, keys, valueSize), mask];
  if (past > 0)
    inputs.push(d.any(name, [batch, keyHeads, past, size]), d.any(name, [batch, keyHeads, past, valueSize]));
  else if (opset >= 24 && d.chance(0.3)) inputs.push(undefined, undefined, d.mild("i64", [batch], 1, keys));
  const windows = opset >= 25 ? { left_window_size: d.optional(d.int(-1, 2)) } : {};
  return {
    inputs,
    outputs: d.chance(0.3) ? [name, name, name, name] : [name],
    attributes: {
      ...(packed ? { q_num_heads: heads, kv_num_heads: keyHeads } : {}),
      is_causal: d.flag(),
      scale: d.optional(d.number(0.1, 1)),
      softcap: d.optional(d.number(1, 3)),
      qk_matmul_output_mode: d.int(0, 3),
      softmax_precision: d.optional(d.pick([1, 10, 16])),
      ...windows,
    },
  };
};

const flex: Maker = (d) => {
  const name = d.float();
  const [batch = 1, heads = 1, queries = 1, keys = 1, size = 1] = d.dims(5, 2);
  const of = (length: number) => d.any(name, [batch, heads, length, size]);
  return {
    inputs: [of(queries), of(keys), of(keys)],
    outputs: [name],
    attributes: { scale: d.optional(d.number(0.1, 1)), softmax_precision: d.optional(d.pick([1, 10, 16])) },
  };
};

const microsoftAttention: Maker = (d) => {
  const name = d.pick(["f32", "f16"] as const);
  const [batch = 1, length = 1, heads = 1, size = 1, width = 1] = d.dims(5, 2);
  const all = 3 * heads * size;
  const past = d.chance(0.3) ? 1 : 0;
  const keys = past + length;
  return {
    inputs: [
      d.any(name, [batch, length, width]),
      d.any(name, [width, all]),
      d.optional(d.any(name, [all])),
      d.optional(d.mild("i32", [batch, keys], 0, 1)),
      past === 0 ? undefined : d.any(name, [2, batch, heads, past, size]),
      d.optional(d.any(name, [batch, heads, length, keys])),
    ],
    outputs: d.chance(0.5) ? [name, name] : [name],
    attributes: { num_heads: heads, unidirectional: d.flag(), scale: d.optional(d.number(0.1, 1)) },
  };
};

const multiHead: Maker = (d) => {
  const name = d.pick(["f32", "f16"] as const);
  const [batch = 1, queries = 1, keys = 1, heads = 1, size = 1] = d.dims(5, 2);
  const width = heads * size;
  return {
    inputs: [
      d.any(name, [batch, queries, width]),
      d.any(name, [batch, keys, width]),
      d.any(name, [batch, keys, width]),
      d.optional(d.any(name, [3 * width])),
      d.optional(d.mild("i32", [batch, keys], 0, 1)),
      d.optional(d.any(name, [1, heads, queries, keys])),
    ],
    outputs: [name],
    attributes: {
      num_heads: heads,
      unidirectional: d.flag(),
      mask_filter_value: d.optional(d.number(-99, -9)),
    },
  };
};

const groupQuery: Maker = (d) => {
  const name = d.pick(["f32", "f16"] as const);
  const [batch = 1, length = 1, keyHeads = 1, times = 1] = d.dims(4, 2);
  const [size, past] = [2 * d.int(1, 2), d.int(0, 2)];
  const total = past + length;
  const kv = () => d.any(name, [batch, length, keyHeads * size]);
  const cache = () => (past === 0 ? undefined : d.any(name, [batch, keyHeads, past, size]));
  const turned = d.flag();
  const table = () => d.any(name, [total + 1, size / 2]);
  return {
    inputs: [
      d.any(name, [batch, length, keyHeads * times * size]),
      kv(),
      kv(),
      cache(),
      cache(),
      d.mild("i32", [batch], total - 1, total - 1),
      scalar("i32", total),
      ...(turned === 1 ? [table(), table()] : []),
    ],
    outputs: [name, name, name],
    attributes: {
      num_heads: keyHeads * times,
      kv_num_heads: keyHeads,
      do_rotary: turned,
      rotary_interleaved: d.flag(),
      softcap: d.optional(d.number(1, 3)),
      local_window_size: d.optional(d.int(1, 3)),
    },
    known: [5, 6],
  };
};

const rotary: Maker = (d) => {
  const name = d.float();
  const [batch = 1, heads = 1, length = 1] = d.dims(3, 3);
  const half = d.int(1, 2);
  const packed = d.chance(0.5);
  const by = d.chance(0.5);
  const table = by ? [length + 1, half] : [batch, length, half];
  return {
    inputs: [
      d.any(name, packed ? [batch, length, heads * 2 * half] : [batch, heads, length, 2 * half]),
      d.any(name, table),
      d.any(name, table),
      by ? d.mild("i64", [batch, length], 0, length) : undefined,
    ],
    outputs: [name],
    attributes: { interleaved: d.flag(), ...(packed ? { num_heads: heads } : {}) },
  };
};

const microsoftRotary: Maker = (d) => {
  const name = d.float();
  const [batch = 1, heads = 1, length = 1] = d.dims(3, 3);
  const half = d.int(1, 2);
  const table = () => d.any(name, [length + 2, half]);
  return {
    inputs: [
      d.any(name, d.chance(0.5) ? [batch, length, heads * 2 * half] : [batch, heads, length, 2 * half]),
      d.chance(0.5) ? d.mild("i64", [1], 0, 1) : d.mild("i64", [batch, length], 0, length),
      table(),
      table(),
    ],
    outputs: [name],
    attributes: { interleaved: d.flag() },
  };
};

function recurrent(gates: number, states: number, activations: readonly string[]): Maker {
  return (d, opset) => {
    const name = d.pick(["f32", "f32", "f16", "bf16"] as const);
    const direction = d.pick(["forward", "reverse", "bidirectional"]);
    const [directions, steps, batch, features, hidden] = [
      ...[direction === "bidirectional" ? 2 : 1, d.int(1, 3), d.int(1, 2), d.int(1, 2), d.int(1, 2)],
    ] as [number, number, number, number, number];
    const layout = opset >= 14 ? d.flag() : 0;
    const lengths = layout === 0 ? d.optional(d.mild("i32", [batch], 1, steps), 0.3) : undefined;
    const initial = () =>
      d.optional(d.any(name, layout === 1 ? [batch, directions, hidden] : [directions, batch, hidden]), 0.4);
    const small = (shape: readonly number[]) =>
      d.chance(0.5) ? d.any(name, shape) : d.mild(name, shape, -1, 1);
    const peepholes = states === 2 ? [d.optional(small([directions, 3 * hidden]), 0.3)] : [];
    return {
      inputs: [
        small(layout === 1 ? [batch, steps, features] : [steps, batch, features]),
        small([directions, gates * hidden, features]),
        small([directions, gates * hidden, hidden]),
        d.optional(small([directions, 2 * gates * hidden])),
        lengths,
        ...Array.from({ length: states }, initial),
        ...peepholes,
      ],
      outputs: Array.from({ length: states + 1 }, () => name).slice(0, d.int(1, states + 1)),
      attributes: {
        hidden_size: hidden,
        direction,
        clip: d.optional({ float: 3 }, 0.3),
        ...(layout === 1 ? { layout } : {}),
        ...(gates === 3 ? { linear_before_reset: d.flag() } : {}),
        ...(gates === 4 ? { input_forget: d.flag() } : {}),
        ...(d.chance(0.3)
          ? { activations: { strings: Array.from({ length: directions }, () => activations).flat() } }
          : {}),
      },
    };
  };
}

const causalConv: Maker = (d) => {
  const name = d.float();
  const [batch = 1, channels = 1, length = 1, kernel = 1] = d.dims(4, 3);
  return {
    inputs: [
      d.any(name, [batch, channels, length]),
      d.any(name, [channels, 1, kernel]),
      d.optional(d.any(name, [channels])),
      kernel === 1 ? undefined : d.optional(d.any(name, [batch, channels, kernel - 1])),
    ],
    outputs: kernel > 1 && d.chance(0.5) ? [name, name] : [name],
    attributes: { activation: d.optional(d.pick(["none", "silu", "swish"])) },
  };
};

const linearAttention: Maker = (d) => {
  const name = d.float();
  const [batch = 1, steps = 1, keyHeads = 1, times = 1, size = 1, valueSize = 1] = d.dims(6, 2);
  const rule = d.pick(["linear", "gated", "delta", "gated_delta"]);
  const of = (width: number) => d.any(name, [batch, steps, width]);
  return {
    inputs: [
      of(keyHeads * times * size),
      of(keyHeads * size),
      of(keyHeads * valueSize),
      d.optional(d.any(name, [batch, keyHeads, size, valueSize])),
      rule.startsWith("gated") ? of(d.pick([keyHeads, keyHeads * size])) : undefined,
      rule.endsWith("delta") ? of(d.pick([1, keyHeads])) : undefined,
    ],
    outputs: d.chance(0.5) ? [name, name] : [name],
    attributes: { q_num_heads: keyHeads * times, kv_num_heads: keyHeads, update_rule: rule },
  };
};

/** A branch or body of one node over what is outside. */
const branch = (name: DTypeName, operator: string, inputs: readonly string[]) =>
  graphProto({ nodes: [node(operator, inputs, ["r"])], inputs: [], outputs: [info("r", name)] });

const condition: Maker = (d) => {
  const name = d.float();
  const shape = d.shape();
  // Inputs 1 and 2 are only there for the branches, which name them.
  const branches = {
    then_branch: branch(name, "Add", ["x0c", "x0c"]),
    else_branch: branch(name, "Neg", ["x0c"]),
  };
  const constants = { x0c: d.any(name, shape) };
  const withConstant = (graph: (typeof branches)["then_branch"]) => {
    const { initializer } = graphProto({ nodes: [], inputs: [], outputs: [], constants });
    return { ...graph, initializer };
  };
  return {
    inputs: [d.any("bool", [])],
    outputs: [name],
    attributes: {
      then_branch: withConstant(branches.then_branch),
      else_branch: withConstant(branches.else_branch),
    },
  };
};

const loop: Maker = (d) => {
  const name = d.float();
  const shape = d.shape(0, 2, 3);
  const body = graphProto({
    nodes: [node("Mul", ["s", "s"], ["t"]), node("Add", ["t", "k"], ["u"]), node("Identity", ["c"], ["e"])],
    inputs: [info("i", "i64", []), info("c", "bool", []), info("s", name, shape)],
    outputs: [info("e", "bool"), info("u", name), info("t", name)],
    constants: { k: d.any(name, shape) },
  });
  return {
    inputs: [scalar("i64", d.int(1, 3)), scalarTensor("bool", 1), d.any(name, shape)],
    outputs: [name, name],
    attributes: { body },
    known: [0, 1],
  };
};

const scan: Maker = (d, opset) => {
  const name = d.float();
  const [state, count] = [d.shape(0, 1, 3), d.int(1, 3)];
  const body = graphProto({
    nodes: [node("Add", ["s", "x"], ["t"]), node("Tanh", ["t"], ["y"])],
    inputs: [info("s", name, state), info("x", name, state)],
    outputs: [info("t", name), info("y", name)],
  });
  const batch = opset < 9 ? [d.int(1, 2)] : [];
  const inputs = [d.any(name, [...batch, ...state]), d.any(name, [...batch, count, ...state])];
  return {
    inputs: opset < 9 ? [undefined, ...inputs] : inputs,
    outputs: [name, name],
    attributes: { body, num_scan_inputs: 1 },
  };
};

export const MATRIX: Makers = {
  MatMul: matmul,
  Gemm: gemm,
  MatMulInteger: matmulInteger,
  "com.microsoft:FusedMatMul": fusedMatmul,
  Einsum: einsum,
  Det: det,
  Attention: attention,
  "ai.onnx.preview:FlexAttention": flex,
  "com.microsoft:Attention": microsoftAttention,
  "com.microsoft:MultiHeadAttention": multiHead,
  "com.microsoft:GroupQueryAttention": groupQuery,
  RotaryEmbedding: rotary,
  "com.microsoft:RotaryEmbedding": microsoftRotary,
  RNN: recurrent(1, 1, ["Relu"]),
  GRU: recurrent(3, 1, ["HardSigmoid", "Softsign"]),
  LSTM: recurrent(4, 2, ["Sigmoid", "Elu", "Softplus"]),
  CausalConvWithState: causalConv,
  LinearAttention: linearAttention,
  If: condition,
  Loop: loop,
  Scan: scan,
};

/** Operators along axes: reductions, norms, sorting, losses. */
import type { DTypeName } from "../../dtype.ts";
import { FLOATS, INTEGERS, i64, scalar, type Draw, type Maker, type Makers } from "./draw.ts";

const WIDE = [...FLOATS, ...FLOATS, "i32", "u32", "i64", "u64"] as const;

/** Axes are an attribute before opset `byInput`. */
function reduction(byInput: number, types: readonly DTypeName[]): Maker {
  return (d, opset) => {
    const name = d.pick(types);
    const shape = d.shape(1, 4);
    const axes = d.optional(d.axes(shape.length), 0.8);
    const positive = axes?.map((axis) => (axis < 0 && opset < 11 ? axis + shape.length : axis));
    const x = d.any(name, shape);
    const keepdims = d.optional(d.flag());
    if (opset < byInput) return { inputs: [x], outputs: [name], attributes: { axes: positive, keepdims } };
    const attributes = { keepdims, noop_with_empty_axes: d.optional(d.flag()) };
    return { inputs: [x, axes && i64(...axes)], outputs: [name], attributes, known: [1] };
  };
}

const arg: Maker = (d, opset) => {
  const shape = d.shape(1);
  const axis = opset < 11 ? d.int(0, shape.length - 1) : d.axis(shape.length);
  const last = opset >= 12 ? { select_last_index: d.flag() } : {};
  return {
    inputs: [d.any(d.pick([...FLOATS, ...INTEGERS]), shape)],
    outputs: ["i64"],
    attributes: { axis, keepdims: d.flag(), ...last },
  };
};

const alongAxis: Maker = (d, opset) => {
  const name = d.float();
  const shape = d.shape(1);
  const axis = opset < 11 ? d.int(0, shape.length - 1) : d.axis(shape.length);
  return { inputs: [d.any(name, shape)], outputs: [name], attributes: { axis } };
};

const cumulative: Maker = (d) => {
  const name = d.pick(WIDE);
  const shape = d.shape(1, 3, 5);
  return {
    inputs: [d.any(name, shape), scalar("i64", d.axis(shape.length))],
    outputs: [name],
    attributes: { exclusive: d.flag(), reverse: d.flag() },
    known: [1],
  };
};

const topK: Maker = (d, opset) => {
  const name = d.pick(opset < 11 ? FLOATS : [...FLOATS, ...INTEGERS]);
  const shape = d.shape(1, 3, 6);
  const axis = opset < 11 ? d.int(0, shape.length - 1) : d.axis(shape.length);
  const k = d.int(1, shape.at(axis) ?? 1);
  const x = d.any(name, shape);
  const outputs: DTypeName[] = [name, "i64"];
  if (opset < 10) return { inputs: [x], outputs, attributes: { axis, k } };
  const order = opset >= 11 ? { largest: d.flag(), sorted: 1 } : {};
  return { inputs: [x, i64(k)], outputs, attributes: { axis, ...order }, known: [1] };
};

const epsilon = (d: Draw) => d.optional(d.number(0, 0.01));

/** X [N, C, ...] and vectors over C. */
function perChannel(vectors: number, attributes: (d: Draw) => Record<string, unknown> = () => ({})): Maker {
  return (d) => {
    const name = d.float();
    const shape = [...d.dims(2, 3), ...d.shape(1, 2)];
    const own = Array.from({ length: vectors }, () => d.any(name, [shape[1] ?? 1]));
    return {
      inputs: [d.any(name, shape), ...own],
      outputs: [name],
      attributes: { epsilon: epsilon(d), ...(attributes(d) as object) },
    };
  };
}

const layerNorm =
  (bias: boolean): Maker =>
  (d) => {
    const name = d.float();
    const shape = d.shape(1);
    const axis = d.axis(shape.length);
    const own = shape.slice(axis);
    const vectors = [d.any(name, own), ...(bias && d.chance(0.5) ? [d.any(name, own)] : [])];
    return {
      inputs: [d.any(name, shape), ...vectors],
      outputs: [name],
      attributes: { axis, epsilon: epsilon(d) },
    };
  };

const groupNorm: Maker = (d, opset) => {
  const name = d.float();
  const groups = d.int(1, 3);
  const channels = groups * d.int(1, 2);
  const vector = [opset < 21 ? groups : channels];
  return {
    inputs: [
      d.any(name, [d.int(1, 2), channels, ...d.shape(1, 2, 3)]),
      d.any(name, vector),
      d.any(name, vector),
    ],
    outputs: [name],
    attributes: { num_groups: groups, epsilon: epsilon(d) },
  };
};

const meanVariance: Maker = (d) => {
  const name = d.float();
  return {
    inputs: [d.any(name, d.dims(4, 3))],
    outputs: [name],
    attributes: { axes: d.optional(d.axes(4)) },
  };
};

const lrn: Maker = (d) => {
  const name = d.float();
  return {
    inputs: [d.any(name, d.dims(4, 4))],
    outputs: [name],
    attributes: {
      size: d.pick([1, 3, 5]),
      alpha: d.optional(d.number(0, 1)),
      beta: d.optional(d.number(0, 1)),
      bias: d.optional(d.number(1, 2)),
    },
  };
};

const lpNorm: Maker = (d, opset) => {
  const made = alongAxis(d, opset);
  return { ...made, attributes: { ...made.attributes, p: d.int(1, 2) } };
};

const loss =
  (softmax: boolean): Maker =>
  (d) => {
    const name = d.float();
    const classes = d.int(1, 4);
    const [n, ...rest] = d.dims(d.int(1, 2), 3);
    const target = d.mild(d.pick(["i32", "i64"]), [n ?? 1, ...rest], 0, classes - 1);
    const attributes = {
      reduction: d.optional(d.pick(["none", "sum", "mean"])),
      ignore_index: d.optional(d.int(-1, classes - 1)),
    };
    const inputs = [d.any(name, [n ?? 1, classes, ...rest]), target, d.optional(d.any(name, [classes]))];
    return { inputs, outputs: softmax && d.chance(0.5) ? [name, name] : [name], attributes };
  };

const skipNorm =
  (simplified: boolean): Maker =>
  (d) => {
    const name = d.float();
    const shape = d.shape(2, 3);
    const vector = () => d.any(name, shape.slice(-1));
    const skip = shape.length === 3 && d.chance(0.3) ? shape.slice(1) : shape;
    const rest = simplified ? [d.optional(vector())] : [d.optional(vector()), d.optional(vector())];
    return {
      inputs: [d.any(name, shape), d.any(name, skip), vector(), ...rest],
      outputs: [name],
      attributes: { epsilon: epsilon(d) },
    };
  };

const embedNorm: Maker = (d) => {
  const name = d.float();
  const [batch = 1, length = 1, width = 1] = d.dims(3);
  const ids = (rows: number) => d.mild("i32", [batch, length], 0, rows - 1);
  const segments = d.chance(0.5);
  return {
    inputs: [
      ids(5),
      segments ? ids(2) : undefined,
      d.any(name, [5, width]),
      d.any(name, [length + 1, width]),
      segments ? d.any(name, [2, width]) : undefined,
      d.any(name, [width]),
      d.any(name, [width]),
      d.optional(ids(2)),
    ],
    outputs: [name, "i32"],
    attributes: { epsilon: epsilon(d) },
  };
};

/** f32 tensors: rate, count, then values, gradients and states. */
function optimiser(states: number, attributes: (d: Draw) => Record<string, unknown>): Maker {
  return (d) => {
    const shapes = Array.from({ length: d.int(1, 2) }, () => d.shape());
    const group = () => shapes.map((shape) => d.any("f32", shape));
    const groups = Array.from({ length: states + 2 }, group).flat();
    return {
      inputs: [d.any("f32", []), d.mild("i64", [], 0, 9), ...groups],
      outputs: Array.from({ length: (states + 1) * shapes.length }, () => "f32"),
      attributes: attributes(d) as Record<string, { float: number }>,
    };
  };
}

const TRAINING = "ai.onnx.preview.training";
const coefficient = (d: Draw) => ({ norm_coefficient: d.number(0, 1), epsilon: epsilon(d) });
const both = (names: readonly string[], maker: Maker): Makers =>
  Object.fromEntries(names.map((name) => [name, maker]));

export const REDUCTION: Makers = {
  ReduceSum: reduction(13, WIDE),
  ...both(["ReduceMean", "ReduceProd", "ReduceSumSquare", "ReduceL1"], reduction(18, WIDE)),
  ...both(["ReduceMax", "ReduceMin"], reduction(18, [...WIDE, "u8", "i8"])),
  ...both(["ReduceL2", "ReduceLogSum", "ReduceLogSumExp"], reduction(18, FLOATS)),
  ...both(["ArgMax", "ArgMin"], arg),
  ...both(["Softmax", "LogSoftmax", "Hardmax"], alongAxis),
  ...both(["CumSum", "CumProd"], cumulative),
  TopK: topK,
  BatchNormalization: perChannel(4, (d) => ({ momentum: d.optional(d.number(0, 1)) })),
  InstanceNormalization: perChannel(2),
  LayerNormalization: layerNorm(true),
  ...both(["RMSNormalization", "SimplifiedLayerNormalization"], layerNorm(false)),
  GroupNormalization: groupNorm,
  MeanVarianceNormalization: meanVariance,
  LpNormalization: lpNorm,
  LRN: lrn,
  NegativeLogLikelihoodLoss: loss(false),
  SoftmaxCrossEntropyLoss: loss(true),
  "com.microsoft:SkipLayerNormalization": skipNorm(false),
  "com.microsoft:SkipSimplifiedLayerNormalization": skipNorm(true),
  "com.microsoft:EmbedLayerNormalization": embedNorm,
  [`${TRAINING}:Adagrad`]: optimiser(1, (d) => ({ ...coefficient(d), decay_factor: d.number(0, 1) })),
  [`${TRAINING}:Adam`]: optimiser(2, (d) => ({
    ...coefficient(d),
    alpha: d.number(0, 1),
    beta: d.number(0, 1),
    norm_coefficient_post: d.number(0, 1),
  })),
  [`${TRAINING}:Momentum`]: optimiser(1, (d) => ({
    norm_coefficient: d.number(0, 1),
    alpha: d.number(0, 1),
    beta: d.number(0, 1),
    mode: d.pick(["standard", "nesterov"]),
  })),
};

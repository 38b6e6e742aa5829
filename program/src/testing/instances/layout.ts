/** Operators that move, pick, join or make elements. */
import { product } from "../../instruction.ts";
import type { DTypeName } from "../../dtype.ts";
import { tensor, type TestTensor } from "../onnx.ts";
import { ALL, CODES, FLOATS, INTEGERS, i64, scalar, type Draw, type Maker, type Makers } from "./draw.ts";

const anyType = (d: Draw): DTypeName => d.pick(["f32", ...ALL]);

/** Indices of 0..size-1 or their negative forms, a few beyond where nothing refuses those. */
function indices(d: Draw, shape: readonly number[], size: number, type: "i64" | "i32" = "i64"): TestTensor {
  return d.mild(type, shape, d.chance(0.5) ? -size : 0, size - 1);
}

const reshape: Maker = (d, opset) => {
  const name = anyType(d);
  const shape = d.shape(1);
  const target = d.shuffled(shape);
  if (d.chance(0.5)) target[d.int(0, target.length - 1)] = -1;
  const attributes = opset >= 14 ? { attributes: { allowzero: d.optional(d.flag()) } } : {};
  return { inputs: [d.any(name, shape), i64(...target)], outputs: [name], known: [1], ...attributes };
};

const flatten: Maker = (d, opset) => {
  const name = anyType(d);
  const shape = d.shape(opset < 11 ? 1 : 0);
  const axis = opset < 11 ? d.int(0, shape.length) : d.int(-shape.length, shape.length);
  return { inputs: [d.any(name, shape)], outputs: [name], attributes: { axis } };
};

const transpose: Maker = (d) => {
  const name = anyType(d);
  const shape = d.shape(0, 4);
  const perm = d.optional(d.shuffled(shape.map((_, k) => k)));
  return { inputs: [d.any(name, shape)], outputs: [name], attributes: { perm } };
};

/** Axes as an attribute or from opset 13 on as an input. */
function withAxes(x: TestTensor, axes: readonly number[] | undefined, opset: number) {
  if (opset < 13) return { inputs: [x], outputs: [x.dtype], attributes: { axes } };
  return { inputs: [x, axes && i64(...axes)], outputs: [x.dtype], known: [1] };
}

const squeeze: Maker = (d, opset) => {
  const shape = d.shape(1, 4).map((size) => (d.chance(0.5) ? 1 : size));
  const ones = shape.flatMap((size, k) => (size === 1 ? [k] : []));
  const axes = ones.length > 0 && d.chance(0.7) ? ones.filter((_, k) => k === 0 || d.chance(0.5)) : undefined;
  return withAxes(d.any(anyType(d), shape), axes, opset);
};

const unsqueeze: Maker = (d, opset) => {
  const shape = d.shape();
  const count = d.int(1, 2);
  const axes = d.axes(shape.length + count, count).slice(0, count);
  return withAxes(
    d.any(anyType(d), shape),
    opset < 11 ? axes.map((a) => (a < 0 ? a + shape.length + count : a)) : axes,
    opset,
  );
};

const slice: Maker = (d, opset) => {
  const name = anyType(d);
  const shape = d.shape(1, 3, 6);
  const axes = d.axes(shape.length).map((axis) => (opset < 10 && axis < 0 ? axis + shape.length : axis));
  const parts = axes.map((axis) => {
    const size = shape.at(axis) ?? 1;
    const first = d.int(0, size - 1);
    const backwards = opset >= 10 && d.chance(0.4);
    const step = backwards ? -d.int(1, 3) : opset >= 10 ? d.int(1, 3) : 1;
    const end = backwards ? d.pick([-size - 1, first - size - 1]) : d.pick([first + 1, size, 2 ** 40]);
    return { start: d.chance(0.3) ? first - size : first, end, step };
  });
  const [starts, ends, steps] = [
    parts.map((p) => p.start),
    parts.map((p) => p.end),
    parts.map((p) => p.step),
  ];
  const x = d.any(name, shape);
  if (opset < 10) return { inputs: [x], outputs: [name], attributes: { starts, ends, axes } };
  return {
    inputs: [x, i64(...starts), i64(...ends), i64(...axes), i64(...steps)],
    outputs: [name],
    known: [1, 2, 3, 4],
  };
};

const split: Maker = (d, opset) => {
  const name = anyType(d);
  const shape = d.shape(1, 3, 3);
  const axis = opset < 11 ? d.int(0, shape.length - 1) : d.axis(shape.length);
  const count = d.int(1, 3);
  const parts = Array.from({ length: count }, () => d.int(1, 3));
  const even = opset < 18 && d.chance(0.4);
  const sizes = even ? parts.map(() => 2) : parts;
  const x = d.any(
    name,
    shape.with(
      axis,
      sizes.reduce((sum, size) => sum + size, 0),
    ),
  );
  const outputs = parts.map(() => name);
  if (even) return { inputs: [x], outputs, attributes: { axis } };
  if (opset < 13) return { inputs: [x], outputs, attributes: { axis, split: sizes } };
  return { inputs: [x, i64(...sizes)], outputs, attributes: { axis }, known: [1] };
};

const expand: Maker = (d) => {
  const name = anyType(d);
  const shape = d.shape(1);
  return { inputs: [d.any(name, d.narrower(shape)), i64(...shape)], outputs: [name], known: [1] };
};

const tile: Maker = (d) => {
  const name = anyType(d);
  const shape = d.shape(1, 3, 3);
  return { inputs: [d.any(name, shape), i64(...d.dims(shape.length, 3))], outputs: [name], known: [1] };
};

const identity: Maker = (d) => {
  const name = anyType(d);
  return { inputs: [d.any(name, d.shape())], outputs: [name] };
};

const dropout: Maker = (d, opset) => {
  const name = d.float();
  const x = d.any(name, d.shape());
  const outputs: DTypeName[] = opset >= 10 && d.chance(0.5) ? [name, "bool"] : [name];
  if (opset < 12) return { inputs: [x], outputs, attributes: { ratio: d.optional(d.number(0, 1)) } };
  return { inputs: [x, d.optional(scalar("f32", 0.5))], outputs, known: [1] };
};

const depthToSpace: Maker = (d, opset) => {
  const [name, blocksize] = [anyType(d), d.int(1, 3)];
  const shape = [d.int(1, 2), d.int(1, 2) * blocksize ** 2, d.int(1, 3), d.int(1, 3)];
  const mode = opset >= 11 ? { mode: d.optional(d.pick(["DCR", "CRD"])) } : {};
  return { inputs: [d.any(name, shape)], outputs: [name], attributes: { blocksize, ...mode } };
};

const spaceToDepth: Maker = (d) => {
  const [name, blocksize] = [anyType(d), d.int(1, 3)];
  const shape = [d.int(1, 2), d.int(1, 3), d.int(1, 2) * blocksize, d.int(1, 2) * blocksize];
  return { inputs: [d.any(name, shape)], outputs: [name], attributes: { blocksize } };
};

const concat: Maker = (d, opset) => {
  const name = anyType(d);
  const shape = d.shape(1);
  const axis = opset < 11 ? d.int(0, shape.length - 1) : d.axis(shape.length);
  const inputs = Array.from({ length: d.int(1, 4) }, () => d.any(name, shape.with(axis, d.int(1, 3))));
  return { inputs, outputs: [name], attributes: { axis } };
};

const pad: Maker = (d, opset) => {
  const name = opset < 11 ? d.float() : opset < 13 ? d.pick([...FLOATS, ...INTEGERS]) : anyType(d);
  const shape = d.dims(d.int(1, 3), 5);
  const modes = ["constant", "constant", "edge", "reflect", ...(opset >= 19 ? ["wrap"] : [])];
  const mode = d.pick(modes);
  const most = (size: number) => (mode === "reflect" ? Math.max(0, size - 1) : size);
  const side = () =>
    shape.map((size) => (d.chance(0.1) && size > 2 ? -1 : d.int(0, Math.min(2, most(size)))));
  const pads = [...side(), ...side()];
  const x = d.any(name, shape);
  if (opset < 11)
    return { inputs: [x], outputs: [name], attributes: { mode, pads, value: d.optional(d.number()) } };
  const value = mode === "constant" ? d.optional(d.any(name, [])) : undefined;
  return { inputs: [x, i64(...pads), value], outputs: [name], attributes: { mode }, known: [1] };
};

const gather: Maker = (d) => {
  const name = anyType(d);
  const shape = d.shape(1, 3, 5);
  const axis = d.axis(shape.length);
  const at = indices(d, d.shape(0, 2), shape.at(axis) ?? 1, d.pick(["i64", "i32"]));
  return { inputs: [d.any(name, shape), at], outputs: [name], attributes: { axis } };
};

const gatherElements: Maker = (d) => {
  const name = anyType(d);
  const shape = d.shape(1, 3, 5);
  const axis = d.axis(shape.length);
  const own = shape.map((size) => d.int(1, size)).with(axis, d.int(1, 6));
  const at = indices(d, own, shape.at(axis) ?? 1);
  return { inputs: [d.any(name, shape), at], outputs: [name], attributes: { axis } };
};

/** Tuples of indices, of as many axes as their last dimension says, each in range. */
function tuples(d: Draw, lead: readonly number[], sizes: readonly number[]): TestTensor {
  const values = Array.from({ length: product(lead) }, () =>
    sizes.map((size) => (d.chance(0.3) ? -d.int(1, size) : d.int(0, size - 1))),
  );
  return tensor("i64", [...lead, sizes.length], values.flat());
}

const gatherND: Maker = (d, opset) => {
  const name = anyType(d);
  const shape = d.shape(1, 4, 3);
  const batch = opset >= 12 && shape.length > 1 ? d.int(0, shape.length - 2) : 0;
  const sizes = shape.slice(batch, d.int(batch + 1, shape.length));
  const lead = [...shape.slice(0, batch), ...d.shape(batch === 0 ? 1 : 0, 1)];
  const attributes = opset >= 12 ? { attributes: { batch_dims: batch } } : {};
  return { inputs: [d.any(name, shape), tuples(d, lead, sizes)], outputs: [name], ...attributes };
};

const scatterElements: Maker = (d, opset) => {
  const name = d.pick([...FLOATS, "i32", "i64", "u8"] as const);
  const shape = d.shape(1, 3, 4);
  const axis = d.axis(shape.length);
  const own = shape.map((size) => d.int(1, size));
  const reductions = ["none", "add", "mul", ...(opset >= 18 ? ["min", "max"] : [])];
  const reduction = opset >= 16 ? { reduction: d.optional(d.pick(reductions)) } : {};
  return {
    inputs: [d.any(name, shape), indices(d, own, shape.at(axis) ?? 1), d.any(name, own)],
    outputs: [name],
    attributes: { axis, ...reduction },
  };
};

const scatterND: Maker = (d, opset) => {
  const name = d.pick([...FLOATS, "i32", "i64", "u8"] as const);
  const shape = d.shape(1, 3, 4);
  const depth = d.int(1, shape.length);
  const lead = d.shape(0, 2, 3);
  const reductions = ["none", "add", "mul", ...(opset >= 18 ? ["min", "max"] : [])];
  return {
    inputs: [
      d.any(name, shape),
      tuples(d, lead, shape.slice(0, depth)),
      d.any(name, [...lead, ...shape.slice(depth)]),
    ],
    outputs: [name],
    ...(opset >= 16 ? { attributes: { reduction: d.optional(d.pick(reductions)) } } : {}),
  };
};

const compress: Maker = (d) => {
  const name = anyType(d);
  const shape = d.shape(1, 3, 4);
  const axis = d.optional(d.axis(shape.length));
  const length = axis === undefined ? product(shape) : (shape.at(axis) ?? 1);
  const chosen = d.any("bool", [length]);
  chosen.data[d.int(0, length - 1)] = 1;
  return { inputs: [d.any(name, shape), chosen], outputs: [name], attributes: { axis }, known: [1] };
};

const nonZero: Maker = (d) => {
  const x = d.mild(d.pick(["f32", "i64", "bool", "u8"]), d.shape(1), 0, 1);
  x.data[x.data.length - 1] = 1;
  return { inputs: [x], outputs: ["i64"], known: [0] };
};

const unique: Maker = (d) => {
  const name = d.pick(["f32", "i64", "i32", "u8"] as const);
  const shape = d.shape(1, 2, 5);
  const attributes = { axis: d.optional(d.axis(shape.length)), sorted: d.flag() };
  return {
    inputs: [d.mild(name, shape, 0, 2)],
    outputs: [name, "i64", "i64", "i64"].slice(0, d.int(1, 4)) as DTypeName[],
    attributes,
    known: [0],
  };
};

const nonMaxSuppression: Maker = (d) => {
  const [batches, classes, count] = [d.int(1, 2), d.int(1, 2), d.int(2, 6)];
  return {
    inputs: [
      d.mild("f32", [batches, count, 4], 0, 4),
      d.mild("f32", [batches, classes, count], 0, 2),
      scalar("i64", d.int(1, 3)),
      scalar("f32", 0.5),
    ],
    outputs: ["i64"],
    attributes: { center_point_box: d.flag() },
    known: [0, 1, 2, 3],
  };
};

const oneHot: Maker = (d) => {
  const name = anyType(d);
  const shape = d.shape(0, 2);
  const depth = d.int(1, 5);
  const at = d.mild(d.pick(["i64", "i32", "f32"]), shape, -depth - 1, depth);
  return {
    inputs: [at, scalar("i64", depth), d.any(name, [2])],
    outputs: [name],
    attributes: { axis: d.axis(shape.length + 1) },
    known: [1],
  };
};

const trilu: Maker = (d) => {
  const name = anyType(d);
  const x = d.any(name, d.shape(2, 4));
  return {
    inputs: [x, d.optional(scalar("i64", d.int(-3, 3)))],
    outputs: [name],
    attributes: { upper: d.flag() },
  };
};

const eyeLike: Maker = (d) => {
  const name = d.pick([...FLOATS, "i32", "u64"] as const);
  const to = d.optional(d.pick(ALL));
  return {
    inputs: [d.any(name, d.dims(2))],
    outputs: [to ?? name],
    attributes: { dtype: to && CODES[to], k: d.optional(d.int(-2, 2)) },
  };
};

const reverseSequence: Maker = (d) => {
  const name = anyType(d);
  const shape = d.shape(2, 3);
  const batch_axis = d.flag();
  const lengths = d.mild("i64", [shape[batch_axis] ?? 1], 1, shape[1 - batch_axis] ?? 1);
  return {
    inputs: [d.any(name, shape), lengths],
    outputs: [name],
    attributes: { batch_axis, time_axis: 1 - batch_axis },
  };
};

const unfold: Maker = (d) => {
  const name = d.float();
  const shape = d.shape(1, 3, 5);
  const dim = d.axis(shape.length);
  const attributes = { dim, size: d.int(1, shape.at(dim) ?? 1), step: d.int(1, 3) };
  return { inputs: [d.any(name, shape)], outputs: [name], attributes };
};

const centerCropPad: Maker = (d) => {
  const name = anyType(d);
  const shape = d.shape(1, 3, 5);
  const axes = d.axes(shape.length);
  return {
    inputs: [d.any(name, shape), i64(...d.dims(axes.length, 6))],
    outputs: [name],
    attributes: { axes },
    known: [1],
  };
};

const tensorScatter: Maker = (d) => {
  const name = anyType(d);
  const shape = [d.int(1, 3), d.int(1, 2), d.int(2, 5), d.int(1, 3)];
  const count = d.int(1, shape[2] ?? 1);
  const starts = d.mild("i64", [shape[0] ?? 1], 0, (shape[2] ?? 1) - count);
  return {
    inputs: [d.any(name, shape), d.any(name, shape.with(2, count)), d.optional(starts)],
    outputs: [name],
    attributes: { axis: d.pick([-2, 2]), mode: d.pick(["linear", "circular"]) },
  };
};

const constant: Maker = (d, opset) => {
  const value = { value: d.any(anyType(d), d.shape()) };
  if (opset < 12 || d.chance(0.4)) return { inputs: [], outputs: [value.value.dtype], attributes: value };
  return d.pick([
    { inputs: [], outputs: ["f32"], attributes: { value_float: d.number() } },
    { inputs: [], outputs: ["f32"], attributes: { value_floats: d.floats(3) } },
    { inputs: [], outputs: ["i64"], attributes: { value_int: d.int(-9, 9) } },
    { inputs: [], outputs: ["i64"], attributes: { value_ints: d.dims(3) } },
  ] as const);
};

const constantOfShape: Maker = (d) => {
  const name = anyType(d);
  const value = d.optional(d.any(name, [1]));
  return {
    inputs: [i64(...d.shape(1))],
    outputs: [value?.dtype ?? "f32"],
    attributes: { value },
    known: [0],
  };
};

const range: Maker = (d) => {
  const name = d.pick(["f32", "i16", "i32", "i64"] as const);
  const start = d.int(-5, 5);
  const delta = d.pick([-2, -1, 1, 2]);
  return {
    inputs: [start, start + delta * d.int(1, 6), delta].map((value) => scalar(name, value)),
    outputs: [name],
    known: [0, 1, 2],
  };
};

const shapeOf: Maker = (d, opset) => {
  const x = d.any(anyType(d), d.shape(1));
  const attributes =
    opset >= 15 ? { attributes: { start: d.optional(0), end: d.optional(-1 + x.shape.length) } } : {};
  if (opset >= 15 && x.shape.length === 1) return { inputs: [x], outputs: ["i64"] };
  return { inputs: [x], outputs: ["i64"], ...attributes };
};

export const LAYOUT: Makers = {
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Slice: slice,
  Split: split,
  Expand: expand,
  Tile: tile,
  Identity: identity,
  OptionalGetElement: identity,
  OptionalHasElement: (d) => ({ ...identity(d, 18), outputs: ["bool"] }),
  Dropout: dropout,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Concat: concat,
  Pad: pad,
  "com.microsoft:Pad": (d) => pad(d, 11),
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  "com.microsoft:GatherND": (d) => gatherND(d, 11),
  Scatter: (d) => scatterElements(d, 9),
  ScatterElements: scatterElements,
  ScatterND: scatterND,
  Compress: compress,
  NonZero: nonZero,
  Unique: unique,
  NonMaxSuppression: nonMaxSuppression,
  OneHot: oneHot,
  Trilu: trilu,
  "com.microsoft:Trilu": trilu,
  EyeLike: eyeLike,
  ReverseSequence: reverseSequence,
  "com.microsoft:UnfoldTensor": unfold,
  CenterCropPad: centerCropPad,
  TensorScatter: tensorScatter,
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  "com.microsoft:Range": range,
  Shape: shapeOf,
  Size: (d) => ({ inputs: [d.any(anyType(d), d.shape())], outputs: ["i64"] }),
};

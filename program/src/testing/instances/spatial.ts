/** Operators over images: convolution, pooling, sampling, regions. */
import type { DTypeName } from "../../dtype.ts";
import { product } from "../../instruction.ts";
import { tensor, type AttributeValue } from "../onnx.ts";
import { FLOATS, INTEGERS, i64, scalar, type Draw, type Maker, type Makers } from "./draw.ts";

/** One axis of a sliding window that fits its input. */
export interface Side {
  readonly input: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly begin: number;
  readonly end: number;
}

export function side(d: Draw): Side {
  const [kernel, stride, dilation] = [d.int(1, 3), d.int(1, 2), d.int(1, 2)];
  const reach = (kernel - 1) * dilation + 1;
  const [begin, end] = [d.int(0, kernel - 1), d.int(0, kernel - 1)];
  return { input: Math.max(1, reach - begin - end) + d.int(0, 3), kernel, stride, dilation, begin, end };
}

export const sidesOf = (d: Draw, most = 2): Side[] => Array.from({ length: d.int(1, most) }, () => side(d));

/** @param without Attributes that the operator does not have. */
export function windowAttributes(
  d: Draw,
  sides: readonly Side[],
  without: readonly ("auto_pad" | "dilations")[] = [],
): Record<string, AttributeValue> {
  const automatic = !without.includes("auto_pad") && d.chance(0.25);
  return {
    strides: sides.map(({ stride }) => stride),
    ...(without.includes("dilations") ? {} : { dilations: sides.map(({ dilation }) => dilation) }),
    ...(automatic
      ? { auto_pad: d.pick(["SAME_UPPER", "SAME_LOWER"]) }
      : { pads: [...sides.map(({ begin }) => begin), ...sides.map(({ end }) => end)] }),
  };
}

export const kernelOf = (sides: readonly Side[]): number[] => sides.map(({ kernel }) => kernel);
export const sizesOf = (sides: readonly Side[]): number[] => sides.map(({ input }) => input);
const outOf = (sides: readonly Side[]): number[] =>
  sides.map(
    ({ input, kernel, stride, dilation, begin, end }) =>
      Math.floor((input + begin + end - (kernel - 1) * dilation - 1) / stride) + 1,
  );

export interface ConvShapes {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly attributes: Record<string, AttributeValue>;
}

export function convShapes(d: Draw): ConvShapes {
  const sides = sidesOf(d);
  const [group, perGroup, outputs] = [d.int(1, 2), d.int(1, 2), d.int(1, 2)];
  return {
    x: [d.int(1, 2), group * perGroup, ...sizesOf(sides)],
    w: [group * outputs, perGroup, ...kernelOf(sides)],
    attributes: { group, ...windowAttributes(d, sides) },
  };
}

const conv: Maker = (d) => {
  const name = d.float();
  const { x, w, attributes } = convShapes(d);
  const bias = d.optional(d.any(name, w.slice(0, 1)));
  return { inputs: [d.any(name, x), d.any(name, w), bias], outputs: [name], attributes };
};

const convInteger: Maker = (d) => {
  const { x, w, attributes } = convShapes(d);
  const [type, weights] = [d.pick(["u8", "i8"] as const), d.pick(["u8", "i8"] as const)];
  const zero = d.optional(d.any(weights, d.chance(0.5) ? [] : w.slice(0, 1)));
  return {
    inputs: [d.any(type, x), d.any(weights, w), d.optional(d.any(type, [])), zero],
    outputs: ["i32"],
    attributes,
  };
};

const convTranspose: Maker = (d) => {
  const name = d.float();
  const sides = sidesOf(d);
  const [group, perGroup, outputs] = [d.int(1, 2), d.int(1, 2), d.int(1, 2)];
  const w = [group * perGroup, outputs, ...kernelOf(sides)];
  const x = [d.int(1, 2), group * perGroup, ...sides.map(() => d.int(2, 3))];
  const pads = sides.map(({ kernel }) => (kernel > 1 ? d.int(0, 1) : 0));
  return {
    inputs: [d.any(name, x), d.any(name, w), d.optional(d.any(name, [group * outputs]))],
    outputs: [name],
    attributes: {
      group,
      strides: sides.map(({ stride }) => stride),
      dilations: sides.map(({ dilation }) => dilation),
      pads: [...pads, ...pads.map(() => 0)],
      output_padding: sides.map(({ stride, dilation }) => d.int(0, Math.max(stride, dilation) - 1)),
    },
  };
};

const col2im: Maker = (d) => {
  const name = d.float();
  const sides = sidesOf(d);
  const [kernel, blocks] = [kernelOf(sides), product(outOf(sides))];
  return {
    inputs: [
      d.any(name, [d.int(1, 2), d.int(1, 2) * product(kernel), blocks]),
      i64(...sizesOf(sides)),
      i64(...kernel),
    ],
    outputs: [name],
    attributes: {
      strides: sides.map(({ stride }) => stride),
      dilations: sides.map(({ dilation }) => dilation),
      pads: [...sides.map(({ begin }) => begin), ...sides.map(({ end }) => end)],
    },
    known: [1, 2],
  };
};

const deformConv: Maker = (d) => {
  const name = d.float();
  const sides = Array.from({ length: 2 }, () => side(d));
  const [n, group, offsetGroup] = [d.int(1, 2), d.int(1, 2), d.int(1, 2)];
  const [kernel, out] = [kernelOf(sides), outOf(sides)];
  const places = product(kernel);
  return {
    inputs: [
      d.any(name, [n, 2, ...sizesOf(sides)]),
      d.any(name, [group * d.int(1, 2), 2 / group, ...kernel]),
      d.mild(name, [n, offsetGroup * places * 2, ...out], -2, 2),
      undefined,
      d.optional(d.any(name, [n, offsetGroup * places, ...out])),
    ],
    outputs: [name],
    attributes: { ...windowAttributes(d, sides, ["auto_pad"]), group, offset_group: offsetGroup },
  };
};

/** Without dilations before the opset that has them. */
const pool =
  (
    types: readonly DTypeName[],
    dilatedSince: number,
    more: (d: Draw, opset: number) => Record<string, AttributeValue> = () => ({}),
  ): Maker =>
  (d, opset) => {
    const name = d.pick(types);
    const dilated = opset >= dilatedSince;
    const sides = sidesOf(d).map((s) => (dilated ? s : { ...s, dilation: 1 }));
    const attributes = windowAttributes(d, sides, dilated ? [] : ["dilations"]);
    return {
      inputs: [d.any(name, [d.int(1, 2), d.int(1, 2), ...sizesOf(sides)])],
      outputs: [name],
      attributes: {
        ...attributes,
        kernel_shape: kernelOf(sides),
        ...(opset >= dilatedSince && d.chance(0.5) ? { ceil_mode: d.flag() } : {}),
        ...more(d, opset),
      },
    };
  };

const maxPool: Maker = (d, opset) => {
  const types = opset >= 12 ? ([...FLOATS, "i8", "u8"] as const) : FLOATS;
  const made = pool(types, 10, (draw, version) => (version >= 8 ? { storage_order: draw.flag() } : {}))(
    d,
    opset,
  );
  return opset >= 8 && d.chance(0.5) ? { ...made, outputs: [...made.outputs, "i64"] } : made;
};

const globalPool =
  (more: (d: Draw) => Record<string, AttributeValue> = () => ({})): Maker =>
  (d) => {
    const name = d.float();
    return { inputs: [d.any(name, d.dims(d.int(3, 4)))], outputs: [name], attributes: more(d) };
  };

const maxUnpool: Maker = (d) => {
  const name = d.float();
  const shape = [1, d.int(1, 2), d.int(1, 3), d.int(1, 3)];
  const cells = product(shape) * 4;
  return {
    inputs: [d.any(name, shape), d.mild("i64", shape, 0, cells - 1)],
    outputs: [name],
    attributes: { kernel_shape: [2, 2], strides: [2, 2] },
  };
};

const TRANSFORMS = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"] as const;

const resize: Maker = (d, opset) => {
  const mode = d.pick(opset >= 11 ? ["nearest", "linear", "cubic"] : ["nearest", "linear"]);
  const name = mode === "nearest" ? d.pick([...FLOATS, ...INTEGERS]) : d.float();
  const shape = [1, d.int(1, 2), ...d.dims(2, 4)];
  const factors = [1, 1, d.pick([0.5, 1, 1.5, 2]), d.pick([0.75, 1, 2, 3])].map((f, k) =>
    (shape[k] ?? 1) * f < 1 ? 1 : f,
  );
  const scales = tensor("f32", [4], factors);
  const x = d.any(name, shape);
  if (opset === 10) return { inputs: [x, scales], outputs: [name], attributes: { mode }, known: [1] };
  const attributes = {
    mode,
    coordinate_transformation_mode: d.optional(d.pick(TRANSFORMS)),
    ...(mode === "cubic" ? { exclude_outside: d.flag(), cubic_coeff_a: d.optional(d.number(-1, 0)) } : {}),
    ...(mode === "nearest"
      ? { nearest_mode: d.optional(d.pick(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])) }
      : {}),
    ...(opset >= 18 && mode !== "nearest" ? { antialias: d.flag() } : {}),
  };
  const roi = opset < 13 ? tensor("f32", [0], []) : undefined;
  if (d.chance(0.5)) return { inputs: [x, roi, scales], outputs: [name], attributes, known: [1, 2] };
  const sizes = i64(...shape.map((size, k) => (k < 2 ? size : d.int(1, 6))));
  const none = opset < 13 ? tensor("f32", [0], []) : undefined;
  return { inputs: [x, roi, none, sizes], outputs: [name], attributes, known: [1, 2, 3] };
};

const upsample: Maker = (d, opset) => {
  const mode = d.pick(["nearest", "linear"]);
  const name = d.float();
  const factors = [1, 1, d.pick([1, 1.5, 2]), d.pick([1, 2, 3])];
  const x = d.any(name, [1, d.int(1, 2), ...d.dims(2, 3)]);
  if (opset < 9) return { inputs: [x], outputs: [name], attributes: { mode, scales: { floats: factors } } };
  return { inputs: [x, tensor("f32", [4], factors)], outputs: [name], attributes: { mode }, known: [1] };
};

const gridSample: Maker = (d, opset) => {
  const modes = opset < 20 ? ["bilinear", "nearest", "bicubic"] : ["linear", "nearest", "cubic"];
  const name = d.float();
  const [n, rank] = [d.int(1, 2), opset >= 20 && d.chance(0.2) ? 3 : 2];
  const sizes = d.dims(rank, 3);
  const mode = rank === 3 ? d.pick(modes.slice(0, 2)) : d.pick(modes);
  const grid = [n, ...d.dims(rank, 3), rank];
  return {
    inputs: [
      d.any(name, [n, d.int(1, 2), ...sizes]),
      d.chance(0.2) ? d.any(name, grid) : d.mild(name, grid, -2, 2),
    ],
    outputs: [name],
    attributes: { mode, padding_mode: d.pick(["zeros", "border", "reflection"]), align_corners: d.flag() },
  };
};

const affineGrid: Maker = (d) => {
  const name = d.float();
  const [n, rank] = [d.int(1, 2), d.int(2, 3)];
  return {
    inputs: [d.any(name, [n, rank, rank + 1]), i64(n, 2, ...d.dims(rank, 3))],
    outputs: [name],
    attributes: { align_corners: d.flag() },
    known: [1],
  };
};

const roiAlign: Maker = (d, opset) => {
  const name = d.float();
  const count = d.int(1, 2);
  const corners = Array.from({ length: count }, () => {
    const [x, y] = [d.int(0, 2), d.int(0, 2)];
    return [x, y, x + d.int(1, 2), y + d.int(1, 2)];
  });
  const half =
    opset >= 16 ? { coordinate_transformation_mode: d.pick(["half_pixel", "output_half_pixel"]) } : {};
  return {
    inputs: [
      d.any(name, [2, d.int(1, 2), 4, 4]),
      tensor(name, [count, 4], corners.flat()),
      d.mild("i64", [count], 0, 1),
    ],
    outputs: [name],
    attributes: {
      mode: d.pick(["avg", "max"]),
      output_height: d.int(1, 2),
      output_width: d.int(1, 2),
      sampling_ratio: d.int(0, 2),
      spatial_scale: d.optional(d.number(0.5, 1)),
      ...half,
    },
    known: [1],
  };
};

const maxRoiPool: Maker = (d) => {
  const name = d.float();
  const rois = Array.from({ length: d.int(1, 2) }, () => {
    const [x, y] = [d.int(0, 2), d.int(0, 2)];
    return [d.int(0, 1), x, y, x + d.int(0, 2), y + d.int(0, 2)];
  });
  return {
    inputs: [d.any(name, [2, d.int(1, 2), 4, 4]), tensor(name, [rois.length, 5], rois.flat())],
    outputs: [name],
    attributes: { pooled_shape: [d.int(1, 2), d.int(1, 2)], spatial_scale: d.optional(d.number(0.5, 1)) },
  };
};

const complex = (d: Draw): DTypeName => d.float();

const dft: Maker = (d, opset) => {
  const name = complex(d);
  const parts = d.int(1, 2);
  const [inverse, onesided] = parts === 2 ? [d.flag(), 0] : [0, d.flag()];
  const x = d.any(name, [d.int(1, 2), d.int(1, 5), parts]);
  const length = d.optional(scalar("i64", d.int(1, 5)));
  const attributes = { inverse, onesided };
  if (opset < 20)
    return { inputs: [x, length], outputs: [name], attributes: { ...attributes, axis: 1 }, known: [1] };
  return { inputs: [x, length, d.optional(scalar("i64", 1))], outputs: [name], attributes, known: [1, 2] };
};

const stft: Maker = (d) => {
  const name = complex(d);
  const length = d.int(1, 4);
  const window = d.optional(d.any(name, [length]));
  return {
    inputs: [
      d.any(name, [d.int(1, 2), length + d.int(0, 4), 1]),
      scalar("i64", d.int(1, 3)),
      window,
      scalar("i64", length),
    ],
    outputs: [name],
    attributes: { onesided: d.flag() },
    known: [1, 3],
  };
};

const window: Maker = (d) => ({
  inputs: [scalar(d.pick(["i64", "i32"]), d.int(2, 9))],
  outputs: ["f32"],
  attributes: { periodic: d.flag() },
  known: [0],
});

const mel: Maker = (d) => ({
  inputs: [
    scalar("i64", d.int(1, 4)),
    scalar("i64", 16),
    scalar("i64", 8192),
    scalar("f32", 0),
    scalar("f32", 4096),
  ],
  outputs: ["f32"],
  known: [0, 1, 2, 3, 4],
});

export const SPATIAL: Makers = {
  Conv: conv,
  ConvInteger: convInteger,
  ConvTranspose: convTranspose,
  Col2Im: col2im,
  DeformConv: deformConv,
  MaxPool: maxPool,
  AveragePool: pool(FLOATS, 19, (d) => ({ count_include_pad: d.flag() })),
  LpPool: pool(FLOATS, 18, (d) => ({ p: d.int(1, 3) })),
  GlobalAveragePool: globalPool(),
  GlobalMaxPool: globalPool(),
  GlobalLpPool: globalPool((d) => ({ p: d.int(1, 3) })),
  MaxUnpool: maxUnpool,
  Resize: resize,
  Upsample: upsample,
  GridSample: gridSample,
  AffineGrid: affineGrid,
  RoiAlign: roiAlign,
  MaxRoiPool: maxRoiPool,
  DFT: dft,
  STFT: stft,
  HannWindow: window,
  HammingWindow: window,
  BlackmanWindow: window,
  MelWeightMatrix: mel,
};

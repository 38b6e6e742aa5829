/** Quantised operators. */
import type { DTypeName } from "../../dtype.ts";
import { tensor, type TestTensor } from "../onnx.ts";
import { type Draw, type Maker, type Makers } from "./draw.ts";
import { convShapes, kernelOf, sidesOf, sizesOf, windowAttributes } from "./spatial.ts";

const BYTES = ["u8", "i8"] as const;
const byte = (d: Draw): DTypeName => d.pick(BYTES);

/** Operand, scale, zero point. */
function quantised(
  d: Draw,
  name: DTypeName,
  shape: readonly number[],
  own: readonly number[] = [],
): TestTensor[] {
  return [d.any(name, shape), d.scale(own), d.any(name, own)];
}

const target = (d: Draw, name: DTypeName): TestTensor[] => [d.scale(), d.any(name, [])];

const quantize: Maker = (d, opset) => {
  const name = d.pick(opset >= 21 ? ([...BYTES, "i16", "u16"] as const) : BYTES);
  const shape = d.shape(2, 3);
  const axis = opset >= 13 ? d.axis(shape.length) : 1;
  const perAxis = opset >= 13 && d.chance(0.5);
  const own = perAxis ? [shape.at(axis) ?? 1] : [];
  const type = d.pick(["f32", "f32", "i32"] as const);
  return {
    inputs: [d.any(type, shape), d.scale(own), d.any(name, own)],
    outputs: [name],
    ...(opset >= 13 ? { attributes: { axis } } : {}),
  };
};

const dequantize: Maker = (d, opset) => {
  const name = d.pick(
    opset >= 21 ? ([...BYTES, "i16", "u16", "i32"] as const) : ([...BYTES, "i32"] as const),
  );
  const shape = d.shape(2, 3);
  const axis = d.int(0, shape.length - 1);
  const blocked = opset >= 21 && d.chance(0.3);
  const own = blocked
    ? shape.map((size, k) => (k === axis ? Math.ceil(size / 2) : size))
    : d.chance(0.5) && opset >= 13
      ? [shape[axis] ?? 1]
      : [];
  return {
    inputs: [d.any(name, shape), d.scale(own), name === "i32" ? undefined : d.any(name, own)],
    outputs: ["f32"],
    ...(opset >= 13 ? { attributes: { axis, ...(blocked ? { block_size: 2 } : {}) } } : {}),
  };
};

const pairwise: Maker = (d) => {
  const name = byte(d);
  const shape = d.shape(1);
  return {
    inputs: [...quantised(d, name, shape), ...quantised(d, name, d.narrower(shape)), ...target(d, name)],
    outputs: [name],
  };
};

const where: Maker = (d) => {
  const name = byte(d);
  const shape = d.shape(1);
  return {
    inputs: [
      d.any("bool", shape),
      ...quantised(d, name, shape),
      ...quantised(d, name, d.narrower(shape)),
      ...target(d, name),
    ],
    outputs: [name],
  };
};

const concat: Maker = (d) => {
  const name = byte(d);
  const shape = d.shape(1);
  const axis = d.axis(shape.length);
  const parts = Array.from({ length: d.int(1, 3) }, () => quantised(d, name, shape.with(axis, d.int(1, 3))));
  return { inputs: [...target(d, name), ...parts.flat()], outputs: [name], attributes: { axis } };
};

const pointwise =
  (attributes: (d: Draw) => Record<string, { float: number }> = () => ({})): Maker =>
  (d) => {
    const name = byte(d);
    return {
      inputs: [...quantised(d, name, d.shape()), ...target(d, name)],
      outputs: [name],
      attributes: attributes(d),
      ...(d.chance(0.5) ? { known: [1, 2, 3, 4] } : {}),
    };
  };

const conv: Maker = (d) => {
  const [name, weights] = [byte(d), byte(d)];
  const { x, w, attributes } = convShapes(d);
  const own = d.chance(0.5) ? w.slice(0, 1) : [];
  return {
    inputs: [
      ...quantised(d, name, x),
      ...quantised(d, weights, w, own),
      ...target(d, name),
      d.optional(d.any("i32", w.slice(0, 1))),
    ],
    outputs: [name],
    attributes,
  };
};

const matmul: Maker = (d) => {
  const [name, other] = [byte(d), byte(d)];
  const [rows = 1, inner = 1, columns = 1] = d.dims(3);
  const own = d.chance(0.5) ? [columns] : [];
  return {
    inputs: [
      ...quantised(d, name, [rows, inner]),
      ...quantised(d, other, [inner, columns], own),
      ...target(d, name),
    ],
    outputs: [name],
  };
};

const gemm: Maker = (d) => {
  const [name, other] = [byte(d), byte(d)];
  const [rows = 1, inner = 1, columns = 1] = d.dims(3);
  const [transA, transB] = [d.flag(), d.flag()];
  const own = d.chance(0.5) ? [columns] : [];
  const rounded = d.chance(0.7);
  return {
    inputs: [
      ...quantised(d, name, transA === 1 ? [inner, rows] : [rows, inner]),
      ...quantised(d, other, transB === 1 ? [columns, inner] : [inner, columns], own),
      d.optional(d.any("i32", [columns])),
      ...(rounded ? target(d, name) : []),
    ],
    outputs: [rounded ? name : "f32"],
    attributes: { transA, transB, alpha: d.optional(d.number()) },
  };
};

const dynamicMatmul: Maker = (d) => {
  const name = byte(d);
  const [rows = 1, inner = 1, columns = 1] = d.dims(3);
  const own = d.chance(0.5) ? [columns] : [];
  return {
    inputs: [
      d.any("f32", [rows, inner]),
      ...quantised(d, name, [inner, columns], own),
      d.optional(d.any("f32", [columns])),
    ],
    outputs: ["f32"],
  };
};

const integerToFloat: Maker = (d) => {
  const [name, other] = [byte(d), byte(d)];
  const [rows = 1, inner = 1, columns = 1] = d.dims(3);
  const own = d.chance(0.5) ? [columns] : [];
  return {
    inputs: [
      d.any(name, [rows, inner]),
      d.any(other, [inner, columns]),
      d.scale(),
      d.scale(own),
      d.optional(d.any(name, [])),
      d.optional(d.any(other, own)),
      d.optional(d.any("f32", [columns])),
    ],
    outputs: ["f32"],
  };
};

const matmulNBits: Maker = (d) => {
  const name = d.pick(["f32", "f16"] as const);
  const [K, N, bits, block] = [d.int(1, 40), d.int(1, 3), d.pick([2, 4, 8]), d.pick([16, 32])];
  const blocks = Math.ceil(K / block);
  return {
    inputs: [
      d.any(name, [d.int(1, 2), K]),
      d.any("u8", [N, blocks, (block * bits) / 8]),
      d.scale([N * blocks], name),
      d.optional(d.any("u8", [N * Math.ceil((blocks * bits) / 8)])),
      undefined,
      d.optional(d.any(name, [N])),
    ],
    outputs: [name],
    attributes: { K, N, bits, block_size: block },
  };
};

const globalPool: Maker = (d) => {
  const name = byte(d);
  return {
    inputs: [...quantised(d, name, d.dims(d.int(3, 4))), ...target(d, name)],
    outputs: [name],
    attributes: { channels_last: d.flag() },
  };
};

const averagePool: Maker = (d) => {
  const name = byte(d);
  const sides = sidesOf(d).map((side) => ({ ...side, dilation: 1 }));
  const attributes = windowAttributes(d, sides, ["dilations"]);
  const last = d.flag();
  const channels = d.int(1, 2);
  const shape = last === 1 ? [1, ...sizesOf(sides), channels] : [1, channels, ...sizesOf(sides)];
  return {
    inputs: [...quantised(d, name, shape), ...target(d, name)],
    outputs: [name],
    attributes: {
      ...attributes,
      kernel_shape: kernelOf(sides),
      count_include_pad: d.flag(),
      channels_last: last,
    },
  };
};

const maxPool: Maker = (d) => {
  const name = byte(d);
  const sides = sidesOf(d);
  return {
    inputs: [d.any(name, [1, ...sizesOf(sides), d.int(1, 3)])],
    outputs: [name],
    attributes: { ...windowAttributes(d, sides), kernel_shape: kernelOf(sides) },
  };
};

const softmax: Maker = (d) => {
  const name = byte(d);
  const shape = d.shape(1);
  const scale = tensor("f32", [], [d.int(1, 99) / 256]);
  return {
    inputs: [d.any(name, shape), scale, d.any(name, []), ...target(d, name)],
    outputs: [name],
    attributes: { axis: d.axis(shape.length), opset: d.pick([12, 13]) },
    known: [1],
  };
};

export const QUANTISED: Makers = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  "com.microsoft:QuantizeLinear": (d) => quantize(d, 13),
  "com.microsoft:DequantizeLinear": (d) => dequantize(d, 13),
  DynamicQuantizeLinear: (d) => ({ inputs: [d.any("f32", d.shape(1))], outputs: ["u8", "f32", "u8"] }),
  "com.microsoft:QLinearAdd": pairwise,
  "com.microsoft:QLinearMul": pairwise,
  "com.microsoft:QLinearWhere": where,
  "com.microsoft:QLinearConcat": concat,
  "com.microsoft:QLinearLeakyRelu": pointwise((d) => ({ alpha: d.number() })),
  "com.microsoft:QLinearSigmoid": pointwise(),
  QLinearConv: conv,
  QLinearMatMul: matmul,
  "com.microsoft:QGemm": gemm,
  "com.microsoft:DynamicQuantizeMatMul": dynamicMatmul,
  "com.microsoft:MatMulIntegerToFloat": integerToFloat,
  "com.microsoft:MatMulNBits": matmulNBits,
  "com.microsoft:QLinearGlobalAveragePool": globalPool,
  "com.microsoft:QLinearAveragePool": averagePool,
  "com.microsoft:NhwcMaxPool": maxPool,
  "com.microsoft:QLinearSoftmax": softmax,
};

import { expect } from "chai";
import { isInteger, type DTypeName } from "../dtype.ts";
import type { Affine, Axis, Instruction, TensorLoad } from "../instruction.ts";
import { canonical, randomTensor } from "../testing/elements.ts";
import { seededRng, type Rng } from "../testing/rng.ts";
import { expectAgreement, singleProgram, type OperandData } from "./agreement.ts";
import { stages } from "./exactsum.ts";
import type { Way } from "./compute.ts";

const FLOATS: readonly DTypeName[] = ["f32", "f32", "f16", "bf16"];
const INTEGERS: readonly DTypeName[] = ["u8", "i8", "i16", "u16", "bool"];
const INTEGER_OUTPUTS: readonly DTypeName[] = ["i32", "u8", "i64", "bool", "u64"];

function at(c0: number, ...terms: [dim: number, coef: number][]): Affine {
  return { c0, terms: terms.map(([dim, coef]) => ({ dim, coef })), div: 1, exact: false };
}

interface Shape {
  readonly outDims: number[];
  readonly redDims: number[];
  readonly a: Axis[];
  readonly b: Axis[];
}

/** Batched product [g, m, n] of [g, m, k] and, transposed or not, [g, n, k]. */
function product(rng: Rng): Shape {
  const [g, m, n, k] = [rng.int(1, 3), rng.int(1, 9), rng.int(8, 13), rng.int(3, 24)];
  const transposed = rng.chance(0.5);
  return {
    outDims: [g, m, n],
    redDims: [k],
    a: [
      { size: g, stride: m * k, at: at(0, [0, 1]) },
      { size: m, stride: k, at: at(0, [1, 1]) },
      { size: k, stride: 1, at: at(0, [3, 1]) },
    ],
    b: [
      { size: g, stride: n * k, at: at(0, [0, 1]) },
      { size: n, stride: transposed ? 1 : k, at: at(0, [2, 1]) },
      { size: k, stride: transposed ? n : 1, at: at(0, [3, 1]) },
    ],
  };
}

/** Convolution of [h, h, c] with [o, 3, 3, c], with padding, stride and dilation; channels of the output first or last. */
function convolution(rng: Rng): Shape {
  const [c, o] = [rng.int(1, 5), rng.int(8, 11)];
  const [stride, dilation, padding] = [rng.int(1, 2), rng.int(1, 2), rng.int(0, 2)];
  const h = rng.int(5, 7);
  const size = Math.floor((h + 2 * padding - 2 * dilation - 1) / stride) + 1;
  const first = rng.chance(0.3);
  const [y, x, ch] = first ? [1, 2, 0] : [0, 1, 2];
  return {
    outDims: first ? [o, size, size] : [size, size, o],
    redDims: [3, 3, c],
    a: [
      { size: h, stride: h * c, at: at(-padding, [y, stride], [3, dilation]) },
      { size: h, stride: c, at: at(-padding, [x, stride], [4, dilation]) },
      { size: c, stride: 1, at: at(0, [5, 1]) },
    ],
    b: [
      { size: o, stride: 9 * c, at: at(0, [ch, 1]) },
      { size: 3, stride: 3 * c, at: at(0, [3, 1]) },
      { size: 3, stride: c, at: at(0, [4, 1]) },
      { size: c, stride: 1, at: at(0, [5, 1]) },
    ],
  };
}

/** One filter per channel: both loads depend on the channel. */
function depthwise(rng: Rng): Shape {
  const [h, c] = [rng.int(4, 6), rng.int(1, 4)];
  return {
    outDims: [h, h, c],
    redDims: [3, 3],
    a: [
      { size: h, stride: h * c, at: at(-1, [0, 1], [3, 1]) },
      { size: h, stride: c, at: at(-1, [1, 1], [4, 1]) },
      { size: c, stride: 1, at: at(0, [2, 1]) },
    ],
    b: [
      { size: c, stride: 9, at: at(0, [2, 1]) },
      { size: 3, stride: 3, at: at(0, [3, 1]) },
      { size: 3, stride: 1, at: at(0, [4, 1]) },
    ],
  };
}

/** The same with many channels, weights channels first or last, strides and dilations. */
function channels(rng: Rng): Shape {
  const [c, stride, dilation, padding] = [rng.int(8, 12), rng.int(1, 2), rng.int(1, 2), rng.int(0, 2)];
  const h = rng.int(5, 7);
  const size = Math.floor((h + 2 * padding - 2 * dilation - 1) / stride) + 1;
  const [channel, row, column] = rng.chance(0.5) ? [9, 3, 1] : [1, 3 * c, c];
  return {
    outDims: [size, size, c],
    redDims: [3, 3],
    a: [
      { size: h, stride: h * c, at: at(-padding, [0, stride], [3, dilation]) },
      { size: h, stride: c, at: at(-padding, [1, stride], [4, dilation]) },
      { size: c, stride: 1, at: at(0, [2, 1]) },
    ],
    b: [
      { size: c, stride: channel, at: at(0, [2, 1]) },
      { size: 3, stride: row, at: at(0, [3, 1]) },
      { size: 3, stride: column, at: at(0, [4, 1]) },
    ],
  };
}

function load(rng: Rng, name: DTypeName, id: number, source: "input" | "constant", axes: Axis[]): TensorLoad {
  const elements = axes.reduce((sum, { size, stride }) => sum + (size - 1) * stride, 1);
  const zero = isInteger(name) && rng.chance(0.5) ? { zero: rng.int(-2, 130) } : {};
  return { kind: "tensor", source, id, dtype: name, elements, ...zero, axes };
}

function check(
  rng: Rng,
  shape: Shape,
  names: readonly [DTypeName, DTypeName],
  out: DTypeName,
  way: Way,
): void {
  const sources = rng.pick([
    ["input", "constant"],
    ["constant", "input"],
  ] as const);
  const loads = [load(rng, names[0], 0, sources[0], shape.a), load(rng, names[1], 0, sources[1], shape.b)];
  const operands = (source: "input" | "constant"): OperandData[] =>
    loads
      .filter((l) => l.source === source)
      .map(({ dtype, elements }) => {
        const data = randomTensor(rng, dtype, elements);
        return { dtype, data: source === "constant" ? canonical(dtype, data) : data };
      });
  const { outDims, redDims } = shape;
  const instruction: Instruction = { body: "mul", fold: "sum", dtype: out, outDims, redDims, loads };
  const inputs = operands("input");
  const program = singleProgram(instruction, inputs, operands("constant"));
  const note = JSON.stringify(instruction);
  const { ways } = expectAgreement(
    program,
    inputs.map(({ data }) => data),
    note,
  );
  expect(ways).to.deep.equal([way]);
}

describe("matrix products", function () {
  this.timeout(60_000);
  for (const [title, shape] of Object.entries({ product, convolution, depthwise, channels })) {
    const way = title === "channels" ? "channel" : "matrix";
    it(`${title} of floats`, () => {
      const rng = seededRng(11);
      const before = { ...stages };
      for (let i = 0; i < 60; i++)
        check(rng, shape(rng), [rng.pick(FLOATS), rng.pick(FLOATS)], rng.pick(FLOATS), way);
      for (const stage of ["bound", "compensated"] as const)
        expect(stages[stage], stage).to.be.greaterThan(before[stage]);
    });

    it(`${title} of integers`, () => {
      const rng = seededRng(12);
      for (let i = 0; i < 30; i++)
        check(rng, shape(rng), [rng.pick(INTEGERS), rng.pick(INTEGERS)], rng.pick(INTEGER_OUTPUTS), way);
    });
  }
});

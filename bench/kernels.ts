/** Kernels of the exact interpreter, each in a program of its own: nanoseconds of processor time per multiply-add or element. */
import { runProgram } from "../program/src/fast/run.ts";
import {
  product,
  type Affine,
  type Axis,
  type Body,
  type Instruction,
  type Load,
  type Program,
} from "../program/src/instruction.ts";
import type { DTypeName } from "../program/src/dtype.ts";
import { affine, at } from "../program/src/lower/affine.ts";
import { matrixProduct } from "../program/src/testing/product.ts";
import { seededRng } from "../program/src/testing/rng.ts";
import type { Figure } from "./figure.ts";

const RUNS = 7;
const ELEMENTS = 200_000;
const ELEMENTWISE = [
  ["add", 2],
  ["div", 2],
  ["exp", 1],
  ["expm1", 1],
  ["log1p", 1],
  ["tanh", 1],
  ["erf", 1],
  ["sin", 1],
  ["atan", 1],
  ["pow", 2],
] as const;

const rng = seededRng(1);

function gauss(): number {
  const u = (rng.int(0, 2 ** 30) + 1) / (2 ** 30 + 1);
  return Math.sqrt(-2 * Math.log(u)) * Math.cos((2 * Math.PI * rng.int(0, 2 ** 30)) / 2 ** 30);
}

function floats(n: number, scale = 1): Uint8Array {
  return new Uint8Array(Float32Array.from({ length: n }, () => gauss() * scale).buffer);
}

function bytes(n: number): Uint8Array {
  return Uint8Array.from({ length: n }, () => rng.int(0, 255));
}

function tensor(name: DTypeName, source: "input" | "constant", axes: readonly Axis[], zero?: number): Load {
  const elements = axes.reduce((n, { size }) => n * size, 1);
  const load = { kind: "tensor", source, id: 0, dtype: name, elements, axes } as const;
  return zero === undefined ? load : { ...load, zero };
}

function programOf(
  instruction: Instruction,
  input: [DTypeName, number],
  constant?: [DTypeName, Uint8Array],
): Program {
  return {
    loweringVersion: 1,
    inputs: [{ dtype: input[0], elements: input[1] }],
    constants: constant === undefined ? [] : [{ dtype: constant[0], data: constant[1] }],
    instructions: [instruction],
    outputs: [{ instruction: 0, dtype: instruction.dtype, elements: product(instruction.outDims) }],
  };
}

/** Channels last: input [h, h, c], weights [o, 3, 3, c], padding 1. */
function conv(name: DTypeName, out: DTypeName, h: number, c: number, o: number): Instruction {
  const padded = (outer: number, inner: number): Affine =>
    affine(
      [
        [outer, 1],
        [inner, 1],
      ],
      -1,
    );
  const a = [
    { size: h, stride: h * c, at: padded(0, 3) },
    { size: h, stride: c, at: padded(1, 4) },
    { size: c, stride: 1, at: at(5) },
  ];
  const b = [
    { size: o, stride: 9 * c, at: at(2) },
    { size: 3, stride: 3 * c, at: at(3) },
    { size: 3, stride: c, at: at(4) },
    { size: c, stride: 1, at: at(5) },
  ];
  const loads = [tensor(name, "input", a), tensor(name, "constant", b)];
  return { body: "mul", fold: "sum", dtype: out, outDims: [h, h, o], redDims: [3, 3, c], loads };
}

function elementwise(body: Body, n: number, loads: number): Instruction {
  const load = tensor("f32", "input", [{ size: n, stride: 1, at: at(0) }]);
  return {
    body,
    fold: "none",
    dtype: "f32",
    outDims: [n],
    redDims: [],
    loads: Array.from({ length: loads }, () => load),
  };
}

function measure(name: string, program: Program, input: Uint8Array, operations: number): Figure {
  runProgram(program, [input]);
  let best = Infinity;
  for (let i = 0; i < RUNS; i++) {
    const start = process.cpuUsage();
    runProgram(program, [input]);
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, user + system);
  }
  return { name: `kernel.${name}`, value: (best * 1e3) / operations, unit: "ns" };
}

function* sumsOfProducts(): Generator<Figure> {
  const [m, k, n] = [128, 768, 768];
  const float = matrixProduct(m, k, n);
  yield measure(
    "matmul.f32",
    programOf(float, ["f32", m * k], ["f32", floats(n * k, 0.05)]),
    floats(m * k),
    m * n * k,
  );
  const byte = matrixProduct(m, k, n, { of: "u8", out: "i32", zero: 128 });
  yield measure("matmul.u8", programOf(byte, ["u8", m * k], ["u8", bytes(n * k)]), bytes(m * k), m * n * k);
  const row = matrixProduct(1, k, n);
  yield measure("vector.f32", programOf(row, ["f32", k], ["f32", floats(n * k, 0.05)]), floats(k), n * k);
  const [h, c, o] = [28, 64, 64];
  const operations = 9 * h * h * c * o;
  yield measure(
    "conv.f32",
    programOf(conv("f32", "f32", h, c, o), ["f32", h * h * c], ["f32", floats(9 * c * o, 0.05)]),
    floats(h * h * c),
    operations,
  );
  yield measure(
    "conv.u8",
    programOf(conv("u8", "i32", h, c, o), ["u8", h * h * c], ["u8", bytes(9 * c * o)]),
    bytes(h * h * c),
    operations,
  );
}

export function* measureKernels(): Generator<Figure> {
  yield* sumsOfProducts();
  for (const [body, loads] of ELEMENTWISE)
    yield measure(
      `${body}.f32`,
      programOf(elementwise(body, ELEMENTS, loads), ["f32", ELEMENTS]),
      floats(ELEMENTS),
      ELEMENTS,
    );
}

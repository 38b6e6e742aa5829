/**
 * Speed of the fast interpreter: nanoseconds of processor time per multiply-add or element, and how far up the stages the results had to go.
 * Run: node --import tsx bench/interpreter.ts
 */
import { elementaryStages } from "../program/src/fast/elementary.ts";
import { stages } from "../program/src/fast/exactsum.ts";
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
import { seededRng } from "../program/src/testing/rng.ts";

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

function at(...terms: [dim: number, coef: number][]): Affine {
  return { c0: 0, terms: terms.map(([dim, coef]) => ({ dim, coef })), div: 1, exact: false };
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

function matmul(
  name: DTypeName,
  out: DTypeName,
  m: number,
  k: number,
  n: number,
  zero?: number,
): Instruction {
  const a = [
    { size: m, stride: k, at: at([0, 1]) },
    { size: k, stride: 1, at: at([2, 1]) },
  ];
  const b = [
    { size: n, stride: k, at: at([1, 1]) },
    { size: k, stride: 1, at: at([2, 1]) },
  ];
  const loads = [tensor(name, "input", a, zero), tensor(name, "constant", b)];
  return { body: "mul", fold: "sum", dtype: out, outDims: [m, n], redDims: [k], loads };
}

/** Channels last: input [h, h, c], weights [o, 3, 3, c], padding 1. */
function conv(name: DTypeName, out: DTypeName, h: number, c: number, o: number): Instruction {
  const padded = (outer: number, inner: number): Affine => ({ ...at([outer, 1], [inner, 1]), c0: -1 });
  const a = [
    { size: h, stride: h * c, at: padded(0, 3) },
    { size: h, stride: c, at: padded(1, 4) },
    { size: c, stride: 1, at: at([5, 1]) },
  ];
  const b = [
    { size: o, stride: 9 * c, at: at([2, 1]) },
    { size: 3, stride: 3 * c, at: at([3, 1]) },
    { size: 3, stride: c, at: at([4, 1]) },
    { size: c, stride: 1, at: at([5, 1]) },
  ];
  const loads = [tensor(name, "input", a), tensor(name, "constant", b)];
  return { body: "mul", fold: "sum", dtype: out, outDims: [h, h, o], redDims: [3, 3, c], loads };
}

function elementwise(body: Body, n: number, loads: number): Instruction {
  const load = tensor("f32", "input", [{ size: n, stride: 1, at: at([0, 1]) }]);
  return {
    body,
    fold: "none",
    dtype: "f32",
    outDims: [n],
    redDims: [],
    loads: Array.from({ length: loads }, () => load),
  };
}

function measure(name: string, program: Program, input: Uint8Array, operations: number): void {
  runProgram(program, [input]);
  let best = Infinity;
  for (let i = 0; i < 7; i++) {
    const start = process.cpuUsage();
    runProgram(program, [input]);
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / 1000);
  }
  for (const counts of [stages, elementaryStages])
    for (const key of Object.keys(counts)) Object.assign(counts, { [key]: 0 });
  const { ways } = runProgram(program, [input]);
  const reached = [...Object.entries(stages), ...Object.entries(elementaryStages)].filter(([, n]) => n > 0);
  const counts = reached.map(([stage, n]) => `${stage} ${n}`).join(", ");
  console.log(
    `${name.padEnd(34)} ${((best * 1e6) / operations).toFixed(2).padStart(8)} ns  ${best.toFixed(1).padStart(7)} ms  ${ways.join()}  ${counts}`,
  );
}

const [m, k, n] = [128, 768, 768];
measure(
  "matmul 128x768x768 f32",
  programOf(matmul("f32", "f32", m, k, n), ["f32", m * k], ["f32", floats(n * k, 0.05)]),
  floats(m * k),
  m * n * k,
);
measure(
  "matmul 128x768x768 u8, i32",
  programOf(matmul("u8", "i32", m, k, n, 128), ["u8", m * k], ["u8", bytes(n * k)]),
  bytes(m * k),
  m * n * k,
);
const [h, c, o] = [28, 64, 64];
measure(
  "conv 64x64x3x3 on 28x28 f32",
  programOf(conv("f32", "f32", h, c, o), ["f32", h * h * c], ["f32", floats(9 * c * o, 0.05)]),
  floats(h * h * c),
  9 * h * h * c * o,
);
measure(
  "conv 64x64x3x3 on 28x28 u8, i32",
  programOf(conv("u8", "i32", h, c, o), ["u8", h * h * c], ["u8", bytes(9 * c * o)]),
  bytes(h * h * c),
  9 * h * h * c * o,
);
measure(
  "vector 1x768x768 f32",
  programOf(matmul("f32", "f32", 1, k, n), ["f32", k], ["f32", floats(n * k, 0.05)]),
  floats(k),
  n * k,
);
const size = 200_000;
for (const [body, loads] of [
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
] as const)
  measure(`${body} f32`, programOf(elementwise(body, size, loads), ["f32", size]), floats(size), size);

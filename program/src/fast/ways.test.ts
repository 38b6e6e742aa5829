import { expect } from "chai";
import type { DTypeName } from "../dtype.ts";
import {
  BODIES,
  type Axis,
  type Body,
  type Instruction,
  type Load,
  type TensorLoad,
} from "../instruction.ts";
import { canonical, randomTensor } from "../testing/elements.ts";
import { seededRng, type Rng } from "../testing/rng.ts";
import { expectAgreement, singleProgram, type OperandData } from "./agreement.ts";
import type { Way } from "./compute.ts";

/** A view of a tensor of its own over some of the dimensions, in order, or with axes of its own. */
function load(
  id: number,
  dtype: DTypeName,
  dims: readonly (readonly [dim: number, size: number])[],
  more: { zero?: number; source?: "input" | "constant"; axes?: Axis[] } = {},
): TensorLoad {
  let stride = 1;
  const axes: Axis[] = [];
  for (const [dim, size] of dims.toReversed()) {
    axes.unshift({ size, stride, at: { c0: 0, terms: [{ dim, coef: 1 }], div: 1, exact: false } });
    stride *= size;
  }
  const { zero, source = "input", axes: own = axes } = more;
  const elements = own.reduce((sum, axis) => sum + (axis.size - 1) * axis.stride, 1);
  return { kind: "tensor", source, id, dtype, elements, ...(zero === undefined ? {} : { zero }), axes: own };
}

/** Compares with the naive interpreter. */
function check(rng: Rng, instruction: Instruction, way: Way): void {
  const tensors = instruction.loads.filter((l) => l.kind === "tensor");
  const operands = (source: "input" | "constant"): OperandData[] =>
    tensors
      .filter((l) => l.source === source)
      .map(({ dtype, elements }) => {
        const data = randomTensor(rng, dtype, elements);
        return { dtype, data: source === "constant" ? canonical(dtype, data) : data };
      });
  const inputs = operands("input");
  const program = singleProgram(instruction, inputs, operands("constant"));
  const note = JSON.stringify(instruction, (_, v: unknown) => (typeof v === "bigint" ? `${v}` : v));
  const { ways } = expectAgreement(
    program,
    inputs.map(({ data }) => data),
    note,
  );
  expect(ways, note).to.deep.equal([way]);
}

const none = { fold: "none", redDims: [] } as const;
const f32 = (bits: bigint): Load => ({ kind: "literal", dtype: "f32", bits });

describe("ways of the fast interpreter", function () {
  this.timeout(60_000);

  it("pointwise: integers of every size to integers", () => {
    const rng = seededRng(31);
    const small: readonly DTypeName[] = ["u8", "i8", "u16", "i16", "i32", "bool"];
    for (let i = 0; i < 120; i++) {
      const outDims = [rng.int(1, 4), rng.int(1, 37)];
      const dims = outDims.map((size, dim) => [dim, size] as const);
      const zero = rng.chance(0.5) ? { zero: rng.int(-300, 300) } : {};
      const loads = [
        load(0, rng.pick(small), dims, zero),
        load(1, rng.pick(small), rng.chance(0.5) ? dims : dims.slice(1), zero),
      ];
      const body = rng.pick(["add", "sub", "mul"] as const);
      check(
        rng,
        { body, ...none, dtype: rng.pick(["i32", "i16", "u8", "i8", "u16"]), outDims, loads },
        "pointwise",
      );
    }
  });

  it("pointwise: requantising, with scales of every kind", () => {
    const rng = seededRng(32);
    for (let i = 0; i < 200; i++) {
      const outDims = [rng.int(1, 4), rng.int(1, 37)];
      const dims = outDims.map((size, dim) => [dim, size] as const);
      const dtype = rng.pick(["u8", "i8"] as const);
      const body = rng.pick(["qmul", "qdiv", "sat"] as const);
      const from = body === "sat" ? "f32" : rng.pick(["i32", "f32", "i16", "u8"] as const);
      const scale = rng.chance(0.5)
        ? f32(rng.pick([0x3c23d70an, 0n, 0x7fc00000n, 0x7f800000n]))
        : load(1, "f32", dims.slice(1));
      const point: Load = { kind: "literal", dtype, bits: BigInt(rng.int(0, 127)) };
      const loads = [load(0, from, dims), ...(body === "sat" ? [] : [scale, point])];
      check(rng, { body, ...none, dtype, outDims, loads }, "pointwise");
    }
  });

  it("pointwise: fused multiplication and addition, conversions and roundings to binary32", () => {
    const rng = seededRng(33);
    const bodies: readonly Body[] = ["fma", "fma", "fma", "copy", "floor", "ceil", "rint", "add", "mul"];
    for (let i = 0; i < 200; i++) {
      const outDims = [rng.int(1, 4), rng.int(1, 37)];
      const dims = outDims.map((size, dim) => [dim, size] as const);
      const body = rng.pick(bodies);
      const kinds: readonly DTypeName[] =
        body === "copy" ? ["i32", "u8", "i16"] : ["f32", "f32", "u8", "i8", "i16"];
      const loads = Array.from({ length: BODIES[body].arity }, (_, k) => load(k, rng.pick(kinds), dims));
      check(rng, { body, ...none, dtype: "f32", outDims, loads }, "pointwise");
    }
  });

  it("pointwise: elementary functions on views", () => {
    const rng = seededRng(34);
    for (const body of ["exp", "expm1", "log", "tanh", "erf"] as const)
      for (let i = 0; i < 12; i++) {
        const outDims = [rng.int(1, 4), rng.int(1, 37)];
        const dims = outDims.map((size, dim) => [dim, size] as const);
        const seen = rng.pick([dims, dims.slice(1), dims.slice(0, 1), dims.toReversed()]);
        check(rng, { body, ...none, dtype: "f32", outDims, loads: [load(0, "f32", seen)] }, "pointwise");
      }
  });

  it("channel: pooling with padding, strides and every fold", () => {
    const rng = seededRng(35);
    for (let i = 0; i < 80; i++) {
      const [c, h, stride] = [rng.int(8, 21), rng.int(4, 7), rng.int(1, 2)];
      const size = Math.floor((h - 1) / stride) + 1;
      const at = (dim: number, by: number, window: number): Axis["at"] => {
        const terms = [
          { dim, coef: by },
          { dim: window, coef: 1 },
        ];
        return { c0: -1, terms, div: 1, exact: false };
      };
      const axes: Axis[] = [
        { size: h, stride: h * c, at: at(0, stride, 3) },
        { size: h, stride: c, at: at(1, stride, 4) },
        { size: c, stride: 1, at: { c0: 0, terms: [{ dim: 2, coef: 1 }], div: 1, exact: false } },
      ];
      const fold = rng.pick(["sum", "max", "min", "maxnum"] as const);
      const dtype = rng.pick(fold === "maxnum" ? (["f32"] as const) : (["f32", "u8", "i8"] as const));
      const outDims = [size, size, c];
      const loads = [load(0, dtype, [], { axes })];
      check(rng, { body: "copy", fold, dtype, outDims, redDims: [3, 3], loads }, "channel");
    }
  });

  it("rows: sums and extremes along rows of any length", () => {
    const rng = seededRng(36);
    for (let i = 0; i < 80; i++) {
      const [m, n] = [rng.int(1, 5), rng.int(16, 70)];
      const fold = rng.pick(["sum", "max", "min", "maxnum"] as const);
      const dtype = rng.pick(fold === "maxnum" ? (["f32"] as const) : (["f32", "u8", "i8"] as const));
      const from = fold === "sum" ? rng.pick(["f32", "u8", "i16"] as const) : dtype;
      const name = fold === "sum" ? (from === "f32" ? "f32" : rng.pick(["i32", "i64"] as const)) : dtype;
      const order = rng.chance(0.5)
        ? ([
            [0, m],
            [1, n],
          ] as const)
        : ([
            [1, n],
            [0, m],
          ] as const);
      check(
        rng,
        { body: "copy", fold, dtype: name, outDims: [m], redDims: [n], loads: [load(0, from, order)] },
        "rows",
      );
    }
  });

  it("move: parts one after the other, padding and transposition of every dtype", () => {
    const rng = seededRng(37);
    for (let i = 0; i < 120; i++) {
      const dtype = rng.pick(["f32", "f16", "bf16", "u8", "bool", "i64", "u16"] as const);
      const [parts, n] = [rng.int(1, 3), rng.int(4, 20)];
      const rows = Array.from({ length: parts }, () => rng.int(1, 4));
      let before = 0;
      const loads = rows.map((size, id): TensorLoad => {
        const row: Axis = {
          size,
          stride: n,
          at: { c0: -before, terms: [{ dim: 0, coef: 1 }], div: 1, exact: false },
        };
        const column: Axis = {
          size: n,
          stride: 1,
          at: { c0: 0, terms: [{ dim: 1, coef: 1 }], div: 1, exact: false },
        };
        before += size;
        const made = load(id, dtype, [], { axes: [row, column] });
        return id === parts - 1 && rng.chance(0.5) ? { ...made, fill: dtype === "bool" ? 1n : 0x7fn } : made;
      });
      const outDims = [before + rng.int(1, 3), n];
      check(rng, { body: "first", ...none, dtype, outDims, loads }, "move");
    }
  });

  it("matrix: more rows, columns and values than one block holds", () => {
    const rng = seededRng(38);
    for (const [dtype, out] of [
      ["f32", "f32"],
      ["i8", "i32"],
    ] as const)
      for (const [m, n, source] of [
        [2, 57, "input"],
        [65, 2, "constant"],
      ] as const) {
        const k = 1030;
        const loads = [
          load(0, dtype, [
            [0, m],
            [2, k],
          ]),
          load(
            source === "input" ? 1 : 0,
            dtype,
            [
              [1, n],
              [2, k],
            ],
            { source },
          ),
        ];
        check(rng, { body: "mul", fold: "sum", dtype: out, outDims: [m, n], redDims: [k], loads }, "matrix");
      }
  });
});

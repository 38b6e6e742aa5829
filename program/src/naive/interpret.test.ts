/**
 * Views and folds, on small tables worked out by hand from docs/program.md §3 and §4.
 */
import { expect } from "chai";
import { dtype, type DTypeName } from "../dtype.ts";
import type { Affine, Axis, Fold, Instruction, Load, TensorLoad, Term } from "../instruction.ts";
import { evaluateElement, evaluateTensor, runNaive } from "./interpret.ts";
import { elementBits, setElementBits } from "./value.ts";

function tensorOf(name: DTypeName, bits: readonly (number | bigint)[]): Uint8Array {
  const data = new Uint8Array(bits.length * dtype(name).bytes);
  bits.forEach((b, i) => setElementBits(name, data, i, BigInt(b)));
  return data;
}

function affine(c0: number, terms: readonly Term[], div = 1, exact = false): Affine {
  return { c0, terms, div, exact };
}

const I: Term = { dim: 0, coef: 1 };
const R: Term = { dim: 1, coef: 1 };

function axis(size: number, at: Axis["at"], stride = 1): Axis {
  return { size, stride, at };
}

function load(
  name: DTypeName,
  elements: number,
  axes: readonly Axis[],
  more: Partial<TensorLoad> = {},
): TensorLoad {
  return { kind: "tensor", source: "input", id: 0, dtype: name, elements, axes, ...more };
}

function copy(n: number, of: Load, name: DTypeName = "i32"): Instruction {
  return { body: "copy", fold: "none", dtype: name, outDims: [n], redDims: [], loads: [of] };
}

/** Elements of the output as numbers (integer dtypes, two's complement). */
function run(instruction: Instruction, ...inputs: Uint8Array[]): number[] {
  const data = evaluateTensor(instruction, ({ id }) => inputs[id] ?? new Uint8Array());
  const { bytes } = dtype(instruction.dtype);
  return Array.from({ length: data.length / bytes }, (_, i) =>
    Number(BigInt.asIntN(8 * bytes, elementBits(instruction.dtype, data, i))),
  );
}

const TEN = tensorOf("i32", [10, 11, 12, 13, 14]);

describe("views", () => {
  it("read 0 outside, or the fill", () => {
    const axes = [axis(3, affine(-1, [I]))];
    expect(run(copy(5, load("i32", 5, axes)), TEN)).to.deep.equal([0, 10, 11, 12, 0]);
    expect(run(copy(5, load("i32", 5, axes, { fill: 0xffffffffn })), TEN)).to.deep.equal([
      -1, 10, 11, 12, -1,
    ]);
  });

  it("end where the operand ends", () => {
    expect(
      run(copy(3, load("i32", 5, [axis(3, affine(0, [I]), 2), axis(9, affine(1, []))])), TEN),
    ).to.deep.equal([11, 13, 0]);
  });

  it("reverse, and divide towards minus infinity", () => {
    expect(run(copy(5, load("i32", 5, [axis(5, affine(4, [{ dim: 0, coef: -1 }]))])), TEN)).to.deep.equal([
      14, 13, 12, 11, 10,
    ]);
    expect(run(copy(6, load("i32", 5, [axis(5, affine(-2, [I], 2))])), TEN)).to.deep.equal([
      0, 0, 10, 10, 11, 11,
    ]);
    expect(run(copy(6, load("i32", 5, [axis(5, affine(-2, [I], 2, true))])), TEN)).to.deep.equal([
      0, 0, 10, 0, 11, 0,
    ]);
    expect(run(copy(4, { kind: "index", at: affine(-3, [{ dim: 0, coef: 2 }], 2) }))).to.deep.equal([
      -2, -1, 0, 1,
    ]);
    expect(run(copy(4, { kind: "index", at: affine(-3, [I], 2, true) }))).to.deep.equal([0, -1, 0, 0]);
  });

  it("wrap an index to 64 bits", () => {
    const at = affine(
      0,
      Array.from({ length: 4 }, () => ({ dim: 0, coef: -(2 ** 31) })),
    );
    const instruction = { ...copy(1, { kind: "index", at }), dtype: "i64", outDims: [2 ** 31 + 1] } as const;
    expect(evaluateElement(instruction, 2 ** 31, () => new Uint8Array())).to.equal(0n);
  });

  it("subtract a zero point from elements, not from fills", () => {
    const of = load("u8", 2, [axis(2, affine(0, [I]))], { zero: 128, fill: 5n });
    expect(run(copy(3, of), Uint8Array.of(0, 255))).to.deep.equal([-128, 127, 5]);
  });

  it("canonicalise", () => {
    const of = (name: DTypeName): Load => load(name, 2, [axis(2, affine(0, [I]))]);
    const floats = tensorOf("f32", [0x80000000, 0xffc00001]);
    const copied = evaluateTensor(copy(2, of("f32"), "f32"), () => floats);
    expect([0, 1].map((i) => elementBits("f32", copied, i))).to.deep.equal([0n, 0x7fc00000n]);
    expect(run(copy(2, of("bool"), "bool"), Uint8Array.of(0, 7))).to.deep.equal([0, 1]);
  });

  it("gather: out of range with an index outside, unless the index has a fill", () => {
    const at = (more: Partial<TensorLoad>): Axis =>
      axis(5, { gather: load("i8", 4, [axis(3, affine(0, [I]))], { id: 1, ...more }) });
    const indices = tensorOf("i8", [4, 0xff, 5, 0]);
    expect(run(copy(4, load("i32", 5, [at({})])), TEN, indices)).to.deep.equal([14, 0, 0, 0]);
    expect(run(copy(4, load("i32", 5, [at({ fill: 2n })])), TEN, indices)).to.deep.equal([14, 0, 0, 12]);
    expect(run(copy(4, load("i32", 5, [at({ zero: 4 })], { fill: 9n })), TEN, indices)).to.deep.equal([
      10, 9, 11, 9,
    ]);
  });

  it("take the first load in range, with a fill only on the last", () => {
    const part = (c0: number, more: Partial<TensorLoad> = {}): Load =>
      load("i32", 5, [axis(1, affine(c0, [I]))], more);
    const of = (...loads: Load[]): Instruction => ({ ...copy(3, part(0)), body: "first", loads });
    expect(run(of(part(0), part(-1, { fill: 7n })), TEN)).to.deep.equal([10, 10, 7]);
    expect(run(of(part(0, { fill: 7n }), part(-1)), TEN)).to.deep.equal([10, 10, 0]);
  });
});

function reduce(fold: Fold, name: DTypeName, operand: DTypeName, bits: readonly (number | bigint)[]): string {
  const n = bits.length;
  const loads = [load(operand, n, [axis(n, affine(0, [R]))])];
  const instruction: Instruction = { body: "copy", fold, dtype: name, outDims: [1], redDims: [n + 1], loads };
  // One index more than there are elements: its term is skipped.
  return evaluateElement(instruction, 0, () => tensorOf(operand, bits)).toString(16);
}

const ONE = 0x3f800000;
const BIG = 0x7f7fffff;
const INF = 0x7f800000;
const NINF = 0xff800000;
const NAN = 0x7fc00000;

describe("folds", () => {
  it("sum exactly, rounding once", () => {
    expect(reduce("sum", "f32", "f32", [BIG, BIG, 0xff7fffff])).to.equal("7f7fffff");
    expect(reduce("sum", "f32", "f32", [ONE, 1, 0xbf800000])).to.equal("1");
    expect(reduce("sum", "f16", "f32", [BIG, BIG])).to.equal("7c00");
    expect(reduce("sum", "f32", "f32", [])).to.equal("0");
    expect(reduce("sum", "f32", "f32", [ONE, 0xbf800000])).to.equal("0");
  });

  it("sum NaN and infinities whatever their order", () => {
    expect(reduce("sum", "f32", "f32", [INF, BIG, BIG])).to.equal("7f800000");
    expect(reduce("sum", "f32", "f32", [NINF, ONE, INF])).to.equal("7fc00000");
    expect(reduce("sum", "f32", "f32", [NAN, INF])).to.equal("7fc00000");
    expect(reduce("sum", "acc", "f32", [NINF, ONE])).to.equal((3n << 992n).toString(16));
    expect(reduce("sum", "acc", "f32", [NINF, INF])).to.equal((1n << 992n).toString(16));
  });

  it("sum accumulators, wrapping only when stored", () => {
    const half = 1n << 990n;
    expect(reduce("sum", "acc", "acc", [half, half])).to.equal((1n << 991n).toString(16));
    expect(reduce("sum", "acc", "acc", [half, half, half, half])).to.equal("0");
    expect(reduce("sum", "f32", "acc", [half, half, half, half])).to.equal("7f800000");
    expect(reduce("sum", "f32", "acc", [1n << 149n, (1n << 992n) - (1n << 149n)])).to.equal("0");
  });

  it("sum integers, wrapping once", () => {
    expect(reduce("sum", "i8", "i32", [127, 1])).to.equal("80");
    expect(reduce("sum", "i64", "u64", [2n ** 64n - 1n, 2n ** 64n - 1n])).to.equal("fffffffffffffffe");
    expect(reduce("sum", "bool", "i8", [1, 0xff])).to.equal("0");
    expect(reduce("sum", "bool", "u8", [128, 128])).to.equal("1");
  });

  it("compare, with NaN winning except in maxnum", () => {
    expect(reduce("min", "f32", "f32", [ONE, NAN, NINF])).to.equal("7fc00000");
    expect(reduce("max", "f32", "f32", [NAN, INF])).to.equal("7fc00000");
    expect(reduce("maxnum", "f32", "f32", [NINF, NAN, 0xbf800000])).to.equal("bf800000");
    expect(reduce("maxnum", "f32", "f32", [NAN])).to.equal("ff800000");
    // Terms are rounded first.
    expect(reduce("max", "f16", "f32", [0x477ff000])).to.equal("7c00");
    expect(reduce("min", "i8", "i32", [1, 0x180])).to.equal("80");
  });

  it("start from the identity", () => {
    expect(reduce("min", "f32", "f32", [])).to.equal("7f800000");
    expect(reduce("max", "bf16", "f32", [])).to.equal("ff80");
    expect(reduce("min", "i8", "i8", [])).to.equal("7f");
    expect(reduce("max", "i8", "i8", [])).to.equal("80");
    expect(reduce("maxnum", "u8", "u8", [])).to.equal("0");
    expect(reduce("osum", "f32", "f32", [])).to.equal("0");
    expect(reduce("oprod", "f16", "f32", [])).to.equal("3c00");
  });

  it("round ordered sums and products at each step", () => {
    expect(reduce("osum", "f32", "f32", [ONE, 0x33800000, 0x33800000])).to.equal("3f800000");
    expect(reduce("osum", "f32", "f32", [0x33800000, 0x33800000, ONE])).to.equal("3f800001");
    expect(reduce("osum", "f32", "f32", [BIG, BIG, NINF])).to.equal("7fc00000");
    expect(reduce("oprod", "f32", "f32", [BIG, BIG, 0])).to.equal("7fc00000");
    expect(reduce("oprod", "f32", "f32", [0, BIG, BIG])).to.equal("0");
  });

  it("skip a term if any load is outside without a fill", () => {
    const loads = [
      load("i32", 5, [axis(5, affine(-1, [R]))]),
      load("i32", 5, [axis(3, affine(0, [R]))], { fill: 1n }),
    ];
    const instruction = {
      body: "mul",
      fold: "sum",
      dtype: "i32",
      outDims: [1],
      redDims: [6],
      loads,
    } as const;
    // 10*11 + 11*12, then 12, 13, 14 times the fill.
    expect(run(instruction, TEN)).to.deep.equal([10 * 11 + 11 * 12 + 12 + 13 + 14]);
  });
});

describe("programs", () => {
  it("run instruction by instruction on inputs, constants and earlier outputs", () => {
    const each = [axis(5, affine(0, [I]))];
    const add = (loads: Load[]): Instruction => ({ ...copy(5, load("i32", 5, each)), body: "add", loads });
    const constant = load("i32", 5, each, { source: "constant" });
    const earlier = load("i32", 5, each, { source: "instruction" });
    const outputs = runNaive(
      {
        loweringVersion: 1,
        inputs: [{ dtype: "i32", elements: 5 }],
        outputs: [],
        constants: [{ dtype: "i32", data: TEN }],
        instructions: [add([load("i32", 5, each), constant]), add([earlier, earlier])],
      },
      [TEN],
    );
    expect(outputs).to.deep.equal([
      tensorOf("i32", [20, 22, 24, 26, 28]),
      tensorOf("i32", [40, 44, 48, 52, 56]),
    ]);
  });
});

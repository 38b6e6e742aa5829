import { expect } from "chai";
import { readFileSync } from "node:fs";
import { dtype, type DTypeName } from "../dtype.ts";
import { TRANSCENDENTAL, type Body, type Instruction, type TensorLoad } from "../instruction.ts";
import { elementary, type ElementaryBody } from "../naive/elementary.ts";
import { elementBits, setElementBits } from "../naive/value.ts";
import { seededRng } from "../testing/rng.ts";
import { singleProgram, type OperandData } from "./agreement.ts";
import { elementaryStages } from "./elementary.ts";
import { runProgram } from "./run.ts";

interface Vectors {
  readonly bodies: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  readonly sums: readonly {
    readonly source: DTypeName;
    readonly target: DTypeName;
    readonly a: string;
    readonly b: string;
    readonly result: string;
  }[];
}

function json(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../../test/vectors/${name}`, import.meta.url), "utf8"));
}

const vectors = json("elementary.json") as Vectors;
const hard = json("hard.json") as Record<string, readonly string[]>;

function tensorOf(name: DTypeName, bits: readonly bigint[]): OperandData {
  const data = new Uint8Array(bits.length * dtype(name).bytes);
  for (const [i, b] of bits.entries()) setElementBits(name, data, i, b);
  return { dtype: name, data };
}

function loadOf(name: DTypeName, id: number, elements: number): TensorLoad {
  const at = { c0: 0, terms: [{ dim: 0, coef: 1 }], div: 1, exact: false };
  const axes = [{ size: elements, stride: 1, at }];
  return { kind: "tensor", source: "input", id, dtype: name, elements, axes };
}

/** body on columns of operands, as bits. */
function compute(body: Body, name: DTypeName, columns: readonly (readonly bigint[])[]): bigint[] {
  const operands = columns.map((bits) => tensorOf(name, bits));
  const count = columns[0]?.length ?? 0;
  const loads = columns.map((_, id) => loadOf(name, id, count));
  const shape = { outDims: [count], redDims: [] };
  const instruction: Instruction = { body, fold: "none", dtype: name, ...shape, loads };
  const inputs = operands.map(({ data }) => data);
  const { outputs } = runProgram(singleProgram(instruction, operands), inputs);
  return Array.from({ length: count }, (_, i) => elementBits(name, outputs[0] ?? new Uint8Array(), i));
}

function bitsOf(hex: string): bigint {
  return BigInt(`0x${hex}`);
}

describe("scalar bodies against vectors of arbitrary precision", function () {
  this.timeout(60_000);
  for (const [body, perDtype] of Object.entries(vectors.bodies) as [Body, Record<DTypeName, string[]>][])
    for (const [name, lines] of Object.entries(perDtype) as [DTypeName, string[]][])
      it(`${body} of ${lines.length} ${name} operands`, () => {
        const rows = lines.map((line) => line.split(" ").map(bitsOf));
        const arity = (rows[0]?.length ?? 0) - 1;
        const columns = Array.from({ length: arity }, (_, k) => rows.map((row) => row[k] ?? 0n));
        const results = compute(body, name, columns);
        for (const [i, row] of rows.entries()) expect(results[i], lines[i]).to.equal(row[arity]);
      });

  it(`${vectors.sums.length} exact sums of products`, () => {
    for (const { source, target, a, b, result } of vectors.sums) {
      const digits = 2 * dtype(source).bytes;
      const split = (all: string): bigint[] => (all.match(new RegExp(`.{${digits}}`, "g")) ?? []).map(bitsOf);
      const operands = [tensorOf(source, split(a)), tensorOf(source, split(b))];
      const count = a.length / digits;
      const loads = operands.map((_, id) => loadOf(source, id, count));
      const instruction: Instruction = {
        body: "mul",
        fold: "sum",
        dtype: target,
        outDims: [],
        redDims: [count],
        loads,
      };
      const { outputs } = runProgram(
        singleProgram(instruction, operands),
        operands.map(({ data }) => data),
      );
      expect(elementBits(target, outputs[0] ?? new Uint8Array(), 0)).to.equal(bitsOf(result));
    }
  });
});

describe("elementary functions", function () {
  this.timeout(60_000);
  for (const [body, args] of Object.entries(hard) as [ElementaryBody, string[]][])
    it(`${body} of ${args.length} arguments whose results lie closest to a midpoint`, () => {
      const bits = args.map(bitsOf);
      const results = compute(body, "f32", [bits]);
      for (const [i, b] of bits.entries()) expect(results[i], args[i]).to.equal(elementary(body, "f32", b));
    });

  it("of random arguments of every size leave less than one in a thousand to arbitrary precision", () => {
    const rng = seededRng(3);
    const count = 300;
    for (const body of [...TRANSCENDENTAL, "sqrt"] as const) {
      const before = elementaryStages.exact;
      const near = Array.from({ length: count }, () => BigInt(rng.int(0x3a000000, 0x42000000)));
      const any = Array.from({ length: count }, () => BigInt(rng.u32()));
      const columns = body === "pow" ? [near, [...near].reverse()] : [[...near, ...any]];
      const results = compute(body, "f32", columns);
      expect(elementaryStages.exact - before, body).to.be.lessThan(2);
      for (const [i, result] of results.entries()) {
        const [a, b] = [columns[0]?.[i] ?? 0n, columns[1]?.[i] ?? 0n];
        expect(result, `${body} ${a} ${b}`).to.equal(elementary(body, "f32", a, b));
      }
    }
  });
});

import { expect } from "chai";
import { readFileSync } from "node:fs";
import type { DTypeName } from "../dtype.ts";
import type { Body, TensorLoad } from "../instruction.ts";
import { term } from "./bodies.ts";
import { evaluateElement } from "./interpret.ts";
import { decode, setElementBits } from "./value.ts";

interface Vectors {
  readonly bodies: Readonly<Partial<Record<Body, Readonly<Partial<Record<DTypeName, readonly string[]>>>>>>;
  readonly sums: readonly {
    readonly source: DTypeName;
    readonly target: DTypeName;
    readonly kind: string;
    readonly a: string;
    readonly b: string;
    readonly result: string;
  }[];
}

const path = new URL("../../../test/vectors/elementary.json", import.meta.url);
const vectors = JSON.parse(readFileSync(path, "utf8")) as Vectors;
const DIGITS: Partial<Record<DTypeName, number>> = { f32: 8, f16: 4, bf16: 4 };

function hex(bits: bigint | undefined, name: DTypeName): string {
  return (bits ?? 0n).toString(16).padStart(DIGITS[name] ?? 0, "0");
}

/** A tensor load of all of the given elements, one per step of dimension 0. */
function tensor(name: DTypeName, id: number, digits: string): { load: TensorLoad; data: Uint8Array } {
  const each = DIGITS[name] ?? 1;
  const elements = digits.length / each;
  const data = new Uint8Array((digits.length / 2) | 0);
  for (let i = 0; i < elements; i++)
    setElementBits(name, data, i, BigInt(`0x${digits.slice(i * each, (i + 1) * each)}`));
  const at = { c0: 0, terms: [{ dim: 0, coef: 1 }], div: 1, exact: false };
  const axes = [{ size: elements, stride: 1, at }];
  return { load: { kind: "tensor", source: "input", id, dtype: name, elements, axes }, data };
}

describe("naive interpreter against vectors of arbitrary precision", function () {
  this.timeout(60_000);
  for (const [body, perDtype] of Object.entries(vectors.bodies) as [Body, Record<DTypeName, string[]>][])
    for (const [name, cases] of Object.entries(perDtype) as [DTypeName, string[]][])
      it(`${body} of ${cases.length} ${name} operands`, () => {
        expect(cases).not.to.be.empty;
        for (const line of cases) {
          const operands = line.split(" ");
          const result = operands.pop();
          const values = operands.map((bits) => ({ dtype: name, value: decode(name, BigInt(`0x${bits}`)) }));
          expect(hex(term(body, name, values), name), line).to.equal(result);
        }
      });

  it(`${vectors.sums.length} exact sums of products`, () => {
    for (const { source, target, a, b, result, kind } of vectors.sums) {
      const operands = [tensor(source, 0, a), tensor(source, 1, b)];
      const redDims = [operands[0]?.load.elements ?? 0];
      const loads = operands.map(({ load }) => load);
      const bits = evaluateElement(
        { body: "mul", fold: "sum", dtype: target, outDims: [], redDims, loads },
        0,
        (load) => operands[load.id]?.data ?? new Uint8Array(),
      );
      expect(hex(bits, target), kind).to.equal(result);
    }
  });
});

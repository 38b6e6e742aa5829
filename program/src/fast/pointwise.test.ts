import { expect } from "chai";
import { BODIES, type Body, type Load } from "../instruction.ts";
import { randomTensor } from "../testing/elements.ts";
import { seededRng, type Rng } from "../testing/rng.ts";
import { expectAgreement, singleProgram } from "./agreement.ts";

const PLACES: readonly Body[] = ["add", "sub", "mul", "div", "min", "max", "copy", "neg", "abs", "sqrt"];
const EDGES = [0n, 0x80000000n, 0x7f800000n, 0xff800000n, 0x7fc00000n, 0x00000001n, 0x3f800000n];

/** A view of an operand of its own over some of the output dimensions, in any order; the others it repeats along. */
function view(rng: Rng, id: number, outDims: readonly number[]): Extract<Load, { kind: "tensor" }> {
  const used = outDims.map((_, d) => d).filter(() => rng.chance(0.75));
  const order = used.toSorted(() => rng.int(0, 1) - 0.5);
  let stride = 1;
  const axes = order.map((dim) => {
    const size = outDims[dim] ?? 1;
    const axis = { size, stride, at: { c0: 0, terms: [{ dim, coef: 1 }], div: 1, exact: false } };
    stride *= size;
    return axis;
  });
  return { kind: "tensor", source: "input", id, dtype: "f32", elements: stride, axes };
}

describe("pointwise instructions", () => {
  it("agree with the definition on any strides, broadcasts, literals and special values", () => {
    const rng = seededRng(21);
    for (let i = 0; i < 300; i++) {
      const body = PLACES[i % PLACES.length] ?? "add";
      const outDims = Array.from({ length: rng.int(0, 4) }, () => rng.int(1, 5));
      const views = Array.from({ length: BODIES[body].arity }, (_, k) => view(rng, k, outDims));
      const literal: Load = { kind: "literal", dtype: "f32", bits: rng.pick(EDGES) };
      const loads = views.map((load, k): Load => (k === 1 && rng.chance(0.3) ? literal : load));
      const inputs = views.map(({ elements }) => ({
        dtype: "f32" as const,
        data: randomTensor(rng, "f32", elements),
      }));
      const program = singleProgram(
        { body, fold: "none", dtype: "f32", outDims, redDims: [], loads },
        inputs,
      );
      const { ways } = expectAgreement(
        program,
        inputs.map(({ data }) => data),
        `${body} of [${outDims.join()}]`,
      );
      expect(ways).to.deep.equal(["pointwise"]);
    }
  });
});

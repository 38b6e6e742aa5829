import { expect } from "chai";
import type { DTypeName } from "../dtype.ts";
import {
  expectAgreement,
  expectRefusal,
  floats,
  numbers,
  runExact,
  tensor,
  vector,
  whole,
  type Case,
  type TestTensor,
} from "./testing.ts";

describe("lowering: functions, losses, sums of products, bits, n-grams", () => {
  describe("inverse and hyperbolic functions", () => {
    const edges = [
      0,
      1e-30,
      1e-6,
      0.5,
      0.999999,
      1,
      1.0000001,
      2,
      20.5,
      88.9,
      1e6,
      3e9,
      1e25,
      3e38,
      Infinity,
      NaN,
    ];
    const points = [
      ...edges,
      ...edges.map((x) => -x),
      ...numbers(floats(1, [20], -1, 1)),
      ...numbers(floats(2, [20], -60, 60)),
    ];
    for (const f of ["acos", "asin", "acosh", "asinh", "atanh", "sinh", "cosh"] as const)
      it(f, () => {
        const operator = f.charAt(0).toUpperCase() + f.slice(1);
        const x = vector(...points);
        const [results = []] = runExact({ operator, inputs: [x], outputs: ["f32"] }).map(numbers);
        numbers(x).forEach((value, i) => {
          const expected = Math.fround(Math[f](value));
          const got = results[i] ?? 0;
          const near = Math.abs(got - expected) <= 1e-6 * Math.abs(expected);
          expect(Object.is(got, expected) || got === expected || near, `${f}(${value}) = ${got}`).to.equal(
            true,
          );
        });
      });
    it("against onnxruntime", async () => {
      for (const operator of ["Acos", "Asin", "Asinh", "Atanh", "Sinh", "Cosh"])
        await expectAgreement({ operator, inputs: [floats(3, [30], -0.999, 0.999)], outputs: ["f32"] });
    });
    it("refuse integers", () => {
      expectRefusal("UNSUPPORTED_DTYPE", {
        operator: "Cosh",
        inputs: [whole(1, "i32", [2], 0, 1)],
        outputs: ["i32"],
      });
    });
  });

  it("IsInf, Shrink", async () => {
    const x = vector(1, Infinity, -Infinity, NaN, 0);
    for (const detect_negative of [0, 1])
      for (const detect_positive of [0, 1])
        await expectAgreement({
          operator: "IsInf",
          inputs: [x],
          outputs: ["bool"],
          attributes: { detect_negative, detect_positive },
        });
    const attributes = { bias: { float: 0.7 }, lambd: { float: 1.5 } };
    await expectAgreement({
      operator: "Shrink",
      inputs: [floats(4, [20], -4, 4)],
      outputs: ["f32"],
      attributes,
    });
    await expectAgreement({
      operator: "Shrink",
      inputs: [whole(5, "i32", [20], -4, 4)],
      outputs: ["i32"],
      attributes,
    });
  });

  describe("losses", () => {
    for (const operator of ["NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"])
      for (const shape of [
        [5, 4],
        [2, 4, 3],
        [2, 4, 2, 3],
      ])
        it(`${operator} of rank ${shape.length}`, async () => {
          const target = whole(6, "i64", shape.toSpliced(1, 1), 0, 3);
          for (const reduction of ["none", "sum", "mean"])
            for (const ignored of [{}, { ignore_index: 2 }])
              for (const weight of [[], [floats(7, [4], 0.1, 2)]])
                await expectAgreement({
                  operator,
                  inputs: [floats(8, shape), target, ...weight],
                  outputs: operator.startsWith("Soft") ? ["f32", "f32"] : ["f32"],
                  attributes: { reduction, ...ignored },
                  opset: 13,
                });
        });
    it("refusals", () => {
      const [x, target] = [floats(8, [5, 4]), whole(6, "i64", [5], 0, 3)];
      const test: Case = { operator: "NegativeLogLikelihoodLoss", inputs: [x, target], outputs: ["f32"] };
      expectRefusal("MALFORMED", { ...test, attributes: { reduction: "max" } });
      expectRefusal("MALFORMED", { ...test, inputs: [x, floats(1, [5])] });
      expectRefusal("MALFORMED", { ...test, inputs: [x, whole(6, "i64", [4], 0, 3)] });
      expectRefusal("MALFORMED", { ...test, inputs: [x, target, floats(1, [5])] });
      expectRefusal("MALFORMED", { ...test, inputs: [floats(1, [5]), target] });
      expectRefusal("MALFORMED", { ...test, inputs: [x] });
      expectRefusal("MALFORMED", {
        ...test,
        operator: "SoftmaxCrossEntropyLoss",
        inputs: [floats(1, [5]), target],
      });
    });
  });

  describe("Einsum", () => {
    const equations: readonly (readonly [string, ...(readonly number[])[]])[] = [
      ["ij->ji", [2, 3]],
      ["ij->", [2, 3]],
      ["ba", [2, 3]],
      ["ii->i", [3, 3]],
      ["...ii", [2, 3, 3]],
      ["ij,jk->ik", [2, 3], [3, 4]],
      ["ij,jk", [2, 3], [3, 4]],
      ["bij , bjk -> bik", [2, 2, 3], [2, 3, 4]],
      ["...ij,...jk->...ik", [5, 1, 2, 3], [1, 4, 3, 2]],
      ["i,j->ij", [2], [3]],
      ["i,i", [3], [3]],
      ["bhwc,hkc->bhwk", [1, 2, 3, 4], [2, 5, 4]],
      ["ij,jk,kl->il", [2, 3], [3, 4], [4, 2]],
      ["i,ij,j,k->k", [2], [2, 3], [3], [2]],
    ];
    for (const [equation, ...shapes] of equations)
      it(equation, () =>
        expectAgreement({
          operator: "Einsum",
          inputs: shapes.map((shape, k) => floats(10 + k, shape)),
          outputs: ["f32"],
          attributes: { equation },
        }),
      );
    it("of integers", () =>
      expectAgreement({
        operator: "Einsum",
        inputs: [whole(1, "i64", [2, 3], -9, 9), whole(2, "i64", [3, 2], -9, 9)],
        outputs: ["i64"],
        attributes: { equation: "ij,jk" },
      }));
    it("refusals", () => {
      const x = floats(1, [2, 3]);
      const test = (equation: string, ...inputs: TestTensor[]) =>
        expectRefusal("MALFORMED", {
          operator: "Einsum",
          inputs,
          outputs: ["f32"],
          attributes: { equation },
        });
      test("ij,jk->ik", x);
      test("ij", x, x);
      test("ijk", x);
      test("i->i", x);
      test("ij->k", x);
      test("ij->ii", x);
      test("ij->i->j", x);
      test("i..j", x);
      test("......", x);
      test("i1", x);
      test("...->", x);
      test("ii", x);
      test("ij,ij->ij", x, floats(1, [3, 2]));
    });
  });

  it("BitCast", () => {
    const cast = (x: TestTensor, type: DTypeName, to: number) =>
      runExact({ operator: "BitCast", inputs: [x], outputs: [type], attributes: { to }, opset: 26 }).map(
        numbers,
      )[0];
    const values = [0, 1, -1, 1.5, 1e-45, -1e-40, 3e38, Infinity, -Infinity, NaN, Math.PI].map(Math.fround);
    const bits = [...new Int32Array(new Float32Array(values).buffer)];
    expect(cast(vector(...values), "i32", 6)).to.deep.equal(bits);
    expect(cast(tensor("i32", [bits.length], bits), "f32", 1)).to.deep.equal(values);
    const unsigned = [...new Uint32Array(new Float32Array(values).buffer)];
    expect(cast(vector(...values), "u32", 12)).to.deep.equal(unsigned);
    expect(cast(tensor("u32", [bits.length], unsigned), "f32", 1)).to.deep.equal(values);
    expect(cast(tensor("i8", [2], [-1, 3]), "u8", 2)).to.deep.equal([255, 3]);
    const test: Case = { operator: "BitCast", inputs: [vector(1)], outputs: ["i32"], opset: 26 };
    expectRefusal("MALFORMED", { ...test, attributes: { to: 7 } });
    expectRefusal("UNSUPPORTED_DTYPE", { ...test, attributes: { to: 8 } });
    expectRefusal("MALFORMED", test);
  });

  describe("TfIdfVectorizer", () => {
    const attributes = {
      max_gram_length: 3,
      min_gram_length: 1,
      max_skip_count: 2,
      mode: "TF",
      ngram_counts: [0, 3, 9],
      ngram_indexes: [0, 1, 2, 3, 4, 6, 5, 3],
      pool_int64s: [2, 3, 5, 5, 4, 5, 6, 7, 8, 2, 5, 4, 3, 3, 3],
    };
    for (const [min_gram_length, max_gram_length] of [
      [1, 1],
      [1, 2],
      [2, 3],
      [1, 3],
      [3, 3],
    ] as const)
      for (const max_skip_count of [0, 1, 5])
        it(`n-grams of ${min_gram_length} to ${max_gram_length}, ${max_skip_count} skipped`, async () => {
          for (const shape of [[30], [2, 20]])
            await expectAgreement({
              operator: "TfIdfVectorizer",
              inputs: [whole(9, shape.length === 1 ? "i64" : "i32", shape, 2, 8)],
              outputs: ["f32"],
              attributes: { ...attributes, min_gram_length, max_gram_length, max_skip_count },
            });
        });
    it("refusals", () => {
      const test = (changed: Case["attributes"], inputs = [whole(9, "i64", [5], 2, 8)]): Case => ({
        operator: "TfIdfVectorizer",
        inputs,
        outputs: ["f32"],
        attributes: { ...attributes, ...changed },
      });
      expectRefusal("MALFORMED", test({ mode: "T" }));
      expectRefusal("MALFORMED", test({ ngram_counts: [0, 99] }));
      expectRefusal("MALFORMED", test({ ngram_counts: [0, -3] }));
      expectRefusal("MALFORMED", test({ ngram_indexes: [0] }));
      expectRefusal("MALFORMED", test({ max_skip_count: -1 }));
      expectRefusal("UNSUPPORTED_DTYPE", test({}, [floats(1, [5])]));
      expectRefusal("MALFORMED", test({}, [whole(9, "i64", [1, 1, 5], 2, 8)]));
    });
  });
});

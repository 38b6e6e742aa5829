import { expect } from "chai";
import type { DTypeName } from "../dtype.ts";
import {
  expectAgreement,
  expectRefusal,
  floats,
  ints,
  numbers,
  runExact,
  scalar,
  tensor,
  whole,
  type Case,
  type TestTensor,
} from "./testing.ts";

/** For what this onnxruntime does not run. */
function gives(test: Case, ...expected: readonly (readonly number[])[]): void {
  expect(runExact(test).map(numbers)).to.deep.equal(expected);
}

describe("lowering against onnxruntime: positions and order", () => {
  describe("scatter", () => {
    const data = floats(1, [4, 3, 5]);
    const indices = whole(2, "i64", [2, 3, 4], -4, 3);
    const updates = floats(3, [2, 3, 4]);
    it("ScatterElements, indices known or not", async () => {
      for (const constants of [[], [1]])
        for (const reduction of ["none", "add", "mul", "max", "min"])
          await expectAgreement({
            operator: "ScatterElements",
            inputs: [data, indices, updates],
            outputs: ["f32"],
            attributes: { axis: 0, reduction },
            constants,
            opset: 18,
          });
      const narrow = { operator: "ScatterElements", outputs: ["f32"] as const, opset: 13 };
      const across = whole(4, "i32", [3, 3, 7], -5, 4);
      await expectAgreement({
        ...narrow,
        inputs: [data, across, floats(5, [3, 3, 7])],
        attributes: { axis: -1 },
      });
      await expectAgreement({ ...narrow, operator: "Scatter", inputs: [data, indices, updates], opset: 10 });
    });
    it("of integers", async () => {
      for (const type of ["i32", "u8", "i64"] as const)
        for (const reduction of ["none", "add", "mul", "max", "min"])
          await expectAgreement({
            operator: "ScatterElements",
            inputs: [
              whole(6, type, [3, 4], 0, 9),
              whole(7, "i64", [5, 3], -3, 2),
              whole(8, type, [5, 3], 0, 9),
            ],
            outputs: [type],
            attributes: { reduction },
            opset: 18,
          });
    });
    it("ScatterND", async () => {
      for (const depth of [1, 2, 3])
        for (const constants of [[], [1]])
          for (const reduction of ["none", "add", "mul", "max", "min"]) {
            // What an update replaces is fixed only where no other replaces it too.
            const single = Array.from({ length: 3 * depth }, (_, k) =>
              k % depth === 0 ? Math.floor(k / depth) - 2 : 1,
            );
            await expectAgreement({
              operator: "ScatterND",
              inputs: [
                data,
                reduction === "none"
                  ? tensor("i64", [3, 1, depth], single)
                  : whole(9, "i64", [3, 1, depth], -3, 2),
                floats(10, [3, 1, ...data.shape.slice(depth)]),
              ],
              outputs: ["f32"],
              attributes: { reduction },
              constants,
              opset: 18,
            });
          }
    });
    it("the last of several updates wins", () => {
      for (const constants of [[], [1]]) {
        const inputs = [
          tensor("i32", [3], [7, 8, 9]),
          tensor("i64", [4], [1, -1, -2, 1]),
          tensor("i32", [4], [1, 2, 3, 4]),
        ];
        gives({ operator: "ScatterElements", inputs, outputs: ["i32"], constants }, [7, 4, 2]);
        const rows = inputs.with(1, tensor("i64", [4, 1], [1, -1, -2, 1]));
        gives({ operator: "ScatterND", inputs: rows, outputs: ["i32"], constants }, [7, 4, 2]);
      }
    });
    it("bools, long reductions", async () => {
      const bools = (...bits: readonly number[]) => tensor("bool", [bits.length], bits);
      const inputs = [bools(0, 1, 1), ints(0, 0, 1), bools(0, 1, 0)];
      for (const [reduction, result] of [
        ["none", [1, 0, 1]],
        ["add", [1, 1, 1]],
        ["mul", [0, 0, 1]],
      ] as const)
        gives(
          { operator: "ScatterElements", inputs, outputs: ["bool"], attributes: { reduction }, opset: 18 },
          [...result],
        );
      await expectAgreement({
        operator: "ScatterElements",
        inputs: [floats(11, [3]), whole(12, "i64", [700], 0, 2), floats(13, [700])],
        outputs: ["f32"],
        attributes: { reduction: "add" },
        opset: 18,
      });
    });
    it("refusals", () => {
      const test: Case = {
        operator: "ScatterElements",
        inputs: [data, indices, updates],
        outputs: ["f32"],
        opset: 18,
      };
      expectRefusal("MALFORMED", { ...test, attributes: { reduction: "sub" } });
      expectRefusal("MALFORMED", { ...test, attributes: { axis: 3 } });
      expectRefusal("MALFORMED", { ...test, inputs: [data, indices, data] });
      expectRefusal("MALFORMED", {
        ...test,
        inputs: [data, whole(2, "i64", [2, 3, 4], 4, 9), updates],
        constants: [1],
      });
      expectRefusal("MALFORMED", { ...test, inputs: [data, floats(1, [2, 3, 4]), updates] });
      expectRefusal("MALFORMED", { ...test, inputs: [data, indices] });
      expectRefusal("UNSUPPORTED_USE", { ...test, opset: 13, attributes: { reduction: "add" } });
      const nd: Case = { ...test, operator: "ScatterND", inputs: [data, ints(0, 0), floats(1, [5])] };
      expectRefusal("MALFORMED", { ...nd, inputs: [data, ints(0, 0, 0, 0), floats(1, [5])] });
      expectRefusal("MALFORMED", { ...nd, inputs: [data, scalar("i64", 0), data] });
      expectRefusal("MALFORMED", { ...nd, inputs: [data, ints(0, 0), floats(1, [4])] });
    });
  });

  describe("TopK", () => {
    const top = (x: TestTensor, k: number, attributes: Case["attributes"] = {}, opset = 11): Case => ({
      operator: "TopK",
      inputs: [x, ints(k)],
      outputs: [x.dtype, "i64"],
      attributes,
      constants: [1],
      opset,
    });
    it("of every axis, largest and smallest, with ties", async () => {
      for (const axis of [0, 1, -1])
        for (const largest of [0, 1])
          for (const type of ["f32", "i32", "i64"] as const)
            await expectAgreement(top(whole(20, type, [3, 4, 5], -2, 2), 3, { axis, largest }));
      await expectAgreement(top(floats(21, [7]), 7));
      await expectAgreement(top(floats(21, [2, 7]), 2, {}, 10));
      gives(top(tensor("u64", [4], [3, 2n ** 64n - 1n, 2n ** 63n, 3]), 3), [2 ** 64, 2 ** 63, 3], [1, 2, 0]);
      gives(top(tensor("f32", [4], [1, NaN, Infinity, NaN]), 3), [NaN, NaN, Infinity], [1, 3, 2]);
    });
    it("of a long axis", async () => {
      for (const largest of [0, 1])
        await expectAgreement(top(whole(22, "f32", [1, 2100], -50, 50), 5, { largest }));
    }).timeout(20_000);
    it("by attribute up to opset 9", () => {
      const x = tensor("f32", [4], [1, 3, 2, 3]);
      gives(
        { operator: "TopK", inputs: [x], outputs: ["f32", "i64"], attributes: { k: 2 }, opset: 9 },
        [3, 3],
        [1, 3],
      );
    });
    it("refusals", () => {
      const x = floats(23, [2, 3]);
      expectRefusal("MALFORMED", top(x, 4));
      expectRefusal("MALFORMED", top(x, -1));
      expectRefusal("MALFORMED", top(x, 1, { axis: 2 }));
      expectRefusal("DYNAMIC_SHAPE", { ...top(x, 1), constants: [] });
      expectRefusal("MALFORMED", top(scalar("f32", 1), 1));
      expectRefusal("TOO_LARGE", top(floats(23, [1, 3000]), 2000));
      expectRefusal("TOO_LARGE", top(whole(23, "i64", [1, 3000], 0, 9), 3));
    });
  });

  describe("running sums", () => {
    it("CumSum", async () => {
      for (const exclusive of [0, 1])
        for (const reverse of [0, 1])
          for (const axis of [0, -1])
            for (const type of ["f32", "i32", "i64"] as const)
              await expectAgreement({
                operator: "CumSum",
                inputs: [whole(30, type, [3, 4, 5], -9, 9), scalar("i64", axis)],
                outputs: [type],
                attributes: { exclusive, reverse },
                constants: [1],
                opset: 14,
              });
    });
    it("CumSum of a long axis", async () => {
      // Whole numbers, so that onnxruntime's sums are exact too.
      const values = numbers(whole(31, "i32", [2200], -9, 9));
      for (const type of ["f32", "i32"] as const)
        for (const exclusive of [0, 1])
          await expectAgreement({
            operator: "CumSum",
            inputs: [tensor(type, [2, 1100, 1], values), scalar("i64", 1)],
            outputs: [type],
            attributes: { exclusive, reverse: exclusive },
            constants: [1],
            opset: 14,
          });
    });
    it("CumProd", () => {
      const test = (type: DTypeName, exclusive: number, reverse: number): Case => ({
        operator: "CumProd",
        inputs: [tensor(type, [5], [1, 2, 3, -1, 4]), scalar("i64", 0)],
        outputs: [type],
        attributes: { exclusive, reverse },
        constants: [1],
        opset: 26,
      });
      for (const type of ["f32", "i32"] as const) {
        gives(test(type, 0, 0), [1, 2, 6, -6, -24]);
        gives(test(type, 1, 0), [1, 1, 2, 6, -6]);
        gives(test(type, 0, 1), [-24, -24, -12, -4, 4]);
        gives(test(type, 1, 1), [-24, -12, -4, 4, 1]);
      }
      expectRefusal("DYNAMIC_SHAPE", { ...test("f32", 0, 0), constants: [] });
      expectRefusal("MALFORMED", { ...test("f32", 0, 0), inputs: [floats(1, [2]), scalar("i64", 1)] });
    });
  });

  describe("positions", () => {
    it("OneHot", async () => {
      for (const axis of [0, 1, -1])
        for (const type of ["i64", "f32"] as const)
          await expectAgreement({
            operator: "OneHot",
            inputs: [whole(40, "i64", [3, 4], -7, 7), scalar("i64", 5), tensor(type, [2], [2, 3])],
            outputs: [type],
            attributes: { axis },
            constants: [1],
            opset: 11,
          });
      // Floats are truncated.
      const inputs32 = [tensor("f32", [3], [1.9, -1, 7]), scalar("f32", 3), tensor("i32", [2], [2, 3])];
      gives(
        { operator: "OneHot", inputs: inputs32, outputs: ["i32"], constants: [1] },
        [2, 3, 2, 2, 2, 3, 2, 2, 2],
      );
      const inputs = [ints(1), scalar("i64", 0), ints(0, 1)];
      expectRefusal("MALFORMED", { operator: "OneHot", inputs, outputs: ["i64"], constants: [1] });
      expectRefusal("DYNAMIC_SHAPE", {
        operator: "OneHot",
        inputs: inputs.with(1, scalar("i64", 3)),
        outputs: ["i64"],
      });
    });
    it("Trilu", async () => {
      for (const upper of [0, 1])
        for (const k of [-9, -1, 0, 2, 9])
          for (const constants of [[], [1]])
            await expectAgreement({
              operator: "Trilu",
              inputs: [floats(41, [2, 3, 4]), scalar("i64", k)],
              outputs: ["f32"],
              attributes: { upper },
              constants,
              opset: 14,
            });
      expectRefusal("MALFORMED", { operator: "Trilu", inputs: [floats(1, [3])], outputs: ["f32"] });
    });
    it("EyeLike", async () => {
      for (const k of [-1, 0, 2, 9, -9])
        await expectAgreement({
          operator: "EyeLike",
          inputs: [floats(42, [3, 4])],
          outputs: ["i32"],
          attributes: { k, dtype: 6 },
        });
      expectRefusal("MALFORMED", { operator: "EyeLike", inputs: [floats(1, [3])], outputs: ["f32"] });
      expectRefusal("UNSUPPORTED_DTYPE", {
        operator: "EyeLike",
        inputs: [floats(1, [3, 3])],
        outputs: ["f32"],
        attributes: { dtype: 11 },
      });
    });
    it("Hardmax", async () => {
      for (const opset of [11, 13])
        for (const axis of [0, 1, 2])
          await expectAgreement({
            operator: "Hardmax",
            inputs: [whole(43, "f32", [3, 4, 5], 0, 3)],
            outputs: ["f32"],
            attributes: { axis },
            opset,
          });
    });
    it("ReverseSequence", async () => {
      for (const time_axis of [0, 1])
        await expectAgreement({
          operator: "ReverseSequence",
          inputs: [floats(44, [4, 4, 2]), ints(1, 4, 2, 3)],
          outputs: ["f32"],
          attributes: { time_axis, batch_axis: 1 - time_axis },
        });
      const inputs = [floats(44, [4, 4, 2]), ints(1)];
      expectRefusal("MALFORMED", { operator: "ReverseSequence", inputs, outputs: ["f32"] });
    });
    it("com.microsoft: Trilu, GatherND, Range, Pad, UnfoldTensor", async () => {
      const x = floats(45, [3, 6]);
      await expectAgreement({ operator: "com.microsoft:Trilu", inputs: [x], outputs: ["f32"] });
      await expectAgreement({
        operator: "com.microsoft:GatherND",
        inputs: [x, tensor("i64", [2, 1], [2, 0])],
        outputs: ["f32"],
      });
      await expectAgreement({
        operator: "com.microsoft:Range",
        inputs: [scalar("f32", 1), scalar("f32", 7)],
        outputs: ["f32"],
        constants: [0, 1],
      });
      await expectAgreement({
        operator: "com.microsoft:Pad",
        inputs: [x, ints(1, 0, 2, 1), scalar("f32", 3)],
        outputs: ["f32"],
        constants: [1],
      });
      await expectAgreement({
        operator: "com.microsoft:UnfoldTensor",
        inputs: [x],
        outputs: ["f32"],
        attributes: { dim: 1, size: 3, step: 2 },
      });
    });
  });

  describe("what the data decide must be known", () => {
    const x = whole(50, "f32", [3, 4], 0, 2);
    it("Compress, NonZero, Unique", async () => {
      const condition = tensor("bool", [3], [1, 0, 1]);
      for (const attributes of [{}, { axis: 0 }, { axis: -1 }])
        await expectAgreement({
          operator: "Compress",
          inputs: [x, condition],
          outputs: ["f32"],
          attributes,
          constants: [1],
        });
      await expectAgreement({ operator: "NonZero", inputs: [x], outputs: ["i64"], constants: [0] });
      for (const sorted of [0, 1])
        for (const attributes of [{ sorted }, { sorted, axis: 0 }, { sorted, axis: 1 }])
          await expectAgreement({
            operator: "Unique",
            inputs: [whole(51, "f32", [4, 3], 0, 1)],
            outputs: ["f32", "i64", "i64", "i64"],
            attributes,
            constants: [0],
          });
      expectRefusal("DYNAMIC_SHAPE", { operator: "Compress", inputs: [x, condition], outputs: ["f32"] });
      expectRefusal("DYNAMIC_SHAPE", { operator: "NonZero", inputs: [x], outputs: ["i64"] });
      expectRefusal("DYNAMIC_SHAPE", { operator: "Unique", inputs: [x], outputs: ["f32"] });
    });
    it("NonMaxSuppression", async () => {
      const corners = floats(52, [2, 12, 4], 0, 1);
      const scores = floats(53, [2, 2, 12], 0, 1);
      const inputs = [corners, scores, scalar("i64", 5), scalar("f32", 0.3), scalar("f32", 0.2)];
      for (const center_point_box of [0, 1])
        await expectAgreement({
          operator: "NonMaxSuppression",
          inputs,
          outputs: ["i64"],
          attributes: { center_point_box },
          constants: [0, 1, 2, 3, 4],
        });
      expectRefusal("DYNAMIC_SHAPE", {
        operator: "NonMaxSuppression",
        inputs,
        outputs: ["i64"],
        constants: [2],
      });
    });
    it("Range of numbers that are no inputs", async () => {
      for (const [start, limit, delta] of [
        [1, 9, 3],
        [5, -5, -2],
      ] as const)
        for (const type of ["f32", "i32", "i64", "i16"] as const)
          await expectAgreement({
            operator: "Range",
            inputs: [scalar(type, start), scalar(type, limit), scalar(type, delta)],
            outputs: [type],
            constants: [0, 1, 2],
          });
      expectRefusal("MALFORMED", {
        operator: "Range",
        inputs: [ints(0), ints(3), ints(0)],
        outputs: ["i64"],
        constants: [0, 1, 2],
      });
      expectRefusal("MALFORMED", {
        operator: "Range",
        inputs: [ints(0), ints(3, 4), ints(1)],
        outputs: ["i64"],
        constants: [0, 1, 2],
      });
    });
  });

  it("huge results are refused before anything is computed", () => {
    const wide = (operator: string, inputs: Case["inputs"]) =>
      expectRefusal("TOO_LARGE", { operator, inputs, outputs: ["i64"], constants: inputs.map((_, k) => k) });
    wide("OneHot", [whole(1, "i64", [90], 0, 1), scalar("i64", 2 ** 31), ints(0, 1)]);
    wide("Range", [ints(0), tensor("i64", [1], [2n ** 62n]), ints(1)]);
  });
});

import { expect } from "chai";
import { outElements, product } from "../instruction.ts";
import { lowerModel, LOWERING_VERSION } from "./lower.ts";
import {
  deviation,
  expectAgreement,
  expectAlike,
  floats,
  info,
  ints,
  modelFile,
  node,
  random,
  randomTensor,
  runBoth,
  runCase,
  tensor,
  type Graph,
} from "./testing.ts";

describe("lowered programs", () => {
  it("rearranging costs no instruction, but for the order of an output", () => {
    const { program } = lowerModel(
      modelFile({
        nodes: [
          node("Reshape", ["x", "shape"], ["a"]),
          node("Transpose", ["a"], ["b"], { perm: [2, 0, 1] }),
          node("Slice", ["b", "one", "two", "one"], ["c"]),
          node("Unsqueeze", ["c", "two"], ["d"]),
          node("Expand", ["d", "wide"], ["e"]),
          node("Neg", ["e"], ["y"]),
        ],
        inputs: [info("x", "f32", [4, 6])],
        outputs: [info("y", "f32", [4, 1, 5, 3])],
        constants: {
          shape: ints(2, 3, 4),
          one: ints(1),
          two: ints(2),
          three: ints(3),
          wide: ints(4, 1, 5, 1),
        },
      }),
    );
    expect(program.instructions.map(({ body }) => body)).to.deep.equal(["neg", "copy"]);
  });

  it("folds what is known, drops what is not needed, states equal instructions once", () => {
    const { program, nodes } = lowerModel(
      modelFile({
        nodes: [
          node("Add", ["k", "k"], ["twice"]),
          node("Mul", ["x", "twice"], ["p"]),
          node("Mul", ["x", "twice"], ["q"]),
          node("Exp", ["x"], ["unused"]),
          node("Sub", ["p", "q"], ["y"]),
        ],
        inputs: [info("x", "f32", [3]), info("spare", "i8", [2])],
        outputs: [info("y", "f32", [3])],
        constants: { k: tensor("f32", [3], [1, 2, 3]), loose: floats(1, [50], -1, 1) },
      }),
    );
    expect(program.instructions.map(({ body }) => body)).to.deep.equal(["mul", "sub"]);
    expect(program.constants.map(({ data }) => [...new Float32Array(data.slice().buffer)])).to.deep.equal([
      [2, 4, 6],
    ]);
    expect(program.inputs).to.deep.equal([
      { dtype: "f32", elements: 3 },
      { dtype: "i8", elements: 2 },
    ]);
    expect(nodes.map(({ operator }) => operator)).to.deep.equal(["Mul", "Sub"]);
    expect(program.loweringVersion).to.equal(LOWERING_VERSION);
  });

  it("outputs are instructions even where they are inputs, constants or views", async () => {
    const graph: Graph = {
      nodes: [
        node("Identity", ["x"], ["same"]),
        node("Identity", ["k"], ["known"]),
        node("Transpose", ["x"], ["turned"]),
      ],
      inputs: [info("x", "f32", [2, 3])],
      outputs: [info("same", "f32", [2, 3]), info("known", "f32", [4]), info("turned", "f32", [3, 2])],
      constants: { k: floats(2, [4], -1, 1) },
    };
    const results = await runBoth(modelFile(graph), [floats(3, [2, 3], -1, 1)]);
    expect(results.lowered.program.instructions).to.have.length(3);
    expectAlike(results);
  });

  it("is deterministic", () => {
    const file = modelFile({
      nodes: [node("Conv", ["x", "w"], ["c"]), node("Relu", ["c"], ["y"])],
      inputs: [info("x", "f32", [1, 3, 8, 8])],
      outputs: [info("y", "f32")],
      constants: { w: floats(4, [4, 3, 3, 3], -1, 1) },
    });
    expect(lowerModel(file)).to.deep.equal(lowerModel(file.slice()));
  });

  it("binds symbolic dimensions by name, unnamed ones by input and axis", () => {
    const file = modelFile({
      nodes: [node("Neg", ["x"], ["y"])],
      inputs: [info("x", "f32", ["batch", "", 3])],
      outputs: [info("y", "f32", ["batch", "", 3])],
    });
    const { inputs, outputs } = lowerModel(file, { dims: { batch: 2, "x:1": 5, "y:1": 5 } });
    expect(inputs).to.deep.equal([{ name: "x", dtype: "f32", shape: [2, 5, 3], lead: "batch" }]);
    expect(outputs).to.deep.equal([{ name: "y", dtype: "f32", shape: [2, 5, 3] }]);
  });

  it("stores activations channels last and weights in the order of the reduction", () => {
    const { program } = lowerModel(
      modelFile({
        nodes: [node("Conv", ["x", "w"], ["c"], { pads: [1, 1, 1, 1] }), node("Conv", ["c", "w"], ["y"])],
        inputs: [info("x", "f32", [1, 16, 6, 6])],
        outputs: [info("y", "f32")],
        constants: { w: floats(5, [16, 16, 3, 3], -1, 1) },
      }),
    );
    const [first, second] = program.instructions;
    expect(first?.outDims).to.deep.equal([6, 6, 16]);
    // One run of channels for each of three rows of three positions: the last reduction step is one element.
    const lastTerm = second?.loads[0]?.kind === "tensor" ? second.loads[0].axes : [];
    expect(lastTerm.map(({ stride }) => stride)).to.deep.equal([1]);
    expect(program.constants).to.have.length(1);
  });

  describe("long reductions", () => {
    it("split into exact partial sums", async () => {
      const count = 20000;
      const { lowered, exact, onnxruntime } = await runCase({
        operator: "MatMul",
        inputs: [floats(6, [1, count], -1, 1), floats(7, [count, 2], -1, 1)],
        outputs: ["f32"],
        constants: [1],
      });
      expect(lowered.program.instructions.map(({ dtype }) => dtype)).to.deep.equal(["acc", "f32"]);
      const [result, reference] = [exact[0], onnxruntime[0]];
      if (result === undefined || reference === undefined) throw new Error("no result");
      expect(deviation(result, reference)).to.be.below(1e-4);
    });

    it("equal the unsplit sum, rounded once", async () => {
      // Any rounding on the way would lose the halves.
      const values = [2 ** 24, ...Array.from({ length: 19999 }, () => 0.5)];
      const sum = await runCase({
        operator: "ReduceSum",
        inputs: [tensor("f32", [values.length], values)],
        outputs: ["f32"],
      });
      expect(sum.lowered.program.instructions).to.have.length(2);
      expect(new Float32Array(sum.exact[0]?.data.buffer ?? new ArrayBuffer(0))[0]).to.equal(2 ** 24 + 10000);
    });

    it("split maxima and integer sums, raggedly too", async () => {
      const x = randomTensor(random(8), "i32", [20011], -(2 ** 15), 2 ** 15);
      for (const operator of ["ReduceMax", "ReduceMin", "ReduceSum"]) {
        const lowered = await expectAgreement({
          operator,
          inputs: [x],
          outputs: ["i32"],
          attributes: { keepdims: 0 },
        });
        expect(lowered.program.instructions).to.have.length(2);
      }
    });

    it("finds the first of equal maxima across parts", async () => {
      const values = Array.from({ length: 20011 }, (_, i) => (i === 9000 || i === 19000 ? 5 : i % 3));
      const { exact } = await runCase({
        operator: "ArgMax",
        inputs: [tensor("f32", [20011], values)],
        outputs: ["i64"],
      });
      expect(Number(new BigInt64Array(exact[0]?.data.slice().buffer ?? new ArrayBuffer(0))[0])).to.equal(
        9000,
      );
    });

    it("copy a scattered operand first", async () => {
      const { lowered, exact, onnxruntime } = await runCase({
        operator: "MatMul",
        inputs: [floats(9, [2, 700], -1, 1), floats(10, [700, 80], -1, 1)],
        outputs: ["f32"],
      });
      const [copy, sum] = lowered.program.instructions;
      expect(copy?.body).to.equal("copy");
      expect(copy === undefined ? 0 : outElements(copy)).to.equal(56000);
      expect(product(sum?.redDims ?? [])).to.equal(700);
      const [result, reference] = [exact[0], onnxruntime[0]];
      if (result === undefined || reference === undefined) throw new Error("no result");
      expect(deviation(result, reference)).to.be.below(1e-4);
    });
  });
});

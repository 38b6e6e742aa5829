import { expect } from "chai";
import { parseModel } from "../onnx/model.ts";
import { lowerModel } from "./lower.ts";
import { fuseQuantised } from "./qdq.ts";
import {
  expectAlike,
  info,
  modelFile,
  node,
  random,
  randomTensor,
  runBoth,
  scalar,
  tensor,
  type AttributeValue,
  type TestTensor,
} from "./testing.ts";

type Byte = "u8" | "i8";

/** A graph in QDQ format: `operator` between the quantised inputs and the output. */
interface Group {
  readonly operator: string;
  /** Shapes of float inputs that are quantised first, then of quantised weights. */
  readonly inputs: readonly (readonly number[])[];
  readonly weights?: readonly (readonly number[])[];
  /** Elements of a bias. */
  readonly bias?: number;
  /** Per output channel along this axis. */
  readonly axis?: number;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** What stands before QuantizeLinear. */
  readonly clip?: "Relu" | "Clip";
  readonly opset?: number;
  /** Whether the output stays float32. */
  readonly toFloat?: boolean;
}

const GROUPS: Readonly<Record<string, Group>> = {
  Conv: {
    operator: "Conv",
    inputs: [[1, 4, 6, 5]],
    weights: [[8, 4, 3, 3]],
    bias: 8,
    attributes: { pads: [1, 1, 1, 1] },
  },
  "Conv per channel": {
    operator: "Conv",
    inputs: [[1, 4, 6, 5]],
    weights: [[8, 2, 3, 3]],
    axis: 0,
    attributes: { group: 2 },
  },
  "Conv, Relu": { operator: "Conv", inputs: [[1, 4, 6, 5]], weights: [[8, 4, 1, 1]], bias: 8, clip: "Relu" },
  "Conv, Clip": { operator: "Conv", inputs: [[1, 4, 6, 5]], weights: [[8, 4, 1, 1]], clip: "Clip" },
  "MatMul of weights": { operator: "MatMul", inputs: [[3, 16]], weights: [[16, 8]] },
  "MatMul per column": { operator: "MatMul", inputs: [[3, 16]], weights: [[16, 8]], axis: 1 },
  MatMul: {
    operator: "MatMul",
    inputs: [
      [2, 3, 16],
      [2, 16, 5],
    ],
  },
  Gemm: { operator: "Gemm", inputs: [[3, 16]], weights: [[8, 16]], bias: 8, attributes: { transB: 1 } },
  "Gemm per column": { operator: "Gemm", inputs: [[3, 16]], weights: [[16, 8]], axis: 1 },
  "MatMul to float32": { operator: "MatMul", inputs: [[3, 16]], weights: [[16, 8]], toFloat: true },
  "Gemm to float32": { operator: "Gemm", inputs: [[3, 16]], weights: [[16, 8]], bias: 8, toFloat: true },
  Add: {
    operator: "Add",
    inputs: [
      [2, 30, 7],
      [30, 1],
    ],
  },
  Mul: {
    operator: "Mul",
    inputs: [
      [2, 30, 7],
      [2, 30, 7],
    ],
  },
  Concat: {
    operator: "Concat",
    inputs: [
      [2, 30],
      [2, 12],
    ],
    attributes: { axis: 1 },
  },
  AveragePool: {
    operator: "AveragePool",
    inputs: [[1, 3, 9, 9]],
    attributes: { kernel_shape: [3, 2], strides: [2, 2] },
  },
  GlobalAveragePool: { operator: "GlobalAveragePool", inputs: [[2, 5, 7, 9]] },
  LeakyRelu: { operator: "LeakyRelu", inputs: [[300]], attributes: { alpha: { float: 0.3 } } },
  Sigmoid: { operator: "Sigmoid", inputs: [[300]] },
  Softmax: { operator: "Softmax", inputs: [[4, 40]], attributes: { axis: 1 } },
  Transpose: { operator: "Transpose", inputs: [[4, 40]], attributes: { perm: [1, 0] } },
  "Softmax of opset 12": { operator: "Softmax", inputs: [[4, 5, 8]], opset: 12 },
};

interface Built {
  readonly file: Uint8Array;
  readonly feeds: readonly TestTensor[];
}

function build(group: Group, type: Byte, seed: number): Built {
  const { operator, inputs, weights = [], bias, axis, attributes = {}, clip, opset = 17 } = group;
  const next = random(seed);
  const [least, most] = type === "u8" ? [0, 255] : [-128, 127];
  // Often a power of two, so that ties occur.
  const scale = (): number => (next() < 0.5 ? 2 ** Math.floor(next() * 3 - 5) : 0.02 + next() * 0.1);
  const constants: Record<string, TestTensor> = {};
  const nodes: ReturnType<typeof node>[] = [];
  const constant = (name: string, value: TestTensor): string => {
    constants[name] = value;
    return name;
  };
  const same = operator === "Transpose" ? scale() : undefined;
  const zeroOf = (name: string, relu = false): string =>
    constant(
      `${name} zero`,
      scalar(type, relu ? least : same === undefined ? Math.floor(least + next() * 255) : least + 100),
    );
  const scaleOf = (name: string, by = 1): string =>
    constant(`${name} scale`, scalar("f32", Math.fround(same ?? scale() * by)));
  const operands = inputs.map((_, k) => {
    const parameters =
      same === undefined || k > 0 ? [scaleOf(`x${k}`), zeroOf(`x${k}`)] : [scaleOf("x"), zeroOf("x")];
    nodes.push(node("QuantizeLinear", [`x${k}`, ...parameters], [`q${k}`]));
    nodes.push(node("DequantizeLinear", [`q${k}`, ...parameters], [`d${k}`]));
    return `d${k}`;
  });
  weights.forEach((shape, k) => {
    const channels = axis === undefined ? undefined : (shape[axis] ?? 1);
    const scales = Array.from({ length: channels ?? 1 }, () => Math.fround(scale()));
    const zeros = scales.map(() => (type === "u8" ? 128 : 0));
    const dims = channels === undefined ? [] : [channels];
    const names = [
      constant(`w${k}`, randomTensor(next, type, shape, least, most)),
      constant(`w${k} scale`, tensor("f32", dims, scales)),
      constant(`w${k} zero`, tensor(type, dims, zeros)),
    ];
    nodes.push(node("DequantizeLinear", names, [`dw${k}`], axis === undefined ? {} : { axis }));
    operands.push(`dw${k}`);
  });
  if (bias !== undefined) {
    const own = Math.fround(floatOf(constants["x0 scale"]) * floatOf(constants["w0 scale"]));
    const names = [
      constant("bias", randomTensor(next, "i32", [bias], -3000, 3000)),
      constant("bias scale", scalar("f32", own)),
    ];
    nodes.push(node("DequantizeLinear", names, ["db"]));
    operands.push("db");
  }
  nodes.push(node(operator, operands, ["y"], attributes));
  let last = "y";
  if (clip !== undefined) {
    nodes.push(
      node(
        clip,
        clip === "Relu"
          ? ["y"]
          : ["y", constant("low", scalar("f32", 0)), constant("high", scalar("f32", 1e6))],
        ["c"],
      ),
    );
    last = "c";
  }
  const sums = weights.length > 0 || operator === "MatMul";
  const parameters =
    same === undefined
      ? [scaleOf("y", sums ? 40 : operator === "Softmax" ? 0.1 : 1), zeroOf("y", clip !== undefined)]
      : ["x scale", "x zero"];
  if (group.toFloat === true) nodes.push(node("Identity", [last], ["output"]));
  else {
    nodes.push(node("QuantizeLinear", [last, ...parameters], ["q"]));
    nodes.push(node("DequantizeLinear", ["q", ...parameters], ["output"]));
  }
  return {
    file: modelFile({
      nodes,
      inputs: inputs.map((shape, k) => info(`x${k}`, "f32", [...shape])),
      outputs: [info("output", "f32")],
      constants,
      opset,
    }),
    feeds: inputs.map((shape) => randomTensor(next, "f32", shape, -6, 6)),
  };
}

function floatOf(value: TestTensor | undefined): number {
  return value === undefined ? 0 : new DataView(value.data.buffer, value.data.byteOffset).getFloat32(0, true);
}

function operatorsOf(file: Uint8Array): string[] {
  const { nodes, initializers, outputs } = parseModel(file);
  return fuseQuantised(
    nodes,
    initializers,
    outputs.map(({ name }) => name),
  ).nodes.map(({ operator }) => operator);
}

describe("lowering against onnxruntime: QDQ groups, bit for bit", () => {
  for (const [name, group] of Object.entries(GROUPS))
    for (const type of ["u8", "i8"] as const)
      it(`${name}, ${type}`, async () => {
        for (let seed = 1; seed <= 6; seed++) {
          const { file, feeds } = build(group, type, seed * 17);
          expect(operatorsOf(file)).to.not.include(name === "Transpose" ? "-" : group.operator);
          expectAlike(await runBoth(file, feeds), 0, `seed ${seed}`);
        }
      });

  it("leaves what a second operator reads, and what is shown, as it is", () => {
    const { file } = build(GROUPS["Add"] as Group, "u8", 3);
    const parsed = parseModel(file);
    expect(fuseQuantised(parsed.nodes, parsed.initializers, ["output", "y"]).nodes).to.deep.equal(
      parsed.nodes,
    );
    expect(lowerModel(file).program.instructions.length).to.be.greaterThan(0);
  });
});

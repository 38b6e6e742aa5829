import { expect } from "chai";
import { lowerModel } from "../lower/lower.ts";
import {
  graphProto,
  info,
  ints,
  modelFile,
  node,
  scalar,
  tensor,
  type AttributeValue,
  type TestTensor,
} from "../testing/onnx.ts";
import { ModelError } from "./error.ts";

const HUGE = 2 ** 31;
const nothing = (dtype: TestTensor["dtype"], ...shape: number[]): TestTensor => ({
  dtype,
  shape,
  data: new Uint8Array(0),
});
const body = graphProto({
  nodes: [node("Identity", ["s"], ["t"])],
  inputs: [info("s", "f32"), info("x", "f32")],
  outputs: [info("t", "f32")],
});
const gram = (column: number) => ({
  ...{ min_gram_length: 1, max_gram_length: 1, max_skip_count: 0, mode: "TF" },
  ...{ ngram_counts: [0], ngram_indexes: [column], pool_int64s: [1] },
});

interface Bomb {
  readonly operator: string;
  readonly inputs: readonly (TestTensor | undefined)[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly opset?: number;
}

/** Files of some bytes that ask for loops or tables of billions. */
const BOMBS: readonly Bomb[] = [
  { operator: "Unique", inputs: [nothing("f32", 0, HUGE)], attributes: { axis: 1 } },
  { operator: "Unique", inputs: [nothing("f32", HUGE, 0)], attributes: { axis: 0 } },
  {
    operator: "NonMaxSuppression",
    inputs: [nothing("f32", 65_536, 0, 4), nothing("f32", 65_536, 65_535, 0), scalar("i64", 3)],
  },
  {
    operator: "Scan",
    opset: 8,
    inputs: [undefined, nothing("f32", HUGE, 0), nothing("f32", HUGE, 0, 0)],
    attributes: { body, num_scan_inputs: 1 },
  },
  ...["edge", "reflect", "wrap"].map((mode): Bomb => {
    return {
      operator: "Pad",
      opset: 19,
      inputs: [tensor("u8", [2], [1, 2]), ints(0, HUGE)],
      attributes: { mode },
    };
  }),
  { operator: "TfIdfVectorizer", inputs: [ints(1, 2)], attributes: gram(2 ** 50) },
  { operator: "Expand", inputs: [scalar("u8", 1), ints(2 ** 32 - 1)] },
  { operator: "Tile", inputs: [tensor("u8", [2], [1, 2]), ints(2 ** 30)] },
  { operator: "Range", inputs: [scalar("i64", 0), scalar("i64", HUGE), scalar("i64", 1)] },
  {
    operator: "Split",
    opset: 18,
    inputs: [nothing("f32", 0, HUGE)],
    attributes: { axis: 1, num_outputs: 2 ** 40 },
  },
  { operator: "CumSum", inputs: [nothing("f32", 0, HUGE), scalar("i64", 1)] },
];

function refusedOrLowered(file: Uint8Array, label: string): void {
  const started = performance.now();
  try {
    lowerModel(file);
  } catch (error) {
    if (!(error instanceof ModelError) || error.code === "INTERNAL") throw error;
  }
  expect(performance.now() - started, label).to.be.below(5000);
}

describe("bombs: a few bytes that ask for billions", () => {
  for (const { operator, inputs, attributes = {}, opset = 14 } of BOMBS)
    it(`${operator} ${inputs.map((x) => `[${x?.shape.join() ?? ""}]`).join(" ")}`, () => {
      const named = inputs.flatMap((value, k): [string, TestTensor][] => (value ? [[`x${k}`, value]] : []));
      const names = inputs.map((value, k) => (value ? `x${k}` : ""));
      const nodes = [node(operator, names, ["y"], attributes)];
      const file = modelFile({
        ...{ opset, nodes, inputs: [], outputs: [info("y", "f32")] },
        constants: Object.fromEntries(named),
      });
      refusedOrLowered(file, operator);
    });

  it("slow functions of a constant that is only stated", () => {
    for (const [operator, type, value] of [
      ["Div", "i64", 2 ** 62],
      ["Sin", "f32", 3e38],
      ["Pow", "f32", 1.5],
    ] as const) {
      const inputs = operator === "Sin" ? ["c"] : ["c", "c"];
      const file = modelFile({
        nodes: [
          node("ConstantOfShape", ["s"], ["c"], { value: tensor(type, [1], [value]) }),
          node(operator, inputs, ["y"]),
        ],
        inputs: [],
        outputs: [info("y", type)],
        constants: { s: ints(2 ** 25) },
      });
      refusedOrLowered(file, operator);
    }
  });

  it("constants of billions of elements stay instructions", () => {
    const file = modelFile({
      nodes: [
        node("Expand", ["c", "s"], ["e"]),
        node("Transpose", ["e"], ["t"]),
        node("Flatten", ["t"], ["y"]),
      ],
      inputs: [],
      outputs: [info("y", "u8")],
      constants: { c: tensor("u8", [2, 1], [1, 2]), s: ints(2, 2 ** 30) },
    });
    const { program } = lowerModel(file);
    expect(program.constants.reduce((sum, { data }) => sum + data.length, 0)).to.be.at.most(64);
  });
});

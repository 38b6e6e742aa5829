import { create } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  FunctionProtoSchema,
  type AttributeProto,
  type FunctionProto,
  type NodeProto,
} from "../onnx/gen/onnx-ml_pb.js";
import {
  expectAlike,
  expectRefusal,
  graphProto,
  info,
  ints,
  modelFile,
  node,
  random,
  randomTensor,
  runBoth,
  scalar,
  tensor,
  type Graph,
  type TestTensor,
} from "./testing.ts";

const x = info("x", "f32", [2, 3]);
const y = info("y", "f32");
const next = random(5);
const feed = randomTensor(next, "f32", [2, 3], -2, 2);

async function expectEqual(graph: Graph, feeds: readonly TestTensor[] = [feed]): Promise<void> {
  expectAlike(await runBoth(modelFile(graph), feeds));
}

const body = (nodes: readonly NodeProto[], inputs: Graph["inputs"], outputs: Graph["outputs"]) =>
  graphProto({ nodes, inputs, outputs });

describe("If", () => {
  const branches = {
    then_branch: body([node("Neg", ["x"], ["t"])], [], [info("t", "f32")]),
    else_branch: body([node("Add", ["x", "x"], ["e"])], [], [info("e", "f32")]),
  };
  const choose = node("If", ["c"], ["y"], branches);

  it("takes the branch of a known condition", async () => {
    for (const value of [0, 1])
      await expectEqual({
        nodes: [choose],
        inputs: [x],
        outputs: [y],
        constants: { c: scalar("bool", value) },
      });
  });

  it("selects by a condition that is not known", async () => {
    for (const value of [0, 1])
      await expectEqual({ nodes: [choose], inputs: [x, info("c", "bool", [])], outputs: [y] }, [
        feed,
        scalar("bool", value),
      ]);
  });

  it("refuses branches of different shapes by an unknown condition, and missing branches", () => {
    const other = body([node("Flatten", ["x"], ["e"], { axis: 0 })], [], [info("e", "f32")]);
    const inputs = [x, info("c", "bool", [])];
    const uneven = node("If", ["c"], ["y"], { ...branches, else_branch: other });
    expectRefusal("DYNAMIC_SHAPE", modelFile({ nodes: [uneven], inputs, outputs: [y] }));
    const half = node("If", ["c"], ["y"], { then_branch: branches.then_branch });
    expectRefusal("MALFORMED", modelFile({ nodes: [half], inputs, outputs: [y] }));
  });
});

describe("Loop and Scan", () => {
  const i = info("i", "i64", []);
  const go = info("go", "bool", []);
  const v = info("v", "f32", [2, 3]);

  it("carries values, stacks outputs and uses names of the enclosing graph", async () => {
    const steps = body(
      [
        node("Cast", ["i"], ["f"], { to: 1 }),
        node("Mul", ["x", "f"], ["m"]),
        node("Add", ["v", "m"], ["w"]),
        node("Neg", ["w"], ["s"]),
        node("Identity", ["go"], ["on"]),
      ],
      [i, go, v],
      [info("on", "bool"), info("w", "f32"), info("s", "f32")],
    );
    const nodes = [node("Loop", ["n", "", "x"], ["y", "z"], { body: steps })];
    await expectEqual({
      nodes,
      inputs: [x],
      outputs: [y, info("z", "f32")],
      constants: { n: scalar("i64", 4) },
    });
  });

  it("ends when its condition, known by then, is false", async () => {
    const steps = body(
      [node("Add", ["v", "v"], ["w"]), node("Less", ["i", "limit"], ["on"])],
      [i, go, v],
      [info("on", "bool"), info("w", "f32")],
    );
    const constants = { limit: scalar("i64", 2), c: scalar("bool", 1) };
    const nodes = [node("Loop", ["", "c", "x"], ["y"], { body: steps })];
    await expectEqual({ nodes, inputs: [x], outputs: [y], constants });
  });

  it("refuses loops that do not end, or whose end depends on inputs", () => {
    const idle = body([], [i, go, v], [go, v]);
    const inputs = [x, info("n", "i64", []), info("c", "bool", [])];
    const endless = {
      nodes: [node("Loop", ["m", "", "x"], ["y"], { body: idle })],
      inputs: [x],
      outputs: [y],
    };
    const constants = { m: tensor("i64", [], [2n ** 60n]) };
    expectRefusal("TOO_LARGE", modelFile({ ...endless, constants }));
    const trips = node("Loop", ["n", "", "x"], ["y"], { body: idle });
    expectRefusal("DYNAMIC_SHAPE", modelFile({ nodes: [trips], inputs, outputs: [y] }));
    const condition = node("Loop", ["", "c", "x"], ["y"], { body: idle });
    expectRefusal("DYNAMIC_SHAPE", modelFile({ nodes: [condition], inputs, outputs: [y] }));
    const neither = node("Loop", ["", "", "x"], ["y"], { body: idle });
    expectRefusal("UNSUPPORTED_USE", modelFile({ nodes: [neither], inputs: [x], outputs: [y] }));
    const short = node("Loop", ["m", "", "x"], ["y"], { body: body([], [i, go], [go]) });
    expectRefusal("MALFORMED", modelFile({ nodes: [short], inputs: [x], outputs: [y], constants }));
  });

  it("scans along any axis in either direction", async () => {
    const row = info("row", "f32", [2]);
    const sum = info("sum", "f32", [2]);
    const steps = body(
      [node("Add", ["sum", "row"], ["total"]), node("Mul", ["total", "total"], ["square"])],
      [sum, row],
      [info("total", "f32"), info("square", "f32")],
    );
    const constants = { zero: tensor("f32", [2], [0, 0]) };
    for (const directions of [0, 1]) {
      const attributes = {
        ...{ body: steps, num_scan_inputs: 1, scan_input_axes: [1], scan_output_axes: [-1] },
        ...{ scan_input_directions: [directions], scan_output_directions: [1 - directions] },
      };
      const nodes = [node("Scan", ["zero", "x"], ["y", "z"], attributes)];
      await expectEqual({ nodes, inputs: [x], outputs: [y, info("z", "f32")], constants });
    }
  });
});

describe("functions of a model", () => {
  const make = (
    name: string,
    nodes: readonly NodeProto[],
    rest: { input?: string[]; attributeProto?: AttributeProto[] } = {},
  ): FunctionProto =>
    create(FunctionProtoSchema, {
      ...{ name, domain: "my", input: ["a"], output: ["r"], node: [...nodes], ...rest },
      opsetImport: [
        { domain: "", version: 17n },
        { domain: "my", version: 1n },
      ],
    });
  const slope = { ref: "slope", type: AttributeType.FLOAT };

  it("are inlined, with attributes, defaults, functions within and names that do not collide", async () => {
    const leak = make(
      "Leak",
      [node("LeakyRelu", ["a"], ["t"], { alpha: slope }), node("Neg", ["t"], ["r"])],
      {
        attributeProto: [create(AttributeProtoSchema, { name: "slope", type: AttributeType.FLOAT, f: 0.25 })],
      },
    );
    const twice = make("Twice", [
      node("my:Leak", ["a"], ["t"]),
      node("my:Leak", ["t"], ["u"], { slope: { float: 0.5 } }),
      node("Add", ["t", "u"], ["r"]),
    ]);
    await expectEqual({
      nodes: [node("my:Twice", ["x"], ["t"]), node("my:Twice", ["t"], ["y"])],
      inputs: [x],
      outputs: [y],
      functions: [leak, twice],
    });
  });

  it("may leave optional inputs out and use their own inside graphs", async () => {
    const clip = make("Cut", [node("Clip", ["a", "low", "high"], ["t"]), node("Neg", ["t"], ["r"])], {
      input: ["a", "low", "high"],
    });
    const steps = body(
      [node("Add", ["v", "a"], ["w"]), node("Identity", ["go"], ["on"])],
      [info("i", "i64", []), info("go", "bool", []), info("v", "f32", [2, 3])],
      [info("on", "bool"), info("w", "f32")],
    );
    const looped = make("Looped", [
      node("Constant", [], ["n"], { value: ints(3) }),
      node("Loop", ["n", "", "a"], ["r"], { body: steps }),
    ]);
    await expectEqual({
      nodes: [node("my:Cut", ["x", "", "one"], ["t"]), node("my:Looped", ["t"], ["y"])],
      inputs: [x],
      outputs: [y],
      constants: { one: scalar("f32", 1) },
      functions: [clip, looped],
    });
  });

  it("are refused if they call themselves, explode, are defined twice or get too many inputs", () => {
    const call = { nodes: [node("my:F", ["x"], ["y"])], inputs: [x], outputs: [y] };
    const self = make("F", [node("my:F", ["a"], ["r"])]);
    expectRefusal("TOO_LARGE", modelFile({ ...call, functions: [self] }));
    const many = Array.from({ length: 30 }, (_, k) => {
      const inner = `my:${k === 0 ? "F" : `G${k}`}`;
      return make(`G${k + 1}`, [node(inner, ["a"], ["t"]), node(inner, ["t"], ["r"])]);
    });
    const leaf = make("F", [node("Neg", ["a"], ["r"])]);
    const bomb = { ...call, nodes: [node("my:G30", ["x"], ["y"])], functions: [leaf, ...many] };
    expectRefusal("TOO_LARGE", modelFile(bomb));
    expectRefusal("MALFORMED", modelFile({ ...call, functions: [leaf, leaf] }));
    const crowded = { ...call, nodes: [node("my:F", ["x", "x"], ["y"])] };
    expectRefusal("MALFORMED", modelFile({ ...crowded, functions: [leaf] }));
  });

  it("and graphs that use what nothing defines are refused", () => {
    const lost = body([node("Neg", ["nowhere"], ["t"])], [], [info("t", "f32")]);
    const nodes = [node("If", ["c"], ["y"], { then_branch: lost, else_branch: lost })];
    const constants = { c: scalar("bool", 1) };
    expectRefusal("MISSING_VALUE", modelFile({ nodes, inputs: [x], outputs: [y], constants }));
  });
});

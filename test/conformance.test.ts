/** `npm run conformance` on tests that are made here, with onnxruntime's outputs as the expected ones. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";
import { runCase } from "../program/src/lower/testing.ts";
import { TensorProtoSchema } from "../program/src/onnx/gen/onnx-ml_pb.js";
import {
  caseFile,
  ints,
  random,
  randomTensor,
  tensorProto,
  type Case,
  type TestTensor,
} from "../program/src/testing/onnx.ts";
import { seededRng } from "../program/src/testing/rng.ts";
import { openCourt } from "../scripts/conformance/onchain.ts";
import { runTest, type Outcome } from "../scripts/conformance/run.ts";
import { findTests, readTest } from "../scripts/conformance/suite.ts";

const next = random(9);
const floats = (...shape: number[]) => randomTensor(next, "f32", shape, -2, 2);

const CASES: Readonly<Record<string, Case>> = {
  conv: {
    operator: "Conv",
    inputs: [floats(1, 3, 6, 6), floats(4, 3, 3, 3), floats(4)],
    outputs: ["f32"],
    attributes: { pads: [1, 1, 1, 1], strides: [2, 2] },
  },
  softmax: { operator: "Softmax", inputs: [floats(3, 5)], outputs: ["f32"], attributes: { axis: 0 } },
  // The shape is an input of the graph: it is fixed to the data's.
  reshape: { operator: "Reshape", inputs: [floats(3, 4), ints(2, -1)], outputs: ["f32"] },
  topk: { operator: "TopK", inputs: [floats(2, 9), ints(3)], outputs: ["f32", "i64"] },
  lstm: {
    operator: "LSTM",
    inputs: [floats(3, 2, 4), floats(1, 12, 4), floats(1, 12, 3)],
    outputs: ["f32"],
    attributes: { hidden_size: 3 },
  },
};

describe("conformance", () => {
  const folder = mkdtempSync(join(tmpdir(), "assay-conformance-"));
  after(() => rmSync(folder, { recursive: true }));

  function write(
    name: string,
    file: Uint8Array,
    inputs: readonly TestTensor[],
    outputs: readonly TestTensor[],
  ) {
    const set = join(folder, `test_${name}`, "test_data_set_0");
    mkdirSync(set, { recursive: true });
    writeFileSync(join(folder, `test_${name}`, "model.onnx"), file);
    const save = (kind: string) => (tensor: TestTensor, k: number) =>
      writeFileSync(join(set, `${kind}_${k}.pb`), toBinary(TensorProtoSchema, tensorProto("", tensor)));
    inputs.forEach(save("input"));
    outputs.forEach(save("output"));
  }

  before(async () => {
    for (const [name, test] of Object.entries(CASES)) {
      const constants = { reshape: [1], topk: [1] }[name] ?? [];
      const { onnxruntime } = await runCase({ ...test, constants });
      write(name, caseFile(test), test.inputs as TestTensor[], onnxruntime);
    }
    const relu: Case = { operator: "Relu", inputs: [floats(4)], outputs: ["f32"] };
    write("wrong", caseFile(relu), [floats(4)], [floats(4)]);
    const unknown: Case = { operator: "com.microsoft:Inverse", inputs: [floats(2, 2)], outputs: ["f32"] };
    write("unknown", caseFile(unknown), [floats(2, 2)], [floats(2, 2)]);
  });

  const outcomes = (): Map<string, Outcome> =>
    new Map(
      findTests(folder)
        .map((path) => readTest(path))
        .map((test) => [test.name, runTest(test)]),
    );

  it("passes what agrees, fails what does not and refuses what no rule lowers", () => {
    const found = outcomes();
    for (const name of Object.keys(CASES)) expect(found.get(`test_${name}`)?.kind, name).to.equal("passed");
    expect(found.get("test_wrong")?.kind).to.equal("failed");
    const refused = found.get("test_unknown");
    expect(refused?.kind === "refused" && refused.reason).to.contain("UNSUPPORTED_OPERATOR");
  });

  it("agrees with the referee on a real chain", async () => {
    const court = await openCourt();
    const rng = seededRng(1);
    try {
      for (const [name, outcome] of outcomes()) {
        const [run] = outcome.kind === "passed" ? outcome.runs : [];
        if (run !== undefined) expect(await court.judge(run, 4, rng), name).to.deep.equal([]);
      }
    } finally {
      await court.close();
    }
  });
});

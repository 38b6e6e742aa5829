/** `assay model check` on small models: what it says of them, and its exit codes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { z } from "zod/v4";
import { info, modelFile, node, random, randomTensor, type Graph } from "../../program/src/testing/onnx.ts";
import { checkModel, type CheckReport } from "../src/check/check.ts";
import { finished, launch, type Finished } from "./command.ts";

/** What the test reads of the JSON. */
const printed = z.object({
  findings: z.array(z.object({ code: z.string(), hazard: z.boolean() })),
  proposal: z.object({ kind: z.string(), atol: z.number(), rtol: z.number() }),
});

const next = random(5);
const weights = { w: randomTensor(next, "f32", [16, 4], -1, 1) };
const features = [info("x", "f32", [2, 16])];
const product = node("MatMul", ["x", "w"], ["p"]);

const MODELS = {
  integers: {
    nodes: [node("Mul", ["x", "x"], ["s"]), node("Add", ["s", "x"], ["y"])],
    inputs: [info("x", "i32", [4])],
    outputs: [info("y", "i32", [4])],
  },
  softmax: {
    nodes: [product, node("Softmax", ["p"], ["y"])],
    inputs: features,
    outputs: [info("y", "f32", [2, 4])],
    constants: weights,
  },
  saturating: {
    nodes: [node("MatMulInteger", ["x", "w"], ["y"])],
    inputs: [info("x", "u8", [2, 16])],
    outputs: [info("y", "i32", [2, 4])],
    constants: { w: randomTensor(next, "i8", [16, 4], -128, 127) },
  },
  label: {
    nodes: [product, node("ArgMax", ["p"], ["y"], { axis: 1 })],
    inputs: features,
    outputs: [info("y", "i64", [2, 1])],
    constants: weights,
  },
  quotient: {
    nodes: [node("Div", ["a", "b"], ["y"])],
    inputs: [info("a", "i32", [1]), info("b", "i32", [1])],
    outputs: [info("y", "i32", [1])],
  },
} satisfies Record<string, Graph>;

describe("assay model check", function () {
  this.timeout(120_000);
  const folder = mkdtempSync(join(tmpdir(), "assay-check-"));
  const pathOf = (name: string): string => join(folder, `${name}.onnx`);

  before(() => {
    for (const [name, graph] of Object.entries(MODELS)) writeFileSync(pathOf(name), modelFile(graph));
  });

  after(() => rmSync(folder, { recursive: true }));

  const check = (...args: readonly string[]): Promise<Finished> =>
    finished(launch(["model", "check", "--samples", "4", ...args]));

  /** In this process. */
  function reportOn(name: keyof typeof MODELS): Promise<CheckReport> {
    const options = { bindings: {}, samples: 4, seed: 1, margin: 8, given: () => [] };
    return checkModel(pathOf(name), modelFile(MODELS[name]), options);
  }

  const hazards = ({ findings }: CheckReport): string[] =>
    findings.filter(({ hazard }) => hazard).map(({ code }) => code);

  it("proposes 0 for integers, having measured every configuration", async () => {
    const { outputs, proposal, configurations, feeds, findings } = await reportOn("integers");
    expect([proposal.kind, proposal.atol, proposal.rtol]).to.deep.equal(["equal", 0, 0]);
    expect(configurations).to.have.length(12);
    expect(outputs.map(({ kind }) => kind)).to.deep.equal(["exact"]);
    const { elements, differing } = outputs[0]?.groups.ordinary ?? {};
    expect([elements, differing]).to.deep.equal([12 * 4 * feeds.length, 0]);
    expect(findings).to.deep.equal([]);
  });

  it("proposes a small tolerance for floats", async () => {
    const found = await reportOn("softmax");
    expect([found.proposal.kind, hazards(found)]).to.deep.equal(["tolerance", []]);
    expect(found.proposal.rtol).to.be.within(4e-7, 1e-4);
    expect(found.outputs[0]?.worst?.feed).to.be.a("string");
  });

  it("warns of u8 by i8", async () => {
    const found = await reportOn("saturating");
    expect(hazards(found)).to.deep.equal(["SATURATION"]);
    expect(found.findings[0]?.where[0]).to.contain("MatMulInteger of y");
  });

  it("warns of outputs that jump, and proposes none", async () => {
    const found = await reportOn("label");
    expect([found.proposal.kind, hazards(found)]).to.deep.equal(["none", ["DISCONTINUOUS"]]);
    expect(found.findings[0]?.where[0]).to.contain("ArgMax");
  });

  it("outlives inputs that end the process of onnxruntime, and names them", async () => {
    const found = await reportOn("quotient");
    expect(hazards(found)).to.deep.equal(["CRASH"]);
    expect(found.findings[0]?.where[0]).to.match(/^least integers, then -1: .*SIGFPE/);
  });

  it("says it in words, and takes real inputs", async () => {
    const input = join(folder, "input.json");
    writeFileSync(input, JSON.stringify({ x: Array.from({ length: 32 }, (_, i) => i / 8) }));
    const { code, stdout } = await check(pathOf("softmax"), "--input", input, "--margin", "1");
    expect(code).to.equal(0);
    expect(stdout).to.match(/y: f32\[2, 4\]\s+│ continuous/);
    expect(stdout).to.match(/^tolerance: --atol \de-\d+ --rtol \de-\d+ \(1 times the worst/m);
    const wrong = await check(pathOf("softmax"), "--input", pathOf("softmax"));
    expect([wrong.code, wrong.stdout]).to.deep.equal([2, ""]);
  });

  it("tells hazards from errors", async () => {
    const { code, stdout } = await check(pathOf("label"), "--json");
    const { proposal, findings } = printed.parse(JSON.parse(stdout));
    expect([code, proposal.kind, findings[0]?.code]).to.deep.equal([4, "none", "DISCONTINUOUS"]);
    expect((await check(join(folder, "none.onnx"))).code).to.equal(2);
    const input = join(folder, "not.onnx");
    writeFileSync(input, "not a model");
    expect((await check(input)).code).to.equal(1);
  });
});

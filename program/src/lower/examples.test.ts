import { readFileSync } from "node:fs";
import { expect } from "chai";
import { z } from "zod";
import { runProgram } from "../fast/run.ts";
import { runNaive } from "../naive/interpret.ts";
import { InferenceSession, Tensor } from "../onnx/onnxruntime.ts";
import { lowerModel, type LoweredModel } from "./lower.ts";

const TestData = z.object({
  inputNames: z.array(z.string()).length(1),
  dtype: z.enum(["uint8", "float32"]),
  shape: z.array(z.number()),
  inputs: z.array(z.string()),
});

interface Example {
  readonly lowered: LoweredModel;
  readonly session: InferenceSession;
  readonly feeds: readonly { readonly bytes: Uint8Array; readonly tensor: Tensor }[];
}

async function example(name: string): Promise<Example> {
  const folder = new URL(`../../../examples/models/${name}/`, import.meta.url);
  const file = readFileSync(new URL(`${name}.onnx`, folder));
  const data = TestData.parse(JSON.parse(readFileSync(new URL("test.json", folder), "utf8")));
  const feeds = data.inputs.map((text) => {
    const bytes = Uint8Array.from(Buffer.from(text, "base64"));
    const typed = data.dtype === "uint8" ? bytes : new Float32Array(bytes.buffer);
    return { bytes, tensor: new Tensor(data.dtype, typed, data.shape) };
  });
  return { lowered: lowerModel(file), session: await InferenceSession.create(file), feeds };
}

async function reference({ lowered, session }: Example, feed: Tensor): Promise<Tensor> {
  const [input] = lowered.inputs;
  const [output] = lowered.outputs;
  if (input === undefined || output === undefined) throw new Error("the model has no input or output");
  const found = (await session.run({ [input.name]: feed }))[output.name];
  if (found === undefined) throw new Error(`onnxruntime gives no ${output.name}`);
  return found;
}

function exact({ lowered }: Example, bytes: Uint8Array): Uint8Array {
  return runProgram(lowered.program, [bytes]).outputs[0] ?? new Uint8Array(0);
}

describe("example models", () => {
  it("digits (int8): every test image gives onnxruntime's bytes", async () => {
    const model = await example("digits");
    expect(model.feeds.length).to.be.at.least(100);
    for (const { bytes, tensor } of model.feeds)
      expect([...exact(model, bytes)]).to.deep.equal(
        Array.from((await reference(model, tensor)).data, Number),
      );
  }).timeout(90_000);

  it("breast-cancer (float32): every test case is within its tolerance, eight times over", async () => {
    const model = await example("breast-cancer");
    expect(model.feeds.length).to.be.at.least(100);
    let worst = 0;
    for (const { bytes, tensor } of model.feeds) {
      const [ours = NaN] = new Float32Array(exact(model, bytes).slice().buffer);
      worst = Math.max(worst, Math.abs(ours - Number((await reference(model, tensor)).data[0])));
    }
    // The tolerance that the demo publishes it with is 1e-6 absolute, plus as much relative.
    expect(worst).to.be.below(1e-6 / 8);
  }).timeout(90_000);

  it("both interpreters give the same bytes", async () => {
    for (const name of ["digits", "breast-cancer"]) {
      const model = await example(name);
      const [feed] = model.feeds;
      const { program } = model.lowered;
      const naive = runNaive(program, [feed?.bytes ?? new Uint8Array(0)]);
      const output = naive[program.outputs[0]?.instruction ?? -1];
      expect([...(output ?? [])]).to.deep.equal([...exact(model, feed?.bytes ?? new Uint8Array(0))]);
    }
  }).timeout(90_000);
});

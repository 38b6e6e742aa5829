/**
 * Networks quantised to int8 in either of onnxruntime's formats, end to end: the exact interpreter's output is onnxruntime's, bit for bit.
 * In the format QDQ, onnxruntime leaves operators on i8 tensors that several operators read, as in residual networks, to float32.
 */
import { expect } from "chai";
import { InferenceSession } from "../program/src/onnx/onnxruntime.ts";
import { runProgram } from "../program/src/fast/run.ts";
import { lowerModel } from "../program/src/lower/lower.ts";
import { seededRng } from "../program/src/testing/rng.ts";
import { mobilenetV2, resnet50 } from "../scripts/networks/convolution.ts";
import { randomFeeds } from "../scripts/networks/feeds.ts";

const PIXELS = 64;

describe("int8 networks", () => {
  for (const [name, network] of Object.entries({ mobilenetV2, resnet50 }))
    for (const format of ["QOperator", "QDQ"] as const)
      for (const type of format === "QDQ" ? (["u8"] as const) : (["u8", "i8"] as const))
        it(`${name}, ${format}, activations and weights of ${type}`, async () => {
          const file = network({ quantised: { type, format }, pixels: PIXELS });
          const { program, inputs } = lowerModel(file);
          const session = await InferenceSession.create(file, { logSeverityLevel: 3 });
          for (const seed of [1, 2]) {
            const { tensors, data } = randomFeeds(inputs, seededRng(seed));
            const { output } = await session.run(tensors);
            const theirs = output?.data as Float32Array;
            const ours = runProgram(program, data).outputs[0]?.slice();
            expect(
              Buffer.from(ours ?? []).equals(
                Buffer.from(theirs.buffer, theirs.byteOffset, theirs.byteLength),
              ),
            ).to.equal(true);
            // Not all of it may be saturated.
            expect(new Set(theirs).size).to.be.greaterThan(50);
          }
          await session.release();
        });
});

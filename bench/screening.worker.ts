/** Bare onnxruntime: runs a model on one input, for as many milliseconds as a message says, and answers with how often a second. */
import { readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "../program/src/onnx/onnxruntime.ts";
import { NODE_SETTINGS } from "../verifier/src/compute/protocol.ts";

const session = await InferenceSession.create(readFileSync(process.argv[2] ?? ""), {
  ...{ graphOptimizationLevel: NODE_SETTINGS.optimisation, intraOpNumThreads: NODE_SETTINGS.threads },
  ...{ interOpNumThreads: 1, logSeverityLevel: 4 },
});
const [meta] = session.inputMetadata;
if (meta?.isTensor !== true) throw new Error("the model has no tensor as its input");
// As the release binds them: one request at a time.
const shape = meta.shape.map((size) => (typeof size === "number" ? size : 1));
const elements = shape.reduce((a, b) => a * b, 1);
const data = Float32Array.from({ length: elements }, (_, i) => Math.sin(i));
const feeds = { [meta.name]: new Tensor("float32", data, shape) };
await session.run(feeds);

process.on("message", (ms: number) => {
  void (async () => {
    const start = performance.now();
    let count = 0;
    for (; performance.now() < start + ms; count++) await session.run(feeds);
    process.send?.((1000 * count) / (performance.now() - start));
  })();
});
process.on("disconnect", () => process.exit(0));
process.send?.("ready");

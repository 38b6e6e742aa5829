/** onnxruntime on releases. */
import { byteLengthOf } from "../../../sdk/src/tensor.ts";
import { splitBlob } from "../../../program/src/claim.ts";
import type { PreparedRelease } from "../releases/prepare.ts";
import type { InferencePool } from "./pool.ts";

/** onnxruntime's output blob, canonical. @throws {AssayError} as InferencePool.run. */
export async function fastOutput(
  pool: InferencePool,
  { model, path }: Pick<PreparedRelease, "model" | "path">,
  input: Uint8Array,
  deadline?: number,
): Promise<Uint8Array> {
  const { inputs, outputs } = model.signature;
  const sha256 = model.fileSha256.slice(2);
  const data = splitBlob(model.inputs, input);
  const parts = await pool.run({ model: path, sha256, inputs, outputs, data, deadline });
  const [first] = parts;
  return first !== undefined && parts.length === 1 ? first : new Uint8Array(Buffer.concat(parts));
}

/**
 * As `fastOutput`, of several inputs in one run.
 * @param inputs As many as one run is known to compute as single runs do: one of `batchSizes`.
 */
export async function fastOutputs(
  pool: InferencePool,
  { model, path }: Pick<PreparedRelease, "model" | "path">,
  inputs: readonly Uint8Array[],
  deadline?: number,
): Promise<Uint8Array[]> {
  const { signature } = model;
  const rows = inputs.length;
  const split = inputs.map((input) => splitBlob(model.inputs, input));
  const data = signature.inputs.map(
    (_, i) => new Uint8Array(Buffer.concat(split.map((parts) => parts[i] ?? new Uint8Array()))),
  );
  const outputs = await pool.run({
    ...{ model: path, sha256: model.fileSha256.slice(2), ...signature, data, rows, deadline },
    // What fails is better tried input by input.
    retries: 0,
  });
  return inputs.map((_, row) => {
    const parts = signature.outputs.map((spec, j) => {
      const bytes = byteLengthOf(spec);
      return outputs[j]?.subarray(row * bytes, (row + 1) * bytes) ?? new Uint8Array();
    });
    return new Uint8Array(Buffer.concat(parts));
  });
}

/** onnxruntime on releases. */
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

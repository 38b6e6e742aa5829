/** onnxruntime on releases, and whether its bytes can be trusted here. */
import { randomBytes } from "node:crypto";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { byteLengthOf, elementBytes, splitBlob, type TensorSpec } from "../../../sdk/src/tensor.ts";
import type { PreparedRelease } from "../releases/prepare.ts";
import type { Limits } from "./children.ts";
import type { ExactPool } from "./exactPool.ts";
import type { InferencePool } from "./pool.ts";

/** onnxruntime's output blob, canonical. @throws {AssayError} as InferencePool.run. */
export async function fastOutput(
  pool: InferencePool,
  { model, path }: PreparedRelease,
  input: Uint8Array,
  deadline?: number,
): Promise<Uint8Array> {
  const { inputs, outputs } = model.signature;
  const parts = await pool.run({ model: path, inputs, outputs, data: splitBlob(inputs, input), deadline });
  return new Uint8Array(Buffer.concat(parts));
}

/** What onnxruntime's answers to a release are worth here. */
export type FastPath =
  /** Integer release, and onnxruntime agreed with the exact interpreter on every input of the self-check. */
  | { readonly kind: "exact" }
  /** Honest onnxruntimes may differ. */
  | { readonly kind: "approximate" }
  | { readonly kind: "unusable"; readonly reason: string };

/** Bytes that repeat into an integer dtype's least and greatest elements, whatever its width. */
const EXTREMES: readonly ((i: number, width: number) => number)[] = [
  () => 0x00,
  () => 0xff,
  (i, width) => (i % width === width - 1 ? 0x7f : 0xff),
  (i, width) => (i % width === width - 1 ? 0x80 : 0x00),
];
const RANDOM_INPUTS = 4;
/** For the exact interpreter on one of them. */
const PROBE_LIMITS: Limits = { runMs: 60_000 };

/** Inputs that show what ordinary ones do not: every element at an extreme of its dtype, and noise. */
function probes(specs: readonly TensorSpec[], length: number): Uint8Array[] {
  const extremes = EXTREMES.map((byte) =>
    Buffer.concat(
      specs.map((spec) =>
        Uint8Array.from({ length: byteLengthOf(spec) }, (_, i) => byte(i, elementBytes(spec.dtype))),
      ),
    ),
  );
  return [...extremes, ...Array.from({ length: RANDOM_INPUTS }, () => randomBytes(length))];
}

/**
 * Compares onnxruntime with the exact interpreter on a few hard inputs.
 * @throws {AssayError} what another time may not happen: INFERENCE_TIMED_OUT, CLOSED.
 */
export async function selfCheck(
  pool: InferencePool,
  exact: ExactPool,
  prepared: PreparedRelease,
): Promise<FastPath> {
  const { model } = prepared;
  try {
    for (const [i, input] of probes(model.signature.inputs, model.inputBytes).entries()) {
      const fast = await fastOutput(pool, prepared, input);
      if (!model.exactInOnnxruntime) return { kind: "approximate" };
      const right = await exact.output(model, input, PROBE_LIMITS);
      if (Buffer.compare(fast, right) !== 0)
        return { kind: "unusable", reason: `onnxruntime differs from the exact interpreter on probe ${i}` };
    }
    return { kind: "exact" };
  } catch (error) {
    if (error instanceof AssayError && error.code !== "INFERENCE_FAILED") throw error;
    return { kind: "unusable", reason: messageOf(error) };
  }
}

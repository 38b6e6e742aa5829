/** What networks are run on. */
import type { DTypeName } from "../../program/src/dtype.ts";
import { product } from "../../program/src/instruction.ts";
import { Tensor } from "../../program/src/onnx/onnxruntime.ts";
import type { Rng } from "../../program/src/testing/rng.ts";
import type { Port } from "./writer.ts";

export interface NetworkFeeds {
  /** For onnxruntime. */
  readonly tensors: Record<string, Tensor>;
  /** The same, one per input: little-endian elements. */
  readonly data: Uint8Array[];
}

function values(name: string, dtype: DTypeName, count: number, rng: Rng): Float32Array | BigInt64Array {
  if (dtype === "f32") return Float32Array.from({ length: count }, () => rng.int(-2000, 2000) / 1000);
  return BigInt64Array.from({ length: count }, () => BigInt(name.includes("mask") ? 1 : rng.int(0, 29_999)));
}

/** Random floats around 0; of integers, ones for masks and else token numbers. */
export function randomFeeds(inputs: readonly Port[], rng: Rng): NetworkFeeds {
  const tensors: Record<string, Tensor> = {};
  const data = inputs.map(({ name, dtype, shape }) => {
    const drawn = values(name, dtype, product(shape), rng);
    tensors[name] =
      drawn instanceof Float32Array ? new Tensor("float32", drawn, shape) : new Tensor("int64", drawn, shape);
    return new Uint8Array(drawn.buffer);
  });
  return { tensors, data };
}

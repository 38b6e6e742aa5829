/** How many inputs of a release onnxruntime may compute in one run, side by side along the file's batch dimension. Pure. */
import { isBatchOf } from "../../../program/src/batch.ts";
import { dtype } from "../../../program/src/dtype.ts";
import { outElements, type Program } from "../../../program/src/instruction.ts";
import { lowerModel, type LoweredModel } from "../../../program/src/lower/lower.ts";
import { ModelError } from "../../../program/src/onnx/error.ts";
import type { Bindings } from "../../../sdk/src/tensor.ts";
import { lower } from "./describe.ts";

const SIZES = [2, 4, 8];
/** Of all tensors of a run. Larger models gain nothing: their work outweighs what a run costs beside it. */
const MOST_TRACE_BYTES = 2 ** 26;

function traceBytes({ instructions }: Program): number {
  return instructions.reduce((sum, made) => sum + outElements(made) * dtype(made.dtype).bytes, 0);
}

function lowered(file: Uint8Array, dims: Bindings): LoweredModel | undefined {
  try {
    return lowerModel(file, { dims });
  } catch (error) {
    if (error instanceof ModelError) return undefined;
    throw error;
  }
}

/** Whether the rows lie along the first dimension of every input and output, and of nothing else. */
function alongFirst(many: LoweredModel, one: LoweredModel, rows: number): boolean {
  const tensors = [...one.inputs, ...one.outputs];
  return [...many.inputs, ...many.outputs].every(({ shape }, i) => {
    const [first, ...rest] = tensors[i]?.shape ?? [];
    return first === 1 && shape.join() === [rows, ...rest].join();
  });
}

/**
 * @param bindings Of the release: those of the first dimension of every input must be symbolic and 1, as of a file that is exported with
 * a batch dimension.
 * @returns numbers of rows, ascending, for each of which the file's program computes what the release's does for each of the
 * rows; so onnxruntime gives the same bytes if it computes the release exactly.
 * @throws {AssayError} MODEL_REFUSED: the file cannot be lowered.
 */
export function batchSizes(file: Uint8Array, bindings: Bindings): number[] {
  const one = lower(file, bindings);
  const leads = one.inputs.flatMap(({ lead }) => (lead !== undefined && bindings[lead] === 1 ? [lead] : []));
  const sizes: number[] = [];
  if (leads.length === 0 || leads.length < one.inputs.length) return sizes;
  for (const rows of SIZES) {
    if (rows * traceBytes(one.program) > MOST_TRACE_BYTES) break;
    const many = lowered(file, { ...bindings, ...Object.fromEntries(leads.map((lead) => [lead, rows])) });
    if (many === undefined || !alongFirst(many, one, rows)) break;
    if (!isBatchOf(many.program, one.program, rows)) break;
    sizes.push(rows);
  }
  return sizes;
}

/** One test: lowered, run by the exact interpreter, compared. */
import { runProgram } from "../../program/src/fast/run.ts";
import { lowerModel, type LoweredModel } from "../../program/src/lower/lower.ts";
import { ModelError } from "../../program/src/onnx/error.ts";
import type { HostTensor } from "../../program/src/onnx/host.ts";
import type { Program } from "../../program/src/instruction.ts";
import { atolOf, difference } from "./compare.ts";
import type { DataSet, TestCase } from "./suite.ts";

/** A program and the inputs that it was run on. */
export interface Run {
  readonly program: Program;
  readonly inputs: readonly Uint8Array[];
}

export type Outcome =
  | { readonly kind: "passed"; readonly runs: readonly Run[] }
  | { readonly kind: "failed"; readonly reason: string }
  /** By a rule of the lowering, which the reason names. */
  | { readonly kind: "refused"; readonly reason: string };

/** Inputs whose values determine shapes are fixed to those of the data set. */
function lowerWith({ file, dims }: TestCase, { inputs }: DataSet): LoweredModel {
  const fixed = new Map<string, HostTensor>();
  for (;;) {
    try {
      return lowerModel(file, { dims, fixed });
    } catch (error) {
      if (!(error instanceof ModelError) || error.code !== "DYNAMIC_SHAPE") throw error;
      const found = error.inputs.filter((name) => !fixed.has(name) && inputs.has(name));
      if (found.length === 0) throw error;
      for (const name of found) fixed.set(name, inputs.get(name) as HostTensor);
    }
  }
}

function runSet(test: TestCase, set: DataSet): Run | string {
  const lowered = lowerWith(test, set);
  const { program } = lowered;
  const inputs = lowered.inputs.map(({ name }) => set.inputs.get(name)?.data ?? new Uint8Array(0));
  const { outputs } = runProgram(program, inputs);
  for (const [k, { name, dtype, shape }] of lowered.outputs.entries()) {
    const [data, expected] = [outputs[k], set.outputs[k]];
    if (data === undefined || expected === undefined) return `no data of output ${name}`;
    const wrong = difference({ dtype, shape, data }, expected, atolOf(test.operator));
    if (wrong !== undefined) return `output ${name}: ${wrong}`;
  }
  return { program, inputs };
}

export function runTest(test: TestCase): Outcome {
  try {
    // The model is what may be refused; only then are data read, which may be of dtypes that no program has.
    const runs: Run[] = [];
    for (const set of loadSets(test)) {
      const run = runSet(test, set);
      if (typeof run === "string") return { kind: "failed", reason: run };
      runs.push(run);
    }
    return runs.length > 0 ? { kind: "passed", runs } : { kind: "failed", reason: "no data" };
  } catch (error) {
    if (error instanceof ModelError && error.code !== "INTERNAL")
      return { kind: "refused", reason: `${error.code}: ${error.reason}` };
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    return {
      kind: "failed",
      reason: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
    };
  }
}

function loadSets(test: TestCase): DataSet[] {
  try {
    return test.load();
  } catch (error) {
    // Of a model that is refused anyway, its own refusal says more.
    lowerModel(test.file, { dims: test.dims });
    throw error;
  }
}

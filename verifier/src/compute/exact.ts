/** The exact interpreter on releases. */
import { splitBlob } from "../../../program/src/claim.ts";
import { runProgram } from "../../../program/src/fast/run.ts";
import { computeTrace, type Trace } from "../../../program/src/trace.ts";
import type { ModelDescription } from "../releases/describe.ts";

type Model = Pick<ModelDescription, "program">;

/** The right output blob. */
export function exactOutput({ program }: Model, input: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat(runProgram(program, splitBlob(program.inputs, input)).outputs));
}

/** All tensors of a run, for a dispute. */
export function exactTrace({ program }: Model, input: Uint8Array): Trace {
  return computeTrace(program, splitBlob(program.inputs, input));
}

/** The exact interpreter on lowered models, in this process. */
import { splitBlob } from "../../../program/src/claim.ts";
import { runProgram } from "../../../program/src/fast/run.ts";
import { mostThreads, Threads } from "../../../program/src/fast/threads.ts";
import { computeTrace, type Trace } from "../../../program/src/trace.ts";
import type { ModelDescription } from "../releases/describe.ts";

type Model = Pick<ModelDescription, "program">;

/** Start when the first large program runs, and end with the process. */
const threads = new Threads(mostThreads());

/** The right output blob. */
export function exactOutput({ program }: Model, input: Uint8Array): Uint8Array {
  const { outputs } = runProgram(program, splitBlob(program.inputs, input), { threads });
  return new Uint8Array(Buffer.concat(outputs));
}

/** All tensors of a run, for a dispute. */
export function exactTrace({ program }: Model, input: Uint8Array): Trace {
  return computeTrace(program, splitBlob(program.inputs, input), threads);
}

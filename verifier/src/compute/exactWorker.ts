/** Child process of `exactPool.ts`. */
import type { Program } from "../../../program/src/instruction.ts";
import { describeFile } from "../releases/prepare.ts";
import { serveParent } from "./child.ts";
import { exactOutput, exactTrace } from "./exact.ts";
import type { ExactJob, PlainTrace } from "./exactPool.ts";

/** The last one is kept, with what the interpreter has prepared of it. */
let program: Program | undefined;

function work(job: ExactJob): unknown {
  if (job.kind === "describe") return describeFile(job.path, job.bindings);
  program = job.program ?? program;
  if (program === undefined) throw new Error("no program");
  if (job.kind === "output") return exactOutput({ program }, job.input);
  const { tensors, outputs, tensorTree, traceTree } = exactTrace({ program }, job.input);
  const trees = tensors.map((_, k) => tensorTree(k));
  return { tensors, outputs, trees, traceTree: traceTree() } satisfies PlainTrace;
}

serveParent(async (job) => await work(job as ExactJob));

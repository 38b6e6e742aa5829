/** Child process of `exactPool.ts`. */
import { splitBlob } from "../../../program/src/claim.ts";
import { commitProgram } from "../../../program/src/commit.ts";
import { toHex } from "../../../sdk/src/structs.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { makeFeeds } from "../check/feeds.ts";
import type { HonestRun } from "../play/evidence.ts";
import { handleOf } from "../play/trace.ts";
import { batchSizes } from "../releases/batch.ts";
import { lower } from "../releases/describe.ts";
import { outlineOf } from "../releases/outline.ts";
import { describeFile, readBytes } from "../releases/prepare.ts";
import { summaryOf } from "../releases/summary.ts";
import { serveParent, type JobContext } from "./child.ts";
import { exactOutput, exactTrace } from "./exact.ts";
import type { ExactJob, ProgramSource } from "./exactPool.ts";

type Loaded = Pick<HonestRun, "program" | "commitment">;
/** Without the program, which may go while the trace stays. */
type Run = Pick<HonestRun, "inputs" | "trace">;

const programs = new Map<string, Loaded>();
const runs = new Map<string, Run>();

async function load({ path, bindings, programRoot }: ProgramSource): Promise<Loaded> {
  const { program } = lower(await readBytes(path), bindings);
  const commitment = commitProgram(program);
  if (toHex(commitment.root) !== programRoot)
    throw new AssayError("CONTENT_MISMATCH", `${path} is another file than it was: fetch it again`);
  return { program, commitment };
}

async function programOf(source: ProgramSource): Promise<Loaded> {
  const { programRoot } = source;
  const loaded = programs.get(programRoot) ?? (await load(source));
  programs.set(programRoot, loaded);
  return loaded;
}

/** Does something with a program; of one that is new it says what it has come to take. */
async function withProgram<T>(
  source: ProgramSource,
  context: JobContext,
  use: (loaded: Loaded) => T,
): Promise<T> {
  if (programs.has(source.programRoot)) return use(await programOf(source));
  const before = process.memoryUsage.rss();
  const loaded = await programOf(source);
  context.running();
  const result = use(loaded);
  const constants = loaded.program.constants.reduce((sum, { data }) => sum + data.length, 0);
  context.held(source.programRoot, Math.max(2 * constants, process.memoryUsage.rss() - before));
  return result;
}

function runOf(loaded: Loaded, key: string, input: Uint8Array, context: JobContext): Run {
  const known = runs.get(key);
  if (known !== undefined) return known;
  context.running();
  const trace = exactTrace(loaded, input);
  const run = { inputs: splitBlob(loaded.program.inputs, input), trace };
  runs.set(key, run);
  // All trees are needed for the root.
  trace.root();
  const bytes = trace.tensors.reduce(
    (sum, data, k) =>
      sum + data.length + trace.tensorTree(k).levels.reduce((all, level) => all + level.length, 0),
    0,
  );
  context.held(key, bytes);
  return run;
}

async function work(job: ExactJob, context: JobContext): Promise<unknown> {
  switch (job.kind) {
    case "describe":
      return summaryOf(await describeFile(job.path, job.bindings, job.fileSha256));
    case "outline":
      return outlineOf(lower(await readBytes(job.path), job.bindings));
    case "batches":
      return batchSizes(await readBytes(job.path, job.fileSha256), job.bindings);
    case "feeds":
      return makeFeeds(job.specs, job.samples, job.seed);
    case "output":
      return withProgram(job.source, context, (loaded) => exactOutput(loaded, job.input));
    default:
      return withProgram(job.source, context, (loaded) => {
        const handle = handleOf({ ...loaded, ...runOf(loaded, job.key, job.input, context) });
        if (job.kind === "evidence") return handle.evidence(job.facts);
        if (job.kind === "reveal") return handle.reveal(job.node);
        const { depth, root, top } = handle;
        return { depth, root, top };
      });
  }
}

serveParent<ExactJob>({
  run: work,
  drop(key) {
    programs.delete(key);
    runs.delete(key);
  },
});

/** Running the model again: the `assay` command does it, in child processes with limits, since a model is a stranger's file. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod/v4";
import type { Deployment } from "./deployment.ts";
import { AssayError, messageOf } from "./error.ts";
import type { Sample } from "./infer/sample.ts";
import { toJson } from "./infer/wire.ts";
import { bytes32, type Hex } from "./structs.ts";

export interface CommandOptions {
  /** JSON-RPC endpoint that serves logs. */
  readonly rpcUrl: string;
  readonly deployment: Deployment;
  /** How to run the `assay` command: a program and its first arguments. Default: `assay` on the PATH. */
  readonly command?: readonly [string, ...string[]];
  /** More flags of `assay verify`: where files are kept and fetched from. */
  readonly flags?: readonly string[];
  readonly signal?: AbortSignal;
}

export interface VerifyOptions extends CommandOptions {
  readonly requestId: Hex;
}

const MAX_OUTPUT_BYTES = 2 ** 26;

const judged = z.object({
  verdict: z.enum(["right", "wrong"]),
  outputs: z.array(
    z.object({
      name: z.string(),
      elements: z.number(),
      /** Elements whose bytes are not the exact ones, whether within the tolerance or not. */
      differing: z.number(),
      /** Elements that the referee judges wrong. */
      wrong: z.number(),
    }),
  ),
});
const unchecked = z.object({
  verdict: z.literal("unchecked"),
  code: z.string(),
  reason: z.string(),
  retryable: z.boolean(),
});
const unanswered = z.object({ verdict: z.literal("unanswered"), open: z.boolean() });

const reportSchema = z.object({
  requestId: bytes32,
  releaseId: bytes32,
  state: z.enum(["requested", "answered", "final", "delivered", "overturned", "refunded"]),
  result: z.discriminatedUnion("verdict", [judged, unanswered, unchecked]),
});
const receiptReportSchema = z.object({ result: z.discriminatedUnion("verdict", [judged, unchecked]) });

export type VerifyReport = Readonly<z.infer<typeof reportSchema>>;

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly failure: Error | null;
}

function run([file, ...args]: readonly [string, ...string[]], signal?: AbortSignal): Promise<Ended> {
  const options = { maxBuffer: MAX_OUTPUT_BYTES, ...(signal === undefined ? {} : { signal }) };
  return new Promise((resolve) => {
    execFile(file, args, options, (failure, stdout, stderr) => resolve({ failure, stdout, stderr }));
  });
}

function parsed<S extends z.ZodType>(schema: S, stdout: string): z.infer<S> | undefined {
  try {
    return schema.parse(JSON.parse(stdout));
  } catch {
    return undefined;
  }
}

/** What a command prints with --json. @param subject What it is about; a text is given as a file. */
async function ask<S extends z.ZodType>(
  schema: S,
  words: readonly string[],
  subject: Hex | { readonly text: string },
  { rpcUrl, deployment, command = ["assay"], flags = [], signal }: CommandOptions,
): Promise<z.infer<S>> {
  const folder = await mkdtemp(join(tmpdir(), "assay-verify-"));
  try {
    const place = join(folder, "deployment.json");
    await writeFile(place, JSON.stringify(deployment));
    const path = join(folder, "subject.json");
    if (typeof subject === "object") await writeFile(path, subject.text);
    const about = typeof subject === "object" ? path : subject;
    const args = [...words, about, "--json", "--rpc", rpcUrl, "--deployment", place, ...flags];
    const { failure, stdout, stderr } = await run([...command, ...args], signal);
    signal?.throwIfAborted();
    // Exit codes tell verdicts apart; what is on stdout says them too.
    const report = parsed(schema, stdout);
    if (report !== undefined) return report;
    if (failure !== null && "code" in failure && typeof failure.code === "string")
      throw new AssayError(
        "BAD_CONFIG",
        `cannot run ${command.join(" ")}: ${messageOf(failure)}. Set the project up and name its bin/assay.mjs`,
        { cause: failure },
      );
    throw new AssayError("INFERENCE_FAILED", `no verdict: ${stderr.trim().slice(-500)}`, { cause: failure });
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * Fetches the release's file, lowers it again, which must give the release's program, and compares the published answer with what the
 * exact interpreter computes.
 * @throws {AssayError} BAD_CONFIG if the command cannot be run, INFERENCE_FAILED with what it said if it came to no verdict;
 * the signal's reason.
 */
export async function verify({ requestId, ...options }: VerifyOptions): Promise<VerifyReport> {
  return ask(reportSchema, ["verify"], requestId, options);
}

/** A check for {@link Sample}: this machine recomputes the answer exactly, as `assay receipt verify` does. */
export function recomputeWith(options: CommandOptions): Sample["check"] {
  return async (file) => {
    const subject = { text: toJson(file) };
    const { result } = await ask(receiptReportSchema, ["receipt", "verify"], subject, options);
    if (result.verdict !== "unchecked") return result.verdict;
    throw new AssayError("INFERENCE_FAILED", `no verdict: ${result.code}: ${result.reason}`, {
      retryable: result.retryable,
    });
  };
}

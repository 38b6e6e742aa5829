/** Networks of scripts/networks, and a run of each. */
import { commitProgram } from "../../program/src/commit.ts";
import { lowerModel } from "../../program/src/lower/lower.ts";
import { seededRng } from "../../program/src/testing/rng.ts";
import { computeTrace } from "../../program/src/trace.ts";
import { randomFeeds } from "../../scripts/networks/feeds.ts";
import { NETWORKS } from "../../scripts/networks/index.ts";
import type { HonestRun } from "../../verifier/src/play/evidence.ts";

/** Their inputs are too large for a request at their usual size. */
export function isOfImages(name: string): boolean {
  return /^(mobilenet|resnet)/.test(name);
}

/** A run of a network of the usual size on random inputs. */
export function runNetwork(name: string): HonestRun {
  const { program, inputs: ports } = lowerModel(NETWORKS[name]?.() ?? new Uint8Array());
  const { data: inputs } = randomFeeds(ports, seededRng(name.length));
  return { program, commitment: commitProgram(program), inputs, trace: computeTrace(program, inputs) };
}

/** Those whose steps are measured in every `npm test`; the others take minutes. */
export const QUICK: readonly string[] = ["forest", "mobilenetv2-int8"];

/** Memory: what the machine has, what the node may keep, what its releases need. */
import { totalmem } from "node:os";
import { bytes } from "../inspect/text.ts";
import { memoryOf, type ModelSummary } from "../releases/summary.ts";
import { fail, ok, warn, type Finding } from "./finding.ts";

const MIB = 2 ** 20;
/** What a node needs to live at all. */
const LEAST = 512 * MIB;

/** Bytes. */
export interface MemoryFacts {
  /** That this process could still take. */
  readonly free: number;
  readonly total: number;
  /** That all processes of the node together may keep of models and traces. */
  readonly budget: number;
  /** Of the largest trace that is allowed. */
  readonly maxTrace: number;
  /** Processes that hold a trace each. */
  readonly workers: number;
}

export function memoryFacts(settings: Pick<MemoryFacts, "budget" | "maxTrace" | "workers">): MemoryFacts {
  return { free: process.availableMemory(), total: totalmem(), ...settings };
}

/** Whether the machine has what the settings allow the node to take. */
export function judgeMemory({ free, total, budget, maxTrace, workers }: MemoryFacts): Finding {
  // A dispute holds a trace's tensors, their trees and what is sent between processes.
  const disputes = workers * maxTrace * 3;
  const found = `${bytes(free)} of ${bytes(total)} available`;
  if (free < LEAST)
    return fail("memory", found, "a node that is killed for memory loses clocks: free 512 MiB at least");
  if (free < LEAST + budget)
    return warn(
      "memory",
      `${found}; the node may keep ${bytes(budget)} of models and traces`,
      `lower memoryMb to ${Math.max(64, Math.floor((free - LEAST) / MIB))}, or add memory`,
    );
  return free < LEAST + disputes
    ? warn(
        "memory",
        `${found}; ${workers} of the largest disputes allowed take up to ${bytes(disputes)}`,
        "lower maxTraceMb or workers, or add memory",
      )
    : ok("memory", `${found}, of which the node may keep ${bytes(budget)}`);
}

type Sizes = Pick<ModelSummary, "fileBytes" | "constantBytes" | "instructions" | "traceBytes">;

/** Bytes that a node keeps of a release in dispute: a session to screen, a program to judge, another one and a trace to defend. */
function keptOf(model: Sizes): number {
  return memoryOf.session(model.fileBytes) + 2 * memoryOf.program(model) + memoryOf.trace(model);
}

/** Whether the releases fit into what the node may keep. @param models Of those that are served, at least one. */
export function judgeReleaseMemory(models: readonly Sizes[], { free, budget }: MemoryFacts): Finding {
  const check = "memory for releases";
  const kept = models.map(keptOf);
  const largest = Math.max(...kept);
  const all = kept.reduce((sum, each) => sum + each, 0);
  const found = `a dispute about the largest of ${models.length} takes ${bytes(largest)}, all take ${bytes(all)}; the node may keep ${bytes(budget)}`;
  const raise = (wanted: number): string => `raise memoryMb to ${Math.ceil(wanted / MIB)}`;
  if (largest > free)
    return fail(check, `${found}, and ${bytes(free)} are available`, "add memory, or leave it out (serve)");
  if (largest > budget)
    return warn(check, found, `${raise(largest)}: until then each move of such a dispute computes all anew`);
  return all > budget
    ? warn(check, found, `${raise(all)}, or serve fewer: they are loaded again and again`)
    : ok(check, found);
}

/** Hostile models of every rule in a process of their own, which may take neither long nor much memory. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect } from "chai";
import type { Fate } from "../../program/src/testing/ordeal.ts";
import { seedsOf, type Ordeal } from "../../program/src/testing/ordeals.ts";
import type { Report, Trial } from "./ordeal.child.ts";

/** Other cases every day, the same ones all day; a failing case names its kind and seed. */
const DAY = Math.floor(Date.now() / 86_400_000);
const HEAP_MIB = 1024;
const MOST_MEMORY = 4 * 2 ** 30;

/** Rounds over all rules, and milliseconds that a case may take; those of huge sizes spend whole budgets of folding. */
const PLAN: Readonly<Record<Ordeal, { readonly rounds: number; readonly most: number }>> = {
  random: { rounds: 80, most: 15_000 },
  mutated: { rounds: 80, most: 15_000 },
  bytes: { rounds: 60, most: 15_000 },
  inflated: { rounds: 2, most: 60_000 },
};

function startChild(): ChildProcess {
  const path = join(import.meta.dirname, "ordeal.child.ts");
  return fork(path, { execArgv: ["--import", "tsx", `--max-old-space-size=${HEAP_MIB}`] });
}

/** @throws Error if there is no answer in time, or never. */
async function ask(child: ChildProcess, trial: Trial, most: number): Promise<Report> {
  const done = new AbortController();
  const timer = AbortSignal.timeout(most);
  const signal = AbortSignal.any([done.signal, timer]);
  const died = once(child, "exit", { signal }).then(() => {
    throw new Error("the process died");
  });
  child.send(trial);
  try {
    const answer = once(child, "message", { signal }).then(([report]) => report as Report);
    return await Promise.race([answer, died]);
  } catch (error) {
    const why = timer.aborted ? `no answer in ${most} ms` : String(error);
    throw new Error(`${trial.kind} ${trial.seed}: ${why}`, { cause: error });
  } finally {
    done.abort();
    died.catch(() => undefined);
  }
}

for (const [kind, { rounds, most }] of Object.entries(PLAN) as [Ordeal, (typeof PLAN)[Ordeal]][])
  describe(`hostile models, ${kind} (day ${DAY})`, function () {
    this.timeout(3_600_000);

    it("are lowered or refused, in time and in bounded memory", async () => {
      const child = startChild();
      const fates = new Map<Fate, number>();
      try {
        for (const seed of seedsOf(DAY, rounds)) {
          const { fate, detail, memory } = await ask(child, { kind, seed }, most);
          if (fate === "defect") expect.fail(`${kind} ${seed}: ${detail}`);
          expect(memory, `memory after ${kind} ${seed}`).to.be.at.most(MOST_MEMORY);
          fates.set(fate, (fates.get(fate) ?? 0) + 1);
        }
      } finally {
        child.kill("SIGKILL");
      }
      console.log(`      ${[...fates].map(([fate, count]) => `${count} ${fate}`).join(", ")}`);
    });
  });

/** Which inputs may share a run of onnxruntime: what is proved of a release's program is compared with single runs before it is used. */
import type { Hex } from "../../../sdk/src/structs.ts";
import { firstWrongOutput } from "../judge/judge.ts";
import { logError, type Logger } from "../log.ts";
import type { PreparedRelease } from "../releases/prepare.ts";
import { fastOutput, fastOutputs } from "./screen.ts";
import type { Computing } from "./selfCheck.ts";

const SAMPLES = 16;
const SEED = 2;

export interface Batches {
  /**
   * Numbers of inputs that may share a run, ascending. None while that is not known: it is found out in the background, once in the
   * life of this process. For releases whose fast path is usable.
   */
  sizesOf(release: PreparedRelease): readonly number[];
  /** As `sizesOf`, once it is known. */
  check(release: PreparedRelease): Promise<readonly number[]>;
}

/** The first number of inputs of which onnxruntime gives other outputs together than alone. */
async function firstUnlike(
  { pool, exact }: Computing,
  prepared: PreparedRelease,
  sizes: readonly number[],
): Promise<number | undefined> {
  const { model, release } = prepared;
  const feeds = await exact.feeds(model.signature.inputs, SAMPLES, SEED);
  const compared = feeds.filter(({ group }) => model.exactInOnnxruntime || group === "ordinary");
  const inputs = compared.map(({ blob }) => blob);
  const singles = await Promise.all(inputs.map((input) => fastOutput(pool, prepared, input)));
  const tolerance = model.exactInOnnxruntime ? { atol: 0, rtol: 0 } : release;
  for (const size of sizes)
    for (let at = 0; at < inputs.length; at += size) {
      const rows = Array.from({ length: size }, (_, row) => (at + row) % inputs.length);
      const outputs = await fastOutputs(
        pool,
        prepared,
        rows.map((i) => inputs[i] ?? new Uint8Array()),
      );
      const alike = rows.every((i, row) => {
        const [single, output] = [singles[i], outputs[row]];
        if (single === undefined || output === undefined) return false;
        return firstWrongOutput(model, single, output, tolerance) === undefined;
      });
      if (!alike) return size;
    }
  return undefined;
}

export function createBatches(computing: Computing, log: Logger): Batches {
  const known = new Map<Hex, readonly number[]>();
  const checking = new Map<Hex, Promise<readonly number[]>>();

  async function find(prepared: PreparedRelease): Promise<readonly number[]> {
    const { releaseId: release } = prepared;
    try {
      const sizes = await computing.exact.batches(prepared);
      const unlike = sizes.length === 0 ? undefined : await firstUnlike(computing, prepared, sizes);
      if (unlike === undefined) return sizes;
      log.warn({ release, rows: unlike }, "onnxruntime computes inputs otherwise together than alone");
    } catch (error) {
      logError(log, error, "no inputs share runs: it could not be checked whether they may", { release });
    }
    return [];
  }

  async function check(release: PreparedRelease): Promise<readonly number[]> {
    const { releaseId } = release;
    const running = checking.get(releaseId) ?? find(release);
    checking.set(releaseId, running);
    const sizes = await running;
    known.set(releaseId, sizes);
    return sizes;
  }

  return {
    check,
    sizesOf(release) {
      const sizes = known.get(release.releaseId);
      if (sizes === undefined) void check(release);
      return sizes ?? [];
    },
  };
}

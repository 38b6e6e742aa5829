/** Runs onnxruntime on inputs, in the ways in which nodes may run it, and compares it with the exact interpreter. */
import { splitBlob } from "../../../sdk/src/tensor.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { createExactPool } from "../compute/exactPool.ts";
import { createPool, type InferencePool } from "../compute/pool.ts";
import { OPTIMISATIONS, type SessionSettings } from "../compute/protocol.ts";
import type { ModelSummary } from "../releases/summary.ts";
import { isFloat } from "../../../program/src/dtype.ts";
import { compare, floatsOf, NO_DEVIATION, typicalMagnitude, worse, type Deviation } from "./deviation.ts";
import { GROUPS, type Feed, type Group } from "./feeds.ts";

const THREADS = [1, 2, 4];
/** What nodes use comes first. */
export const CONFIGURATIONS: readonly SessionSettings[] = OPTIMISATIONS.toReversed().flatMap((optimisation) =>
  THREADS.map((threads) => ({ optimisation, threads })),
);

/** For one run of onnxruntime, and of the exact interpreter. */
const FAST_LIMIT_MS = 60_000;
const EXACT_LIMIT_MS = 3_600_000;
/** Multiply-adds of a run from which on a second process of the exact interpreter is worth its start. */
const LARGE_MODEL = 1e7;

/** An input that onnxruntime did not answer. */
export interface Failure {
  readonly feed: string;
  readonly group: Group;
  readonly settings: SessionSettings;
  /** Whether it took the process with it. */
  readonly died: boolean;
  readonly message: string;
}

/** Where the worst deviation of an output was. */
export interface Worst {
  readonly feed: string;
  readonly settings: SessionSettings;
}

export interface OutputMeasurement {
  readonly groups: Readonly<Record<Group, Deviation>>;
  /** Of the ordinary inputs, if they show any deviation. */
  readonly worst: Worst | undefined;
}

export interface Measurement {
  /** Magnitude of outputs that the deviations' `scaled` is of. */
  readonly scale: number;
  /** One per output of the model. */
  readonly outputs: readonly OutputMeasurement[];
  /** All outputs, ordinary inputs; one per configuration. */
  readonly configurations: readonly { readonly settings: SessionSettings; readonly deviation: Deviation }[];
  readonly failures: readonly Failure[];
}

type Answer = { readonly outputs: readonly Uint8Array[] } | { readonly failure: Failure };

async function answer(
  pool: InferencePool,
  path: string,
  { signature }: ModelSummary,
  { name: feed, group, blob }: Feed,
  settings: SessionSettings,
): Promise<Answer> {
  const { inputs, outputs } = signature;
  try {
    const data = splitBlob(inputs, blob);
    return { outputs: await pool.run({ model: path, inputs, outputs, data, settings }) };
  } catch (error) {
    if (!(error instanceof AssayError) || error.code === "CLOSED") throw error;
    const died = error.details["died"] !== undefined;
    return { failure: { feed, group, settings, died, message: error.message } };
  }
}

/** The right outputs of every input, one tensor's bytes each. */
async function exactOutputs(
  path: string,
  model: ModelSummary,
  feeds: readonly Feed[],
): Promise<Uint8Array[][]> {
  const pool = createExactPool({ size: model.multiplyAdds > LARGE_MODEL ? 2 : 1 });
  try {
    const blobs = await Promise.all(
      feeds.map(({ blob }) => pool.output({ model, path }, blob, { runMs: EXACT_LIMIT_MS })),
    );
    return blobs.map((blob) => splitBlob(model.signature.outputs, blob));
  } finally {
    await pool.close();
  }
}

/** Of the float output with the smallest typical magnitude: a release has one tolerance for all. */
function scaleOf(model: ModelSummary, feeds: readonly Feed[], exact: readonly Uint8Array[][]): number {
  const sizes = model.signature.outputs.flatMap(({ dtype }, k) => {
    if (!isFloat(dtype)) return [];
    const values = feeds.flatMap(({ group }, i) =>
      group === "ordinary" ? [...floatsOf(dtype, exact[i]?.[k] ?? new Uint8Array())] : [],
    );
    return typicalMagnitude(values) ?? [];
  });
  return sizes.length === 0 ? 1 : Math.min(...sizes);
}

/**
 * @param path Of the ONNX file that `model` describes.
 * @returns deviations over all inputs and configurations. An input that onnxruntime did not answer once is not tried again.
 */
export async function measure(
  path: string,
  model: ModelSummary,
  feeds: readonly Feed[],
): Promise<Measurement> {
  const exact = await exactOutputs(path, model, feeds);
  const { outputs: specs } = model.signature;
  const scale = scaleOf(model, feeds, exact);
  const groups = specs.map(
    () => Object.fromEntries(GROUPS.map((g) => [g, NO_DEVIATION])) as Record<Group, Deviation>,
  );
  const worst = new Map<number, Worst>();
  const failures: Failure[] = [];
  const failed = new Set<Feed>();
  const configurations = [];
  const pool = createPool({ size: 1, timeLimitMs: FAST_LIMIT_MS, retries: 0 });
  try {
    for (const settings of CONFIGURATIONS) {
      let overall = NO_DEVIATION;
      for (const [i, feed] of feeds.entries()) {
        if (failed.has(feed)) continue;
        const answered = await answer(pool, path, model, feed, settings);
        if ("failure" in answered) {
          failed.add(feed);
          failures.push(answered.failure);
          continue;
        }
        for (const [k, { dtype }] of specs.entries()) {
          const own = groups[k];
          const [right, found] = [exact[i]?.[k], answered.outputs[k]];
          if (own === undefined || right === undefined || found === undefined) continue;
          const deviation = compare(dtype, right, found, scale);
          if (feed.group === "ordinary") {
            overall = worse(overall, deviation);
            const more = deviation.scaled > own.ordinary.scaled;
            if (more || (deviation.differing > 0 && !worst.has(k)))
              worst.set(k, { feed: feed.name, settings });
          }
          own[feed.group] = worse(own[feed.group], deviation);
        }
      }
      configurations.push({ settings, deviation: overall });
    }
  } finally {
    await pool.close();
  }
  const outputs = groups.map((own, k) => ({ groups: own, worst: worst.get(k) }));
  return { scale, outputs, configurations, failures };
}

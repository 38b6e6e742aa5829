/** How long exact runs take on this machine: a first guess from the model's size, then what was measured. Seconds. */
import type { Hex } from "../../../sdk/src/structs.ts";

/** What a first guess needs of a model. */
export interface ModelSize {
  readonly multiplyAdds: number;
  /** Bytes of all tensors of a run. */
  readonly traceBytes: number;
}

export interface RunTimes {
  /** A run took this long, waiting included: what is measured under load is what the next run will meet. */
  observe(releaseId: Hex, seconds: number): void;
  /** Of one exact run. @param size Undefined: nothing is known of the model yet, and nothing is assumed. */
  runSeconds(releaseId: Hex, size: ModelSize | undefined): number;
  /** Of a run whose tensors are all kept and hashed: 2 * run + traceBytes / 50 MB per second. */
  traceSeconds(releaseId: Hex, size: ModelSize | undefined): number;
}

/** Guesses on the slow side, of one process on an ordinary core, per second. */
const MULTIPLY_ADDS = 5e8;
const TENSOR_BYTES = 1e8;
const HASHED_BYTES = 5e7;
/** Of the newest measurement. */
const WEIGHT = 0.25;
const MAX_RELEASES = 10_000;

export function guessSeconds({ multiplyAdds, traceBytes }: ModelSize): number {
  return multiplyAdds / MULTIPLY_ADDS + traceBytes / TENSOR_BYTES;
}

export function createRunTimes(): RunTimes {
  const measured = new Map<Hex, number>();

  function runSeconds(releaseId: Hex, size: ModelSize | undefined): number {
    return measured.get(releaseId) ?? (size === undefined ? 0 : guessSeconds(size));
  }

  return {
    observe(releaseId, seconds) {
      if (!Number.isFinite(seconds) || seconds < 0) return;
      const known = measured.get(releaseId);
      if (known === undefined && measured.size >= MAX_RELEASES) return;
      measured.set(releaseId, known === undefined ? seconds : known + WEIGHT * (seconds - known));
    },
    runSeconds,
    traceSeconds: (releaseId, size) =>
      2 * runSeconds(releaseId, size) + (size === undefined ? 0 : size.traceBytes / HASHED_BYTES),
  };
}

/** Wei for computing, rounded up. @param weiPerSecond Of one exact run. */
export function computeWei(seconds: number, weiPerSecond: bigint): bigint {
  return (BigInt(Math.ceil(seconds * 1e6)) * weiPerSecond + 999_999n) / 1_000_000n;
}

/** How long exact runs take on this machine: a first guess from the model's size, then what was measured. Seconds. */
import type { Hex } from "../../../sdk/src/structs.ts";

/** What a first guess needs of a program. */
export interface ModelSize {
  readonly multiplyAdds: number;
  /** Bytes of all tensors of a run. */
  readonly traceBytes: number;
}

export interface Timed extends ModelSize {
  readonly programRoot: Hex;
}

export interface RunTimes {
  /** A run of a program, its waiting and loading not included. */
  observe(programRoot: Hex, seconds: number): void;
  /** Of one exact run: the median of late. @param model Undefined: nothing is known of it yet, and nothing is assumed. */
  runSeconds(model: Timed | undefined): number;
  /** Of a run whose tensors are all kept and hashed: 2 * run + traceBytes / 50 MB per second. */
  traceSeconds(model: Timed | undefined): number;
}

/** Guesses on the slow side, of one process on an ordinary core, per second. */
const MULTIPLY_ADDS = 5e8;
const TENSOR_BYTES = 1e8;
const HASHED_BYTES = 5e7;
/** Measurements that are kept: one slow run among them says nothing. */
const MEASURED = 9;
const MAX_PROGRAMS = 10_000;

/** One exact run of a model of this size. */
export function guessSeconds({ multiplyAdds, traceBytes }: ModelSize): number {
  return multiplyAdds / MULTIPLY_ADDS + traceBytes / TENSOR_BYTES;
}

export function createRunTimes(): RunTimes {
  /** Newest first. */
  const measured = new Map<Hex, readonly number[]>();

  function runSeconds(model: Timed | undefined): number {
    if (model === undefined) return 0;
    const sorted = [...(measured.get(model.programRoot) ?? [])].sort((a, b) => a - b);
    return sorted[(sorted.length - 1) >> 1] ?? guessSeconds(model);
  }

  return {
    observe(programRoot, seconds) {
      if (!Number.isFinite(seconds) || seconds < 0) return;
      const known = measured.get(programRoot);
      if (known === undefined && measured.size >= MAX_PROGRAMS) return;
      measured.set(programRoot, [seconds, ...(known ?? [])].slice(0, MEASURED));
    },
    runSeconds,
    traceSeconds: (model) =>
      2 * runSeconds(model) + (model === undefined ? 0 : model.traceBytes / HASHED_BYTES),
  };
}

/** Wei for computing, rounded up. @param weiPerSecond Of one exact run. */
export function computeWei(seconds: number, weiPerSecond: bigint): bigint {
  return (BigInt(Math.ceil(seconds * 1e6)) * weiPerSecond + 999_999n) / 1_000_000n;
}

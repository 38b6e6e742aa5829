/** Wei that was decided on and that the chain does not show yet: what else is decided on leaves it. */
import type { Hex } from "../../../sdk/src/structs.ts";

export interface Promises {
  /** @param wei 0: nothing any more. */
  set(key: Hex, wei: bigint): void;
  has(key: Hex): boolean;
  /** All but that of a key. */
  besides(key?: Hex): bigint;
  /** Keeps only what is to be kept. */
  retain(isKept: (key: Hex) => boolean): void;
}

/**
 * What each of several processes that share a stake, and do not know of each other's promises, may promise of it: so much that one of
 * them can do it once more before the others have seen that.
 */
export function shareAmong(processes: number, wei: bigint): bigint {
  return processes > 1 ? wei / BigInt(processes + 1) : wei;
}

/** What must be there that each of them may promise so much. */
export function wholeAmong(processes: number, wei: bigint): bigint {
  return processes > 1 ? wei * BigInt(processes + 1) : wei;
}

export function createPromises(): Promises {
  const promised = new Map<Hex, bigint>();
  let sum = 0n;

  function set(key: Hex, wei: bigint): void {
    sum += wei - (promised.get(key) ?? 0n);
    if (wei === 0n) promised.delete(key);
    else promised.set(key, wei);
  }

  return {
    set,
    has: (key) => promised.has(key),
    besides: (key) => sum - (key === undefined ? 0n : (promised.get(key) ?? 0n)),
    retain(isKept) {
      for (const key of promised.keys()) if (!isKept(key)) set(key, 0n);
    },
  };
}

import type { Hex } from "../../../sdk/src/structs.ts";

/** Wei that was decided on and that the chain does not show yet: what else is decided on leaves it. */
export interface Promises {
  /** @param wei 0: nothing any more. */
  set(key: Hex, wei: bigint): void;
  has(key: Hex): boolean;
  /** All but that of a key. */
  besides(key?: Hex): bigint;
  /** Keeps only what is to be kept. */
  retain(isKept: (key: Hex) => boolean): void;
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

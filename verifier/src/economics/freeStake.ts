/** What of an account's stake in a vault nothing binds, wei, as it was a few seconds ago: asked for again when it is used. */
import type { Contracts } from "../../../sdk/src/contracts.ts";
import type { Hex } from "../../../sdk/src/structs.ts";

const FRESH_MS = 3000;

/** @returns undefined until it is known. What endpoints fail to say stays as it was. */
export function createFreeStake(vault: Contracts["vault"], account: Hex): () => bigint | undefined {
  let known: bigint | undefined;
  let askedAt = -Infinity;
  return () => {
    if (performance.now() - askedAt > FRESH_MS) {
      askedAt = performance.now();
      vault.accountOf(account).then(
        ({ freeWei }) => (known = freeWei),
        () => undefined,
      );
    }
    return known;
  };
}

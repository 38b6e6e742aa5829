/** What the chain says at a block, asked for when it is wanted. */
import type { Hex } from "../../../sdk/src/structs.ts";
import type { BlockRef } from "../chain/log.ts";

export interface Reading<T> {
  /** At this block; undefined until it is known. */
  at(head: BlockRef): T | undefined;
  /** At this block, or before; undefined until anything is known. */
  lately(head: BlockRef): T | undefined;
}

/** What endpoints fail to say is asked for again then. */
const AGAIN_MS = 3000;

/** @param onKnown Called when what was asked for has come, or is to be asked for again. */
export function createReading<T>(read: (blockNumber: number) => Promise<T>, onKnown: () => void): Reading<T> {
  let known: { readonly hash: Hex; readonly value: T } | undefined;
  let asked: { readonly hash: Hex; readonly at: number } | undefined;

  function ask({ number, hash }: BlockRef): void {
    const now = performance.now();
    if (asked?.hash === hash && now - asked.at < AGAIN_MS) return;
    asked = { hash, at: now };
    read(number).then(
      (value) => {
        if (asked?.hash !== hash) return;
        known = { hash, value };
        onKnown();
      },
      () => setTimeout(onKnown, AGAIN_MS).unref(),
    );
  }

  function at(head: BlockRef): T | undefined {
    if (known?.hash === head.hash) return known.value;
    ask(head);
    return undefined;
  }

  return { at, lately: (head) => at(head) ?? known?.value };
}

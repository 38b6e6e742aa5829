/** The blocks that a follower has read up to, newest last: where a reorganisation can be undone to. Pure. */
import type { Hex } from "../../../sdk/src/structs.ts";

export interface Anchor {
  readonly number: number;
  readonly hash: Hex;
}

export interface Trail {
  /** Number of the last block that was read; the one before the first of interest if none was. */
  last(): number;
  /** Its hash; undefined if none was read. */
  lastHash(): Hex | undefined;
  /** Anchors up to a block, oldest first. */
  upTo(number: number): readonly Anchor[];
  /** Whether everything that was read may be undone. */
  isShort(): boolean;
  extend(anchor: Anchor): void;
  /** Forgets everything after `number`. */
  cut(number: number): void;
}

/**
 * @param finality Blocks after which a block is final. The newest anchor that is final is kept, and none before it.
 * @param given Ascending.
 */
export function createTrail(fromBlock: number, finality: number, given: readonly Anchor[]): Trail {
  const start = fromBlock - 1;
  const anchors = given.filter(({ number }) => number >= fromBlock);
  let short = true;

  function last(): number {
    return anchors.at(-1)?.number ?? start;
  }

  function prune(): void {
    const final = last() - finality;
    if (start < final) short = false;
    const floor = anchors.findLastIndex(({ number }) => number <= final);
    if (floor > 0) anchors.splice(0, floor);
  }
  prune();

  return {
    last,
    lastHash: () => anchors.at(-1)?.hash,
    upTo: (number) => anchors.filter((anchor) => anchor.number <= number),
    isShort: () => short,
    extend({ number, hash }) {
      anchors.push({ number, hash });
      prune();
    },
    cut(number) {
      const kept = anchors.findLastIndex((anchor) => anchor.number <= number);
      anchors.splice(kept + 1);
    },
  };
}

/** How far this machine's clock is from the chain's, as far as blocks tell. */

export interface Skew {
  /** A block that is the newest, when it is first seen; unix seconds. */
  saw(timestamp: number, at: number): void;
  /** Chain time minus ours, seconds, by the promptest of the last blocks; undefined until there are some. */
  seconds(): number | undefined;
}

const BLOCKS = 8;

/** A block can come late for many reasons, but never before its time: the promptest one tells most. */
export function createSkew(): Skew {
  const ages: number[] = [];
  return {
    saw(timestamp, at) {
      ages.push(at - timestamp);
      if (ages.length > BLOCKS) ages.shift();
    },
    seconds: () => (ages.length < BLOCKS ? undefined : -Math.min(...ages)),
  };
}

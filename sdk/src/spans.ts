/** How many blocks the next query of a long range should ask for: learns what an endpoint allows. Pure. */

export interface Spans {
  /** Blocks of the next query. */
  size(): number;
  /** A query of so many blocks was answered. @param weight Of the answer, in the caller's measure. */
  took(blocks: number, weight: number): void;
  /** A query of so many blocks was refused: too long, too large, too slow. */
  refused(blocks: number): void;
}

export interface SpanLimits {
  /** Blocks of the first query. Default 2000, which nearly all endpoints allow. */
  readonly start?: number;
  /** Most blocks of a query. Default 100,000. */
  readonly max?: number;
  /** Weight of an answer that is aimed at. Default: no matter. */
  readonly weight?: number;
}

/** Answers after which a size that was refused is tried again; doubles each time that it is refused again. */
const PATIENCE = 64;
const MAX_PATIENCE = 4096;

/**
 * Doubles until something is refused, then halves the distance between the longest span that worked and the shortest that did not
 * until they are an eighth apart, and stays there. What was refused is forgotten after a while, and so rarely tried again.
 */
export function createSpans({ start = 2000, max = 100_000, weight: aim = Infinity }: SpanLimits = {}): Spans {
  let size = Math.max(1, Math.min(start, max));
  let good = 0;
  let bad = Infinity;
  let forgotten = Infinity;
  let patience = PATIENCE;
  let answers = 0;

  function grown(): number {
    if (bad === Infinity) return size * 2;
    return bad - good > bad / 8 ? Math.floor((good + bad) / 2) : good;
  }

  return {
    size: () => size,
    took(blocks, weight) {
      const fitting = weight > 0 ? Math.max(1, Math.floor((blocks * aim) / weight)) : Infinity;
      if (blocks < size) {
        // The end of the range, or a query from before the span grew: no evidence but of too much weight.
        if (weight > aim) size = Math.min(size, fitting);
        return;
      }
      good = Math.max(good, blocks);
      if (good >= forgotten) [forgotten, patience] = [Infinity, PATIENCE];
      if (good >= bad) bad = Infinity;
      if (bad < Infinity && ++answers >= patience) {
        forgotten = bad;
        bad = Infinity;
      }
      size = Math.max(1, Math.min(grown(), fitting, max));
    },
    refused(blocks) {
      if (blocks >= forgotten) {
        patience = Math.min(MAX_PATIENCE, patience * 2);
        forgotten = Infinity;
      }
      answers = 0;
      bad = Math.min(bad, blocks);
      // Answers grow with what happened in the blocks: what worked before may work no longer.
      if (good >= blocks) good = 0;
      size = Math.min(size, good > 0 ? good : Math.max(1, Math.floor(blocks / 2)));
    },
  };
}

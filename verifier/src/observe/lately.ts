/** What was so lately, from what is told now and then. Pure; times are seconds from any start. */

/** The deepest of the last so many seconds. */
export interface Deepest {
  saw(depth: number, at: number): void;
  /** undefined: there was none. */
  depth(at: number): number | undefined;
}

export function createDeepest(seconds: number): Deepest {
  // What came before something as deep says nothing any more: the deepest are first, and there are few.
  let seen: readonly { readonly depth: number; readonly at: number }[] = [];
  return {
    saw(depth, at) {
      seen = [...seen.filter((one) => one.depth > depth), { depth, at }];
    },
    depth(at) {
      seen = seen.filter((one) => at - one.at < seconds);
      return seen[0]?.depth;
    },
  };
}

/** Longer than an endpoint rests that was outvoted. */
const PAUSE_SECONDS = 120;
const LONG_SECONDS = 60;

/**
 * Whether something happens again and again, for a minute on end: while a block is replaced, honest endpoints differ too.
 * @returns a function to call often, with how often it has happened since the start.
 */
export function createPersistence(): (count: number, at: number) => boolean {
  let known = 0;
  let [first, last] = [-Infinity, -Infinity];
  return (count, at) => {
    if (count > known) {
      if (at - last > PAUSE_SECONDS) first = at;
      last = at;
      known = count;
    }
    return at - last <= PAUSE_SECONDS && last - first >= LONG_SECONDS;
  };
}

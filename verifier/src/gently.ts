/** Long work on the main thread, in slices between which the event loop turns. */
import { setImmediate as turn } from "node:timers/promises";

/** Does `each` in order; begins with a turn, since the caller has often worked long already, and takes one every `sliceMs`. */
export async function gently<T>(items: Iterable<T>, each: (item: T) => void, sliceMs = 5): Promise<void> {
  let since = -Infinity;
  for (const item of items) {
    if (performance.now() - since >= sliceMs) {
      await turn();
      since = performance.now();
    }
    each(item);
  }
}

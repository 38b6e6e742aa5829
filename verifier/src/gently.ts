/** Long work on the main thread, in slices between which the event loop turns. */
import { setImmediate as turn } from "node:timers/promises";

/** Does `each` in order; pauses whenever it has taken `sliceMs` without one. */
export async function gently<T>(items: Iterable<T>, each: (item: T) => void, sliceMs = 8): Promise<void> {
  let since = performance.now();
  for (const item of items) {
    each(item);
    if (performance.now() - since < sliceMs) continue;
    await turn();
    since = performance.now();
  }
}

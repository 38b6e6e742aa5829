/** One question, to which one endpoint's answer is enough. */
import type { Endpoint } from "./endpoint.ts";
import { SLOW_MS } from "./insist.ts";

/**
 * The first answer that comes. The next endpoint is asked where one fails, and beside one that is slow.
 * @param endpoints Best first. @param isFinal Whether nobody else need be asked after all these failures.
 * @throws {AggregateError} All failures in the order in which they came, if nobody is left to ask or they are final.
 */
export function first<T>(
  endpoints: readonly Endpoint[],
  ask: (endpoint: Endpoint) => Promise<T>,
  isFinal: (errors: readonly unknown[]) => boolean,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const queue = [...endpoints];
    const errors: unknown[] = [];
    let over = false;

    function next(): void {
      const endpoint = over ? undefined : queue.shift();
      if (endpoint !== undefined) void hear(endpoint);
    }

    async function hear(endpoint: Endpoint): Promise<void> {
      const slow = setTimeout(next, SLOW_MS);
      try {
        const answer = await ask(endpoint);
        over = true;
        resolve(answer);
      } catch (error) {
        errors.push(error);
        if (isFinal(errors) || errors.length === endpoints.length) {
          over = true;
          reject(new AggregateError(errors));
        } else next();
      } finally {
        clearTimeout(slow);
      }
    }
    next();
  });
}

/** Votes of endpoints on one question. */
import type { Endpoint } from "./endpoint.ts";
import { insist } from "./insist.ts";

export interface Vote<T> {
  readonly value: T;
  /** Equal keys are equal answers. undefined: the endpoint does not have what was asked for, perhaps not yet. */
  readonly key: string | undefined;
  /** Another endpoint should be heard too. */
  readonly doubtful?: boolean;
}

export interface PollResult<T> {
  readonly winner: Vote<T> | undefined;
  /** Endpoints that gave another answer than the winner's, by key. */
  readonly ballots: ReadonlyMap<string, readonly Endpoint[]>;
  readonly absent: readonly Vote<T>[];
  readonly errors: readonly unknown[];
}

/**
 * Asks `need` endpoints at once, and further ones, in this order, until `need` of them agree or none is left. Who fails or is slow is
 * asked again, while others are asked too.
 * @param voters Best first.
 */
export async function poll<T>(
  voters: readonly Endpoint[],
  need: number,
  ask: (endpoint: Endpoint) => Promise<Vote<T>>,
): Promise<PollResult<T>> {
  const queue = [...voters];
  const votes = new Map<string, { readonly vote: Vote<T>; readonly by: Endpoint[] }>();
  const absent: Vote<T>[] = [];
  const errors: unknown[] = [];
  const pending = new Set<Promise<void>>();
  /** Those of them that are asked again. */
  const troubled = new Set<Endpoint>();
  let tell: () => void = () => undefined;
  let wanted = need;

  function trouble(endpoint: Endpoint): void {
    troubled.add(endpoint);
    tell();
  }

  async function hear(endpoint: Endpoint): Promise<void> {
    try {
      const vote = await insist(
        () => ask(endpoint),
        () => endpoint.isLimited(),
        () => trouble(endpoint),
      );
      if (vote.key === undefined) return void absent.push(vote);
      if (vote.doubtful === true) wanted = Math.max(wanted, Math.min(2, voters.length));
      const same = votes.get(vote.key);
      if (same === undefined) votes.set(vote.key, { vote, by: [endpoint] });
      else same.by.push(endpoint);
    } catch (error) {
      errors.push(error);
    } finally {
      troubled.delete(endpoint);
    }
  }

  function launch(endpoint: Endpoint): void {
    const heard: Promise<void> = hear(endpoint).finally(() => pending.delete(heard));
    pending.add(heard);
  }

  for (;;) {
    const best = [...votes.values()].sort((a, b) => b.by.length - a.by.length)[0];
    const count = Math.max(best?.by.length ?? 0, absent.length);
    const ballots = new Map([...votes].map(([key, { by }]) => [key, by]));
    if (best !== undefined && best.by.length >= wanted) return { winner: best.vote, ballots, absent, errors };
    // All say that there is nothing.
    if (votes.size === 0 && absent.length >= wanted) return { winner: absent[0], ballots, absent, errors };
    while (pending.size - troubled.size < wanted - count) {
      const next = queue.shift();
      if (next === undefined) break;
      launch(next);
    }
    if (pending.size === 0) return { winner: undefined, ballots, absent, errors };
    await Promise.race([...pending, new Promise<void>((resolve) => (tell = resolve))]);
  }
}

/** The contracts' state as the simulation's own players see it: over a connection of their own, with nothing of a node's machinery. */
import type { Provider } from "ethers";
import type { Contracts } from "../../sdk/src/contracts.ts";
import type { Hex } from "../../sdk/src/structs.ts";
import {
  apply,
  emptyState,
  eventOf,
  followedAddresses,
  type ChainEvent,
  type ChainState,
} from "../../verifier/src/chain/state.ts";
import { trialOf, type Trial } from "../../verifier/src/play/trial.ts";

/** Blocks this far below the newest are read once: no reorganisation of the simulation goes so deep. */
const SETTLED_BLOCKS = 30;

export interface Watched {
  readonly state: ChainState;
  /** What made it, in order. */
  readonly events: readonly ChainEvent[];
  /** Time of the newest block, unix seconds. */
  readonly now: number;
}

/** Each call of what is returned reads what is new and what may have been undone. */
export function createWatch({ deployment }: Contracts, provider: Provider): () => Promise<Watched> {
  let settled: readonly ChainEvent[] = [];
  let next = deployment.block;

  async function read(fromBlock: number, toBlock: number): Promise<ChainEvent[]> {
    const address = followedAddresses(deployment);
    const times = new Map<number, number>();
    const events: ChainEvent[] = [];
    for (const log of await provider.getLogs({ address, fromBlock, toBlock })) {
      const { address: from, topics, data, blockNumber } = log;
      const timestamp = times.get(blockNumber) ?? (await provider.getBlock(blockNumber))?.timestamp ?? 0;
      times.set(blockNumber, timestamp);
      const event = eventOf(deployment, { address: from, topics, data, blockNumber, timestamp });
      if (event !== undefined) events.push(event);
    }
    return events;
  }

  return async () => {
    const head = await provider.getBlock("latest");
    if (head === null) throw new Error("the chain has no blocks");
    const events = [...settled, ...(head.number < next ? [] : await read(next, head.number))];
    const state = emptyState();
    for (const event of events) apply(state, event);
    next = Math.max(next, head.number - SETTLED_BLOCKS);
    settled = events.filter(({ blockNumber }) => blockNumber < next);
    return { state, events, now: head.timestamp };
  };
}

/** @returns undefined before the answer. */
export function trialOfRequest({ state, now }: Watched, requestId: Hex): Trial | undefined {
  const resultId = state.requests.get(requestId)?.resultId;
  const result = resultId && state.results.get(resultId);
  return result && trialOf(state, result, now);
}

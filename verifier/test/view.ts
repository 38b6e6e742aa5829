/** The contracts' state by replaying events, for tests that read a chain by themselves. */
import { apply, emptyState, type ChainEvent, type ChainState } from "../src/chain/state.ts";

export interface ChainView {
  readonly state: ChainState;
  apply(event: ChainEvent): void;
  /** Undoes everything after block `keep`. */
  rollBack(keep: number): void;
}

export function createView(): ChainView {
  let events: ChainEvent[] = [];
  let state = emptyState();
  return {
    get state() {
      return state;
    },
    apply(event) {
      events.push(event);
      apply(state, event);
    },
    rollBack(keep) {
      events = events.filter((event) => event.blockNumber <= keep);
      state = emptyState();
      for (const event of events) apply(state, event);
    },
  };
}

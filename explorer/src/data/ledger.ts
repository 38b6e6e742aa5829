/** Everything that the pages show, derived from the contracts' events alone. Pure but for its own growing. */
import type { Deployment } from "../../../sdk/src/deployment.ts";
import type { AssayEvent } from "../../../sdk/src/events.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import type { ChainLog } from "../../../verifier/src/chain/log.ts";
import { apply, emptyState, eventOf, requestOf, type ChainState } from "../../../verifier/src/chain/state.ts";
import type { HistoryEvent } from "../../../verifier/src/inspect/history.ts";

export interface ModelRecord {
  readonly modelId: bigint;
  /** Who created it; it may have been given away since. */
  readonly owner: Hex;
  readonly uri: string;
  readonly at: number;
}

export interface Ledger {
  readonly state: ChainState;
  /** In the order of the chain. */
  readonly events: readonly HistoryEvent[];
  /** Events about a request or receipt, its answer and its disputes. */
  readonly about: ReadonlyMap<Hex, readonly HistoryEvent[]>;
  readonly models: ReadonlyMap<bigint, ModelRecord>;
  /** When a release was published, unix seconds. */
  readonly releasedAt: ReadonlyMap<Hex, number>;
  /** Logs of ours that could not be read. */
  readonly unread: number;
}

interface Growing extends Ledger {
  readonly events: HistoryEvent[];
  readonly about: Map<Hex, HistoryEvent[]>;
  readonly models: Map<bigint, ModelRecord>;
  readonly releasedAt: Map<Hex, number>;
  unread: number;
}

export function emptyLedger(): Growing {
  return {
    state: emptyState(),
    events: [],
    about: new Map(),
    models: new Map(),
    releasedAt: new Map(),
    unread: 0,
  };
}

function note(ledger: Growing, event: AssayEvent, at: number): void {
  if (event.name === "ModelCreated") {
    const { modelId, owner, uri } = event;
    ledger.models.set(modelId, { modelId, owner, uri, at });
  } else if (event.name === "Released") ledger.releasedAt.set(event.releaseId, at);
}

/** The request that an event is about; asked before the event is applied of those that end what names it. */
function subjectOf(state: ChainState, event: AssayEvent): Hex | undefined {
  if (event.name !== "ChallengeDequeued") return requestOf(state, event);
  const line = state.queues.get(event.operator.toLowerCase()) ?? [];
  return line.find(({ number }) => number === event.number)?.requestId;
}

/** Adds what follows, in chain order. */
export function grow(ledger: Growing, deployment: Deployment, logs: readonly ChainLog[]): void {
  for (const log of logs) {
    let event: HistoryEvent;
    try {
      const parsed = eventOf(deployment, log);
      if (parsed === undefined) continue;
      event = { ...parsed, transaction: log.transaction };
    } catch {
      ledger.unread++;
      continue;
    }
    const ended = subjectOf(ledger.state, event.event);
    apply(ledger.state, event);
    ledger.events.push(event);
    note(ledger, event.event, event.timestamp);
    const subject = ended ?? subjectOf(ledger.state, event.event);
    if (subject === undefined) continue;
    const known = ledger.about.get(subject);
    if (known === undefined) ledger.about.set(subject, [event]);
    else known.push(event);
  }
}

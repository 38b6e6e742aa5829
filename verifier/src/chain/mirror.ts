/**
 * The contracts' state as this process sees it: logs are followed, stored, and applied in the order in which they are stored.
 * What another process stored first is read from there.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { AssayEvent } from "../../../sdk/src/events.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import type { Deployment } from "../../../sdk/src/deployment.ts";
import { gently } from "../gently.ts";
import { logError, type Logger } from "../log.ts";
import type { LogStore, Position, SubjectLog } from "../state/logs.ts";
import { follow, type FollowItem, type FollowOptions } from "./follow.ts";
import type { BlockRef, ChainLog, ChainSource } from "./source.ts";
import {
  apply,
  emptyState,
  eventOf,
  finishedRequests,
  forget,
  requestOf,
  type ChainEvent,
  type ChainState,
} from "./state.ts";

export interface MirrorOptions extends Pick<FollowOptions, "pollMs" | "signal" | "onError"> {
  readonly deployment: Deployment;
  readonly source: ChainSource;
  readonly store: LogStore;
  readonly account: Hex;
  readonly log: Logger;
  readonly finality: number;
  /** Called after each block that was the newest. */
  readonly onHead: (head: BlockRef) => void;
  /** Called when part of the state was undone. */
  readonly onReorg: (blocks: number) => void;
  /** Nothing is left to do about these requests. */
  readonly onForgotten: (requestIds: readonly Hex[]) => void;
  /** Called for each event that is applied; after a restart or a reorganisation again. */
  readonly onEvent?: (event: ChainEvent) => void;
}

export interface Mirror {
  readonly state: ChainState;
  /** The newest block whose logs are all in the state; undefined while older logs are read. */
  readonly head: BlockRef | undefined;
  /** Follows until the signal is aborted. @throws {AssayError} STATE_FAILED if the database fails. */
  run(): Promise<void>;
}

const MAX_FAILURES = 10;
const FAILURE_PAUSE_MS = 1000;

export function createMirror(options: MirrorOptions): Mirror {
  const { deployment, source, store, account, log, finality, signal } = options;
  let state = emptyState();
  let head: BlockRef | undefined;
  let position: Position | undefined;

  function parse(entry: ChainLog): ChainEvent | undefined {
    try {
      return eventOf(deployment, entry);
    } catch (error) {
      logError(log, error, "an event was passed over", { transaction: entry.transaction });
      return undefined;
    }
  }

  async function parseAll(logs: readonly ChainLog[]): Promise<Parsed[]> {
    const parsed: Parsed[] = [];
    await gently(logs, (entry) => {
      const event = parse(entry);
      if (event !== undefined) parsed.push({ log: entry, event });
    });
    return parsed;
  }

  function applyAll(parsed: readonly Parsed[]): void {
    for (const { event } of parsed) {
      apply(state, event);
      options.onEvent?.(event);
    }
  }

  /** Applies what the store has beyond our position; everything, if part of that was undone. */
  async function catchUp(): Promise<void> {
    const stored = await store.position();
    const from = stored.epoch === position?.epoch ? position.number : undefined;
    if (from === undefined) {
      state = emptyState();
      head = undefined;
    }
    // If the database fails half-way, everything is read again.
    position = undefined;
    for await (const logs of store.read(from ?? deployment.block - 1, stored.number))
      applyAll(await parseAll(logs));
    position = stored;
  }

  async function take(logs: readonly ChainLog[], block: BlockRef, at: Position): Promise<boolean> {
    const parsed = await parseAll(logs);
    const moved = await store.append(at, withSubjects(options, state, parsed), block);
    if (moved === undefined) return false;
    applyAll(parsed);
    position = moved;
    return true;
  }

  async function undo(keep: number, at: Position): Promise<boolean> {
    log.warn({ from: at.number, keep }, "the chain was reorganised");
    head = undefined;
    options.onReorg(at.number - keep);
    await store.undo(at, keep);
    // Whoever was first: what is stored now is what counts.
    return false;
  }

  async function arrive(block: BlockRef): Promise<void> {
    head = block;
    options.onHead(block);
    const finished = finishedRequests(state, account, block.timestamp, block.number - finality);
    await store.retire(finished);
    forget(state, finished);
    options.onForgotten(finished);
  }

  /** @returns false if another process stored something else meanwhile. */
  async function handle(item: FollowItem, at: Position): Promise<boolean> {
    if (item.kind === "logs") return take(item.logs, item.block, at);
    if (item.kind === "reorg") return undo(item.keep, at);
    await arrive(item.block);
    return true;
  }

  return {
    get state() {
      return state;
    },
    get head() {
      return head;
    },
    async run() {
      let failures = 0;
      while (!signal.aborted) {
        try {
          await catchUp();
          const anchors = await store.anchors();
          const items = follow(source, { ...options, fromBlock: deployment.block, anchors });
          for await (const item of items) {
            if (position === undefined || !(await handle(item, position))) break;
            failures = 0;
          }
        } catch (error) {
          // Nobody shall plan on what is half read.
          if (position === undefined) head = undefined;
          // The database: a server may come back, else whatever supervises this process shall start it anew.
          if (++failures > MAX_FAILURES) throw error;
          logError(log, error, "following the chain failed");
          await sleep(failures * FAILURE_PAUSE_MS, undefined, { signal }).catch(() => undefined);
        }
      }
    },
  };
}

interface Parsed {
  readonly log: ChainLog;
  readonly event: ChainEvent;
}

/** Whether a movement of ETH is one of the account's. */
function concerns(account: Hex, event: AssayEvent): boolean {
  return Object.values(event).some((value) => typeof value === "string" && sameHex(value, account));
}

/**
 * What each log is about; a result's request may be named in the same batch. Of the vaults' events only the account's own are
 * kept, as history: nothing is decided by them. What is redeemed is both.
 */
function withSubjects(
  { deployment, account }: Pick<MirrorOptions, "deployment" | "account">,
  state: ChainState,
  parsed: readonly Parsed[],
): SubjectLog[] {
  const requests = new Map<Hex, Hex>();
  const { vault, receiptsVault } = deployment.addresses;
  const mine = account.toLowerCase();
  return parsed.flatMap(({ log, event: { event } }): SubjectLog[] => {
    if (sameHex(log.address, vault) || sameHex(log.address, receiptsVault))
      return concerns(account, event) ? [{ log, subject: mine, live: false }] : [];
    if (event.name === "Redeemed" && sameHex(event.operator, account))
      return [{ log, subject: mine, live: true }];
    if (event.name === "Fulfilled") requests.set(event.resultId, event.requestId);
    const known = requestOf(state, event);
    const subject = known ?? ("resultId" in event ? requests.get(event.resultId) : undefined);
    return [{ log, subject: subject ?? null, live: true }];
  });
}

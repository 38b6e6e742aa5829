/** Signs, stores, broadcasts, in this order: what was broadcast can always be broadcast again. */
import { keccak256 } from "ethers";
import { AssayError } from "../../../../sdk/src/error.ts";
import { logError } from "../../log.ts";
import { refusalOf, type Refusal } from "./chain.ts";
import { failureFrom, fieldsOf, type OutboxContext } from "./context.ts";
import { isSigned, type Entry } from "./journal.ts";

/** After a failure to sign or to reach the journal. */
const REST_MS = 2000;

export interface Publisher {
  /**
   * In the background, once at a time for each entry.
   * @param restMs Not if anybody has broadcast it within this time, nor while this process is at it; 0: in any case.
   */
  publish(entry: Entry, head: number, restMs: number): void;
  /** Ids of entries that a pool refused as too cheap. */
  readonly refused: Set<number>;
  /** The same of those that no pool took for another reason, perhaps their gas limit. */
  readonly unfit: Set<number>;
  idle(): Promise<void>;
}

export interface PublisherEvents {
  /** The journal or the pools may have changed. */
  readonly onChange: () => void;
  /** No endpoint took it; it is tried again. */
  readonly onRefused: (entry: Entry, refusal: Refusal | undefined, error: unknown) => void;
  /** @param failure undefined: the signer signed. */
  readonly onSigner: (failure: AssayError | undefined) => void;
}

export function createPublisher(context: OutboxContext, events: PublisherEvents): Publisher {
  const { journal, signer, chainId, log, probe } = context;
  const { onChange, onRefused, onSigner } = events;
  const busy = new Map<number, Promise<void>>();
  const refused = new Set<number>();
  const unfit = new Set<number>();
  const restsUntil = new Map<number, number>();

  /** @returns false if somebody else did, or the entry has changed. */
  async function sign(entry: Entry, head: number): Promise<boolean> {
    const { nonce, to, value, gasLimit, fees } = entry;
    const data = await journal.dataOf(entry);
    const raw = await signer.sign({ chainId, nonce, to, data, value, gasLimit, ...fees });
    onSigner(undefined);
    const stored = await journal.store(entry, { hash: `0x${keccak256(raw).slice(2)}`, raw, head });
    if (stored && entry.version === 0) probe?.sent(entry.label);
    return stored;
  }

  async function broadcast(entry: Entry, restMs: number): Promise<void> {
    if (!(await journal.claimBroadcast(entry, restMs))) return;
    const raw = await journal.rawOf(entry);
    if (raw === undefined) return;
    try {
      await context.broadcast(raw);
      log.debug(fieldsOf(entry), "sent");
    } catch (error) {
      const refusal = refusalOf(error);
      // A nonce that is used up shows in the chain.
      if (refusal === "known" || refusal === "nonce") return;
      (refusal === "underpriced" ? refused : unfit).add(entry.id);
      onRefused(entry, refusal, error);
    }
  }

  async function run(entry: Entry, head: number, restMs: number): Promise<void> {
    try {
      if (!isSigned(entry) && !(await sign(entry, head))) return;
      await broadcast(entry, restMs);
      restsUntil.delete(entry.id);
    } catch (error) {
      restsUntil.set(entry.id, Date.now() + REST_MS);
      logError(log, error, entry.label);
      if (!(error instanceof AssayError) || error.code !== "SIGNER_FAILED") return;
      onSigner(error);
      await journal
        .release(entry, failureFrom(error))
        .catch((cause: unknown) => logError(log, cause, "journal"));
    }
  }

  return {
    refused,
    unfit,
    publish(entry, head, restMs) {
      const before = busy.get(entry.id);
      const resting = (restsUntil.get(entry.id) ?? 0) > Date.now();
      if (restMs > 0 && (before !== undefined || resting)) return;
      const done: Promise<void> = (before ?? Promise.resolve())
        .then(() => run(entry, head, restMs))
        .finally(() => {
          if (busy.get(entry.id) === done) busy.delete(entry.id);
          onChange();
        });
      busy.set(entry.id, done);
    },
    async idle() {
      while (busy.size > 0) await Promise.all(busy.values());
    },
  };
}

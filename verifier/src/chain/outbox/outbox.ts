/**
 * Sends one account's transactions through a journal. Any number of processes may share journal and key: each looks at the chain
 * and the journal again and again and does what is missing, and the journal lets only one of them do it.
 *
 * The chain's next nonce tells what can have been mined; receipts are read for that alone. A mined transaction is watched until it
 * is final; if its block goes, the same bytes are broadcast again. An attempt whose nonce went to something else has failed, and
 * the move may be tried again. What becomes pointless while it waits is left to be mined, for a replacement would cost as much;
 * only its fees are not raised any more. What waits, or no pool takes, gets another gas limit if its own was a mistake: the next
 * nonces wait for it. An endpoint may claim that something was mined: a move that is asked for again is looked
 * up a second time, elsewhere if there is a `witness`, and goes back to the pools if it is not found.
 */
import type { JsonRpcApiProvider, TransactionReceipt } from "ethers";
import pLimit from "p-limit";
import { AssayError, messageOf } from "../../../../sdk/src/error.ts";
import type { Hex } from "../../../../sdk/src/structs.ts";
import type { Logger } from "../../log.ts";
import { createThrottle, logErrorThrottled, logThrottled } from "../../observe/throttle.ts";
import type { Signer } from "../signer.ts";
import { fieldsOf, type OutboxContext, type Witness } from "./context.ts";
import { FEE_POLICY, type FeePolicy } from "./fees.ts";
import { compareUrgency, type Intent, type Sender, type Trouble } from "./intent.ts";
import type { Entry, Journal } from "./journal.ts";
import type { OutboxProbe } from "./probe.ts";
import { createPublisher } from "./publish.ts";
import { createQueue, type Item } from "./queue.ts";
import { raise, rebroadcast } from "./raise.ts";
import { readingsOf, type Readings } from "./readings.ts";
import { createSettler } from "./settle.ts";
import { createStarter } from "./start.ts";
import { createTracker } from "./track.ts";
import { createGapWatch, createViewer, type View } from "./view.ts";

export interface OutboxOptions {
  readonly journal: Journal;
  readonly signer: Signer;
  readonly chainId: number;
  readonly provider: JsonRpcApiProvider;
  /** Gives signed bytes to every endpoint; rejects if none takes them. Default: to `provider`. */
  readonly broadcast?: (raw: Hex) => Promise<void>;
  /** Another endpoint than `provider` asks, for a second look at receipts. Default: `provider`. */
  readonly witness?: Witness;
  /** Default: what `provider` says. */
  readonly readings?: Readings;
  readonly log: Logger;
  /** Default 1000. */
  readonly pollMs?: number;
  readonly fees?: Partial<FeePolicy>;
  /** Wei for gas of routine work in 24 hours. Default: no limit. */
  readonly routineBudgetWei?: bigint;
  /** Blocks until a mined transaction is final. Default 64. */
  readonly finality?: number;
  /** What is not mined is broadcast again after this. Default 5000. */
  readonly rebroadcastMs?: number;
  /** A nonce that is used up without a receipt of ours for so long went to something else. Default 6000. */
  readonly replacedMs?: number;
  /** A nonce that nobody's transaction takes for so long is filled. Default 20000. */
  readonly gapMs?: number;
  /** How long `close` waits for what is in flight. Default 3000. */
  readonly closeMs?: number;
  /** `send` gives up after this, though the transaction may still be mined. Default: never. */
  readonly waitMs?: number;
  readonly probe?: OutboxProbe;
}

/** With nothing to do, a process looks this much less often. */
const IDLE_FACTOR = 5;
const READS_AT_ONCE = 8;
const SPENT_MS = 10_000;

/** The journal must be of this chain and the signer's account. */
export function createOutbox(options: OutboxOptions): Sender {
  const { journal, provider, signer, log, pollMs = 1000, closeMs = 3000 } = options;
  async function toProvider(raw: Hex): Promise<void> {
    await provider.send("eth_sendRawTransaction", [raw]);
  }

  const context: OutboxContext = {
    journal,
    signer,
    chainId: options.chainId,
    provider,
    witness: options.witness ?? provider,
    broadcast: options.broadcast ?? toProvider,
    readings: options.readings ?? readingsOf(provider, signer.address),
    log,
    fees: { ...FEE_POLICY, ...options.fees },
    finality: options.finality ?? 64,
    rebroadcastMs: options.rebroadcastMs ?? 5000,
    replacedMs: options.replacedMs ?? 6000,
    routineBudgetWei: options.routineBudgetWei,
    probe: options.probe,
  };
  const stats = { inFlight: 0, routineSpentWei: 0n };
  const troubles = new Map<Trouble, { readonly message: string; readonly atMs: number }>();
  const seldom = { log, throttle: createThrottle() };
  let [closed, stopped, first, kicked] = [false, false, true, false];
  let spentReadMs = 0;
  let wake: () => void = () => undefined;

  function kick(): void {
    kicked = true;
    wake();
  }

  function trouble(code: Trouble, message: string): void {
    troubles.set(code, { message, atMs: Date.now() });
  }

  function fail(item: Item, error: AssayError): void {
    const { code, message } = error;
    if (code === "INSUFFICIENT_FUNDS" || code === "BUDGET_EXHAUSTED") trouble(code, message);
    queue.reject(item, error);
  }

  function refuse(item: Item, error: AssayError): void {
    options.probe?.refused(item.intent.label, error.code);
    fail(item, error);
  }

  /** One part's failure does not keep the others from their work. */
  async function attempt<T>(what: string, work: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      return await work();
    } catch (error) {
      logErrorThrottled(seldom, error, what);
      return otherwise;
    }
  }

  const queue = createQueue();
  const publisher = createPublisher(context, {
    onChange: kick,
    onRefused(entry, refusal, error) {
      if (refusal === "funds")
        trouble("INSUFFICIENT_FUNDS", `${entry.label}: the wallet cannot pay for its gas`);
      const fields = { ...fieldsOf(entry), refusal, reason: messageOf(error) };
      logThrottled(seldom, "warn", `refused ${String(refusal)}`, fields, "not taken by any endpoint");
    },
    onSigner(failure) {
      if (failure === undefined) troubles.delete("SIGNER_FAILED");
      else trouble("SIGNER_FAILED", failure.message);
    },
  });
  const tracker = createTracker(context);
  const settler = createSettler({
    journal,
    queue,
    tracker,
    publish: (entry) => publisher.publish(entry, 0, 0),
    fail,
    attempt,
    waitMs: options.waitMs ?? Infinity,
  });
  const starter = createStarter(context, refuse);
  const look = createViewer(context);
  const isBlocked = createGapWatch(options.gapMs ?? 20_000);
  const reads = pLimit(READS_AT_ONCE);

  async function track(entries: readonly Entry[], view: View): Promise<Entry[]> {
    const pending = entries.filter(({ state }) => state === "pending");
    const waits = await Promise.all(
      pending.map((entry) =>
        reads(() => attempt("receipts", () => tracker.pending(entry, view.nonce), true)),
      ),
    );
    const mined = entries.filter(({ state }) => state !== "pending");
    const undone = await attempt(
      "watching for reorganisations",
      () => tracker.mined(mined, view.head.number),
      [],
    );
    for (const entry of undone) publisher.publish(entry, view.head.number, 0);
    return pending.filter((_, i) => waits[i]);
  }

  async function start(waiting: readonly Item[], open: readonly Entry[], view: View): Promise<number> {
    const blocked = isBlocked(view, open);
    const pending = open.filter(({ state }) => state === "pending");
    // What fills a gap is one more in flight, but the others wait for it.
    const started = await starter.start(waiting, blocked ? 0 : pending.length, async () => {
      const [market, balance] = await Promise.all([view.market(), view.balance()]);
      const { nonce, pendingNonce } = view;
      const chain = { nonce, pendingNonce, outbid: blocked, balance, baseFee: market.baseFee };
      return { market, chain, blockGas: view.head.gasLimit };
    });
    for (const entry of started) publisher.publish(entry, view.head.number, 0);
    if (blocked && started.length === 0 && pending.length > 0) fill(pending, view.nonce);
    return started.length;
  }

  /** Nothing holds the next nonce, and later ones wait for it. */
  function fill(pending: readonly Entry[], nonce: number): void {
    const [urgent] = [...pending].sort(compareUrgency);
    const { priority = "routine", deadline } = urgent ?? {};
    const call = { to: signer.address, data: "0x", key: `fill:${nonce}`, label: "fill" } as const;
    const intent: Intent = { ...call, priority, ...(deadline === undefined ? {} : { deadline }) };
    if (queue.has(intent.key)) return;
    log.warn({ nonce }, "a nonce is missing: filling it");
    queue.add(intent).catch((error: unknown) => logErrorThrottled(seldom, error, "filling a nonce failed"));
  }

  /** @returns whether there is anything to look after. */
  async function tick(): Promise<boolean> {
    const { nowMs, entries } = await journal.open();
    if (Date.now() - spentReadMs > SPENT_MS) {
      stats.routineSpentWei = await journal.routineSpent();
      spentReadMs = Date.now();
    }
    stats.inFlight = entries.filter(({ state }) => state === "pending").length;
    if (entries.length === 0) first = false;
    if (entries.length === 0 && queue.size === 0) return false;
    // What is asked for later may have to follow something that this look does not show yet.
    const asked = queue.items();
    const view = await look();
    const pending = await track(entries, view);
    rebroadcast(context, publisher, pending, view, nowMs, first);
    first = false;
    await attempt("fees", () => raise(context, publisher, pending, view, nowMs), undefined);
    const waiting = await settler.settle(asked);
    if (closed) for (const item of waiting) queue.reject(item, closing());
    else if ((await start(waiting, entries, view)) > 0) kick();
    return pending.length > 0 || queue.size > 0;
  }

  async function pause(milliseconds: number): Promise<void> {
    if (kicked || stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      // A process that waits for nothing may end.
      if (queue.size === 0) timer.unref();
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function run(): Promise<void> {
    while (!stopped) {
      kicked = false;
      const busy = await attempt("sending", tick, true);
      await pause(busy ? pollMs : pollMs * IDLE_FACTOR);
    }
  }

  async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds)));
    await Promise.race([work, limit]);
    clearTimeout(timer);
  }

  const running = run();
  return {
    address: signer.address,
    send(intent): Promise<TransactionReceipt> {
      if (closed) return Promise.reject(closing());
      const answer = queue.add(intent);
      kick();
      return answer;
    },
    stats: () => ({ ...stats, troubles, queued: Math.max(0, queue.size - settler.inFlight()) }),
    async close() {
      closed = true;
      kick();
      await within(closeMs, queue.drained());
      stopped = true;
      kick();
      await within(closeMs, Promise.all([running, publisher.idle()]));
      for (const item of queue.items()) queue.reject(item, closing());
    },
  };
}

function closing(): AssayError {
  return new AssayError("CLOSED", "the node is stopping");
}

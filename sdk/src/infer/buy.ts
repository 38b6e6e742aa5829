/**
 * Buying one answer of one operator: what is sent is written down first, and what got lost is asked for again, as it was, before
 * anything new is signed.
 */
import { encodeBase64, randomBytes, toBigInt, type Signer } from "ethers";
import { AssayError } from "../error.ts";
import { digestOf, signAs, type Order, type Place } from "../receipts.ts";
import { sameHex, type Hex } from "../structs.ts";
import { checkKey, checkSettlement, type KeyStanding } from "./accept.ts";
import { deliver } from "./deliver.ts";
import type { DepositAccount } from "./deposits.ts";
import { refusalIn, type Exchange, type HttpSaid } from "./exchange.ts";
import { openingLedger, totalFor, withoutOrder, withOrder, withReceipt, type OpenOrder } from "./ledger.ts";
import { createSlots } from "./slots.ts";
import { accountKey, type AccountId, type InferenceStore } from "./store.ts";
import type { OperatorTerms } from "./survey.ts";
import {
  fromHeader,
  HEADERS,
  INFER_PATH,
  networkOf,
  requiredSchema,
  SCHEME,
  settlementSchema,
  toHeader,
  X402_VERSION,
  type PaymentRequired,
  type ReceiptFile,
  type Settlement,
  voucherOf,
} from "./wire.ts";

export interface Want {
  readonly releaseId: Hex;
  readonly inputsRoot: Hex;
  readonly input: Uint8Array;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Bought {
  readonly output: Uint8Array;
  readonly file: ReceiptFile;
  readonly priceWei: bigint;
}

export interface BuyerOptions {
  readonly place: Place;
  readonly client: Hex;
  readonly signer: Pick<Signer, "signTypedData">;
  readonly store: InferenceStore;
  readonly exchange: Exchange;
  /** Times that an order is sent before the caller is told that it failed. */
  readonly attempts: number;
  /** Orders that may be on their way to one operator: so many prices are at risk. */
  readonly maxInFlight: number;
  /** Unix seconds. */
  readonly now: () => number;
  readonly outputBytesOf: (releaseId: Hex) => Promise<number>;
  readonly keyOf: (key: Hex) => Promise<KeyStanding | undefined>;
  /** Of the client, read anew. */
  readonly accountOf: (operator: Hex) => Promise<DepositAccount>;
}

export interface Buyer {
  /**
   * @throws {AssayError} BUSY (nothing is owed), PAYMENT_REQUIRED, BAD_RECEIPT, PEER_FAILED, TIMED_OUT, RPC_FAILED, or what the
   * operator says; the signal's reason.
   */
  buy(from: OperatorTerms, want: Want): Promise<Bought>;
  accountWith(operator: Hex): AccountId;
}

/** After this nobody answers an order any more that was not answered in time. */
const ABANDONED_SECONDS = 86_400;
/** An order outlives the wait for its answer, since clocks differ. */
const SPARE_SECONDS = 60;
const MAX_REFUSAL_BYTES = 2 ** 16;

export function createBuyer(options: BuyerOptions): Buyer {
  const { place, client, signer, store, exchange, now } = options;
  const { chainId, deposits } = place;
  /** Digests of orders that a call of ours waits for. */
  const inFlight = new Set<Hex>();
  const slots = createSlots(options.maxInFlight);
  const settling = new Map<string, Promise<Bought[]>>();
  const accountWith = (operator: Hex): AccountId => ({ chainId, deposits, client, operator });
  const digest = ({ order }: OpenOrder): Hex => digestOf(place, "Order", order);

  async function drop(opened: OpenOrder): Promise<void> {
    await store.update(accountWith(opened.order.operator), (ledger = openingLedger(0n)) =>
      Promise.resolve([withoutOrder(ledger, opened.order), undefined] as const),
    );
    await store.dropInput(digest(opened));
  }

  /** Checks what came, and keeps it. @throws {AssayError} BAD_RECEIPT, RPC_FAILED. */
  async function accept(opened: OpenOrder, input: Uint8Array, said: HttpSaid): Promise<Bought> {
    const { order } = opened;
    const settlement = settlementOf(said);
    const outputBytes = await options.outputBytesOf(order.releaseId);
    const key = checkSettlement({ place, opened, outputBytes, now: now() }, settlement, said.body);
    checkKey(key, await options.keyOf(key), settlement);
    const { receipt, signature } = settlement;
    const file: ReceiptFile = {
      ...{ version: 1, chainId, receipts: place.receipts, receipt, signature },
      ...{ input: encodeBase64(input), output: encodeBase64(said.body) },
    };
    // In this order: of a receipt that was counted and not kept nothing would be left.
    await store.keepReceipt(file);
    await store.update(accountWith(order.operator), (ledger = openingLedger(0n)) =>
      Promise.resolve([withReceipt(ledger, order), undefined] as const),
    );
    await store.dropInput(digest(opened));
    return { output: said.body, file, priceWei: order.priceWei };
  }

  async function refusal({ order }: OpenOrder, said: HttpSaid): Promise<AssayError> {
    const { operator, priceWei, releaseId } = order;
    const { code = "PEER_FAILED", words } = refusalIn(said);
    const required = said.status === 402 ? requiredIn(said) : undefined;
    if (required === undefined) return new AssayError(code, `${operator} did not take the order: ${words}`);
    const { obtainedWei = 0n } = (await store.ledger(accountWith(operator))) ?? {};
    const owedWei = required.extensions?.owedWei ?? 0n;
    const asked = required.accepts.find(({ extra }) => sameHex(extra.releaseId, releaseId))?.amount;
    const details = { operator, owedWei, obtainedWei, priceWei, asked };
    if (owedWei > obtainedWei)
      return new AssayError(
        "PAYMENT_REQUIRED",
        `${operator} counts ${owedWei} wei as owed, of which ${obtainedWei} are accounted for here: nothing is signed for the rest. If it is yours (receipts of another store, or that got lost), say so with acknowledge(); else ask another operator`,
        { details },
      );
    const rose = asked !== undefined && asked > priceWei;
    const what = rose ? `its price rose to ${asked} wei` : words;
    return new AssayError("PAYMENT_REQUIRED", `${operator}: ${what}`, { retryable: rose, details });
  }

  /** @param doubtful Whether it may have been answered before. */
  async function ask(
    { endpoint, trusted }: OperatorTerms,
    opened: OpenOrder,
    { input, timeoutMs, signal }: Pick<Want, "input" | "timeoutMs" | "signal">,
    doubtful: boolean,
  ): Promise<Bought> {
    const outputBytes = await options.outputBytesOf(opened.order.releaseId);
    const bytes = "application/octet-stream";
    const headers = { "content-type": bytes, accept: bytes, [HEADERS.payment]: headerOf(place, opened) };
    const outcome = await deliver({
      exchange,
      ask: {
        ...{ url: `${endpoint}${INFER_PATH}`, headers, body: new Uint8Array(input) },
        ...{ maxBytes: Math.max(MAX_REFUSAL_BYTES, outputBytes), timeoutMs, trusted, signal },
      },
      attempts: options.attempts,
      doubtful,
    });
    if (outcome.kind === "answered") return accept(opened, input, outcome.said);
    if (outcome.kind === "lost") throw outcome.error;
    const error = outcome.kind === "busy" ? outcome.error : await refusal(opened, outcome.said);
    await drop(opened);
    throw error;
  }

  async function isOpen({ order }: OpenOrder): Promise<boolean> {
    const ledger = await store.ledger(accountWith(order.operator));
    return ledger?.open.some((opened) => opened.order.nonce === order.nonce) ?? false;
  }

  /** Asks again for what got lost, at this operator. */
  async function recover(from: OperatorTerms, want: Want): Promise<Bought[]> {
    const ledger = await store.ledger(accountWith(from.operator));
    const recovered: Bought[] = [];
    for (const opened of ledger?.open ?? []) {
      const id = digest(opened);
      if (inFlight.has(id)) continue;
      const input = await store.input(id);
      const late = opened.order.expiresAt + ABANDONED_SECONDS < now();
      inFlight.add(id);
      try {
        // Its input is written before it is sent.
        if (input === undefined) await drop(opened);
        else recovered.push(await ask(from, opened, { ...want, input }, true));
      } catch (error) {
        if (!(error instanceof AssayError)) throw error;
        if (late) await drop(opened);
        // What was refused is no longer open, and pays for what comes next.
        else if (await isOpen(opened)) throw error;
      } finally {
        inFlight.delete(id);
      }
    }
    return recovered;
  }

  /** One at a time for each operator; who comes meanwhile waits for the same. */
  async function settle(from: OperatorTerms, want: Want): Promise<Bought[]> {
    const key = accountKey(accountWith(from.operator));
    const running = settling.get(key);
    if (running !== undefined) return running;
    const mine = recover(from, want);
    settling.set(key, mine);
    try {
      return await mine;
    } finally {
      settling.delete(key);
    }
  }

  /** Undefined: something got lost meanwhile. */
  function sign(from: OperatorTerms, want: Want): Promise<OpenOrder | undefined> {
    const { operator, terms, account } = from;
    const { amount: priceWei, maxTimeoutSeconds, extra } = terms;
    return store.update(accountWith(operator), async (kept) => {
      const ledger = kept ?? openingLedger(account.redeemedWei);
      if (ledger.open.some((opened) => !inFlight.has(digest(opened)))) return [ledger, undefined];
      const totalWei = totalFor(ledger, priceWei);
      if (totalWei > account.depositWei) {
        const { depositWei } = await options.accountOf(operator);
        if (totalWei > depositWei)
          throw new AssayError(
            "PAYMENT_REQUIRED",
            `the deposit for ${operator} is used up: it would take ${totalWei - depositWei} wei more. Deposit, or ask another operator`,
            { details: { operator, depositWei, totalWei } },
          );
      }
      const sentAt = now();
      const seconds = Math.min(maxTimeoutSeconds, Math.ceil(want.timeoutMs / 1000) + SPARE_SECONDS);
      const order: Order = {
        ...{ releaseId: want.releaseId, inputsRoot: want.inputsRoot, client, operator, priceWei },
        ...{ nonce: toBigInt(randomBytes(8)), expiresAt: sentAt + seconds },
      };
      const voucher = voucherOf(order, totalWei, digestOf(place, "Order", order));
      const opened: OpenOrder = {
        ...{ order, totalWei, signature: await signAs(signer, place, "Voucher", voucher) },
        ...{ bondClass: extra.bondClass, sentAt },
      };
      await store.keepInput(digest(opened), want.input);
      inFlight.add(digest(opened));
      return [withOrder(ledger, opened), opened];
    });
  }

  async function order(from: OperatorTerms, want: Want): Promise<Bought> {
    for (;;) {
      const recovered = await settle(from, want);
      // The same question asked again: its answer is paid for.
      const mine = recovered.findIndex(({ file: { receipt } }) => isWanted(receipt, want));
      const [found] = mine < 0 ? [] : recovered.splice(mine, 1);
      if (found !== undefined) return found;
      const opened = await sign(from, want);
      if (opened === undefined) continue;
      try {
        return await ask(from, opened, want, false);
      } finally {
        inFlight.delete(digest(opened));
      }
    }
  }

  return {
    accountWith,
    buy: (from, want) =>
      slots(accountKey(accountWith(from.operator)), () => {
        want.signal?.throwIfAborted();
        return order(from, want);
      }),
  };
}

function isWanted(receipt: Settlement["receipt"], { releaseId, inputsRoot }: Want): boolean {
  return sameHex(receipt.releaseId, releaseId) && sameHex(receipt.inputsRoot, inputsRoot);
}

/** Undefined: the body says nothing that can be read. */
function requiredIn({ body }: HttpSaid): PaymentRequired | undefined {
  try {
    return requiredSchema.parse(JSON.parse(new TextDecoder().decode(body)));
  } catch {
    return undefined;
  }
}

/** @throws {AssayError} BAD_RECEIPT */
function settlementOf(said: HttpSaid): Settlement {
  const header = said.header(HEADERS.response);
  if (header === null)
    throw new AssayError("BAD_RECEIPT", "the operator sent an answer without a receipt: it was thrown away");
  try {
    return fromHeader(settlementSchema, "the receipt", header).extensions;
  } catch (cause) {
    throw new AssayError("BAD_RECEIPT", "the operator's receipt cannot be read", { cause });
  }
}

function headerOf(place: Place, opened: OpenOrder): string {
  const { order, totalWei, signature } = opened;
  return toHeader({
    x402Version: X402_VERSION,
    accepted: { scheme: SCHEME, network: networkOf(place) },
    payload: { order, totalWei, signature },
  });
}

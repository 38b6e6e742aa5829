/** Inference over HTTP, paid by vouchers: docs/receipts.md. */
import type { Provider, Signer } from "ethers";
import type { Contracts } from "../contracts.ts";
import { encodeInput, type TensorValue, type TensorValues } from "../encode.ts";
import { AssayError } from "../error.ts";
import { placeIn } from "../receipts.ts";
import { checkSignature, readRelease } from "../release.ts";
import { reading } from "../send.ts";
import { address, sameHex, ZERO_ADDRESS, type Hex, type Release } from "../structs.ts";
import { blobLength, type Signature } from "../tensor.ts";
import type { KeyStanding } from "./accept.ts";
import { createBuyer, type Bought } from "./buy.ts";
import { createCache } from "./cache.ts";
import { accountOf } from "./deposits.ts";
import { fetchExchange, type Exchange } from "./exchange.ts";
import { inputsRootOf } from "./inputsRoot.ts";
import { openingLedger, totalFor, withLoss, type Ledger } from "./ledger.ts";
import { checkSample, judge, type Judgement, type Sample } from "./sample.ts";
import type { InferenceStore } from "./store.ts";
import {
  readFunded,
  readOverturned,
  readReachable,
  survey,
  type OperatorTerms,
  type Reachable,
  type Survey,
} from "./survey.ts";
import type { ReceiptFile } from "./wire.ts";

export interface InferenceClientOptions {
  readonly provider: Provider;
  /** What must not be forgotten: `fileStore` of the Node entry, `browserStore` of the browser one, or `memoryStore`. */
  readonly store: InferenceStore;
  /** Whose deposits the signer spends. Default: the signer's account. */
  readonly client?: Hex;
  /** Default: by `fetch`. */
  readonly exchange?: Exchange;
  /** How long terms, and what the chain says of operators, are taken for true, seconds. Default 60: a revoked key is good for an hour. */
  readonly termsSeconds?: number;
  /** How often an order is sent before it counts as lost. Default 2. */
  readonly attempts?: number;
  /** Orders on their way to one operator: so many prices are at risk. Default 8. */
  readonly maxInFlight?: number;
  /** Whether endpoints that others announced may lead into private networks. Default false. */
  readonly allowPrivate?: boolean;
  /** Unix seconds. Default: our own clock. */
  readonly now?: () => number;
  /** From 0 to below 1, for samples. */
  readonly random?: () => number;
}

export interface InferOptions {
  readonly releaseId: Hex;
  /** Of the release, which commits to it. */
  readonly signature: Signature;
  /** Tensors as `encodeInput` takes them, or the input blob. */
  readonly input: TensorValues | TensorValue;
  /** Ask this one, whatever its record. Default: the cheapest for which there is a deposit. */
  readonly operator?: Hex;
  /** Where the operator is; it may be on a private network. Default: as it announced. */
  readonly endpoint?: string;
  readonly maxPriceWei?: bigint;
  /** The least bond of a receipt is `0.001 ether << bondClass`. Default 0. */
  readonly minBondClass?: number;
  /** Until the operator's answer is here; what is read from the chain before and after takes as long as the provider lets it. Default 60. */
  readonly timeoutSeconds?: number;
  readonly sample?: Sample;
  readonly signal?: AbortSignal;
}

export interface Inference {
  readonly output: Uint8Array;
  readonly receipt: ReceiptFile;
  readonly operator: Hex;
  readonly priceWei: bigint;
  /** It was recomputed and is wrong; known only if the sample waits. */
  readonly suspect: boolean;
  /** Of the answers that are recomputed; it never rejects. */
  readonly judged: Promise<Judgement> | undefined;
}

export interface InferenceClient {
  /**
   * @throws {AssayError} PAYMENT_REQUIRED without a deposit that covers it; NOT_FOUND if nobody fits; BUSY; BAD_RECEIPT, PEER_FAILED
   * or TIMED_OUT if a price may be lost: asking again asks for the same order first; STATE_FAILED; RPC_FAILED; the signal's reason.
   */
  infer(options: InferOptions): Promise<Inference>;
  /** Everybody who answers a release, with a deposit or not. @throws {AssayError} RPC_FAILED. */
  operators(releaseId: Hex): Promise<Survey>;
  /** What was signed for an operator and what it gave. */
  ledger(operator: Hex): Promise<Ledger>;
  /** Counts so much as bought of an operator, without receipts: what it says is owed, if that is true. Then it is asked on. */
  acknowledge(operator: Hex, owedWei: bigint): Promise<void>;
}

/** Whoever failed comes last for so long. */
const AVOID_SECONDS = 600;
const TERMS_TIMEOUT_MS = 10_000;
const DIRECTORY_SECONDS = 600;
const MAX_REASONS = 5;

/** @param signer Signs orders and vouchers: the deposits' signer. It needs no provider and sends nothing. */
export async function createInferenceClient(
  contracts: Contracts,
  signer: Pick<Signer, "signTypedData" | "getAddress">,
  options: InferenceClientOptions,
): Promise<InferenceClient> {
  const { provider, store, exchange = fetchExchange, termsSeconds = 60, allowPrivate = false } = options;
  const { now = () => Math.floor(Date.now() / 1000), random = Math.random } = options;
  const place = placeIn(contracts.deployment);
  const signerAt = address.parse(await signer.getAddress());
  const client = options.client ?? signerAt;
  const asking: Exchange = (ask) => exchange({ ...ask, trusted: ask.trusted || allowPrivate });

  const releases = createCache<Release>(Infinity, now);
  const directory = createCache<Reachable[]>(DIRECTORY_SECONDS, now);
  const surveys = createCache<Survey>(termsSeconds, now);
  const keys = createCache<KeyStanding | undefined>(termsSeconds, now);
  /** Until when, unix seconds, by operator in lower case. */
  const avoided = new Map<string, number>();

  const releaseOf = (releaseId: Hex): Promise<Release> =>
    releases(releaseId, async () => (await readRelease(contracts, provider, releaseId)).release);

  const keyOf = (key: Hex): Promise<KeyStanding | undefined> =>
    keys(key.toLowerCase(), async () => {
      const { operator, until } = await reading("keyOf", contracts.receipts.keyOf(key));
      const owner = address.parse(operator);
      return sameHex(owner, ZERO_ADDRESS) ? undefined : { operator: owner, until: Number(until) };
    });

  const buyer = createBuyer({
    ...{ place, client, signer, store, now, keyOf, exchange: asking },
    attempts: options.attempts ?? 2,
    maxInFlight: options.maxInFlight ?? 8,
    outputBytesOf: async (releaseId) => (await releaseOf(releaseId)).outputBytes,
    accountOf: (operator) => accountOf(contracts, client, operator),
  });

  const announced = (): Promise<Reachable[]> => directory("", () => readReachable(contracts, provider));

  /** @param wanted Lower case; undefined: all. */
  async function listed(wanted?: ReadonlySet<string>): Promise<Reachable[]> {
    return (await announced()).filter(({ operator }) => wanted?.has(operator.toLowerCase()) ?? true);
  }

  async function look(releaseId: Hex, reachable: readonly Reachable[]): Promise<Survey> {
    const overturned = await readOverturned(
      contracts,
      provider,
      reachable.map(({ operator }) => operator),
    );
    const asked = { releaseId, client, exchange: asking, timeoutMs: TERMS_TIMEOUT_MS, now: now() };
    return survey(contracts, asked, reachable, overturned);
  }

  function surveyFor({ releaseId, operator, endpoint }: InferOptions): Promise<Survey> {
    const key = [releaseId, operator ?? "", endpoint ?? ""].join("|").toLowerCase();
    return surveys(key, async () => {
      if (operator !== undefined && endpoint !== undefined) {
        const endpoints = [endpoint.replace(/\/+$/, "")];
        return look(releaseId, [{ operator, endpoints, trusted: true }]);
      }
      if (endpoint !== undefined)
        throw new AssayError("BAD_CONFIG", "an endpoint goes with its operator: name both");
      if (operator !== undefined) {
        const found = await listed(new Set([operator.toLowerCase()]));
        if (found.length > 0) return look(releaseId, found);
        throw new AssayError("NOT_FOUND", `${operator} announces no endpoint: give the one that you know`);
      }
      const funded = await readFunded(contracts, provider, client);
      return look(releaseId, await listed(new Set(funded.map((one) => one.toLowerCase()))));
    });
  }

  /** Why an operator is not asked; undefined: it is. */
  async function objection(found: OperatorTerms, wanted: InferOptions): Promise<AssayError | undefined> {
    const { operator, terms, account, overturned } = found;
    const { amount } = terms;
    const unpaid = (why: string): AssayError => new AssayError("PAYMENT_REQUIRED", `${operator}: ${why}`);
    const unfit = (why: string): AssayError => new AssayError("NOT_FOUND", `${operator}: ${why}`);
    if (overturned > 0 && wanted.operator === undefined)
      return unfit(`${overturned} of its receipts were judged wrong; name it to ask it all the same`);
    if (wanted.maxPriceWei !== undefined && amount > wanted.maxPriceWei)
      return unfit(`asks ${amount} wei, more than ${wanted.maxPriceWei}`);
    if (terms.extra.bondClass < (wanted.minBondClass ?? 0))
      return unfit(
        `its receipts' bond is of class ${terms.extra.bondClass}, below ${wanted.minBondClass ?? 0}`,
      );
    if (sameHex(account.signer, ZERO_ADDRESS))
      return unpaid(`asks ${amount} wei, and ${client} has no deposit for it`);
    if (!sameHex(account.signer, signerAt))
      return unpaid(`vouchers of the deposit are signed by ${account.signer}, not ${signerAt}`);
    if (account.leavesAt !== 0) return unpaid("the deposit is leaving; depositing again takes that back");
    const ledger = (await store.ledger(buyer.accountWith(operator))) ?? openingLedger(account.redeemedWei);
    const openWei = ledger.open.reduce((sum, { order }) => sum + order.priceWei, 0n);
    // What is open may come to nothing, and pay for this.
    if (totalFor({ ...ledger, open: [] }, amount) > account.depositWei)
      return unpaid(
        `the deposit of ${account.depositWei} wei is used up (${ledger.obtainedWei + openWei} wei); it asks ${amount}`,
      );
    return undefined;
  }

  /** Whom to ask, the best first. @throws {AssayError} PAYMENT_REQUIRED, NOT_FOUND, RPC_FAILED. */
  async function candidates(wanted: InferOptions): Promise<OperatorTerms[]> {
    const { operators, refused } = await surveyFor(wanted);
    // That nobody could be asked now says nothing of the next minute.
    if (operators.length === 0) surveys.clear();
    const usable: OperatorTerms[] = [];
    const objections: AssayError[] = [];
    for (const found of operators) {
      const why = await objection(found, wanted);
      if (why === undefined) usable.push(found);
      else objections.push(why);
    }
    const avoid = ({ operator }: OperatorTerms): boolean =>
      (avoided.get(operator.toLowerCase()) ?? 0) > now();
    if (usable.length > 0)
      return [...usable.filter((found) => !avoid(found)), ...usable.filter((found) => avoid(found))];
    const reasons = [
      ...objections.map(({ message }) => message),
      ...refused.map(({ operator, reason }) => `${operator}: ${reason}`),
    ];
    if (reasons.length === 0)
      throw new AssayError(
        "PAYMENT_REQUIRED",
        `${client} has no deposit for an operator that announces an endpoint: deposit for one that answers the release`,
      );
    const unpaid = objections.some(({ code }) => code === "PAYMENT_REQUIRED");
    throw new AssayError(
      unpaid ? "PAYMENT_REQUIRED" : "NOT_FOUND",
      `nobody can be asked: ${reasons.slice(0, MAX_REASONS).join("; ")}`,
      { details: { reasons } },
    );
  }

  function avoidNow(operator: Hex, seconds: number): void {
    avoided.set(operator.toLowerCase(), now() + seconds);
  }

  /** @throws {AssayError} as {@link InferenceClient.infer}. */
  async function buy(wanted: InferOptions, input: Uint8Array): Promise<Bought & { readonly operator: Hex }> {
    const { releaseId, signature, signal, timeoutSeconds = 60 } = wanted;
    const inputsRoot = inputsRootOf(signature, input);
    const want = { releaseId, inputsRoot, input, signal, timeoutMs: timeoutSeconds * 1000 };
    for (let again = false; ; again = true) {
      let failure: AssayError | undefined;
      for (const from of await candidates(wanted)) {
        try {
          return { ...(await buyer.buy(from, want)), operator: from.operator };
        } catch (error) {
          if (!(error instanceof AssayError)) throw error;
          failure = error;
          if (error.code === "BAD_RECEIPT" || error.code === "PEER_FAILED" || error.code === "TIMED_OUT")
            avoidNow(from.operator, AVOID_SECONDS);
          // Nothing is at risk with one that is busy: another may have time.
          if (error.code !== "BUSY") break;
        }
      }
      if (failure === undefined) throw new AssayError("NOT_FOUND", "nobody can be asked");
      // Terms that have changed are read again, once.
      if (again || failure.code !== "PAYMENT_REQUIRED" || !failure.retryable) throw failure;
      surveys.clear();
    }
  }

  return {
    async infer(wanted) {
      const { releaseId, signature, sample } = wanted;
      if (sample !== undefined) checkSample(sample);
      const release = await releaseOf(releaseId);
      checkSignature(release, signature);
      const input = wanted.input instanceof Uint8Array ? wanted.input : encodeInput(signature, wanted.input);
      if (input.length !== blobLength(signature.inputs))
        throw new AssayError(
          "BAD_TENSOR",
          `the input has ${input.length} bytes, the release's ${blobLength(signature.inputs)}`,
        );
      const { output, file, priceWei, operator } = await buy(wanted, input);
      const sampled = sample !== undefined && random() < sample.share;
      const judged = sampled ? judge(sample, file) : undefined;
      const distrust = judged?.then((judgement) => {
        if (judgement === "wrong") avoidNow(operator, Infinity);
        return judgement;
      });
      const suspect = sample?.wait === true && (await distrust) === "wrong";
      return { output, receipt: file, operator, priceWei, suspect, judged: distrust };
    },
    operators: async (releaseId) => look(releaseId, await listed()),
    async ledger(operator) {
      const kept = await store.ledger(buyer.accountWith(operator));
      return kept ?? openingLedger((await accountOf(contracts, client, operator)).redeemedWei);
    },
    async acknowledge(operator, owedWei) {
      const { redeemedWei } = await accountOf(contracts, client, operator);
      await store.update(buyer.accountWith(operator), (ledger = openingLedger(redeemedWei)) =>
        Promise.resolve([withLoss(ledger, owedWei), undefined] as const),
      );
    },
  };
}

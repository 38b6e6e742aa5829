/** Who answers a release over HTTP, at which price, and what the chain says of them. */
import { getAddress, zeroPadValue, type Provider } from "ethers";
import type { Contracts } from "../contracts.ts";
import { AssayError, messageOf } from "../error.ts";
import { readLogs } from "../logs.ts";
import { readDirectory } from "../offers.ts";
import { reading } from "../send.ts";
import { address, bytes32, sameHex, ZERO_ADDRESS, type Hex } from "../structs.ts";
import { accountOf, type DepositAccount } from "./deposits.ts";
import { readJson, refusalIn, type Exchange } from "./exchange.ts";
import { networkOf, requiredSchema, TERMS_PATH, type Terms } from "./wire.ts";

/** Where operators say that they can be reached. */
export interface Reachable {
  readonly operator: Hex;
  readonly endpoints: readonly string[];
  /** Chosen by whoever asks; it may be on a private network. */
  readonly trusted: boolean;
}

/** An operator that answers a release, and what stands behind it. */
export interface OperatorTerms {
  readonly operator: Hex;
  readonly endpoint: string;
  readonly trusted: boolean;
  readonly terms: Terms;
  /** Until when what the key issues is good, unix seconds. */
  readonly keyUntil: number;
  /** Behind the next receipt, wei. */
  readonly coverWei: bigint;
  /** A receipt's bond, wei. */
  readonly bondWei: bigint;
  /** Receipts of this operator that were judged wrong, ever. */
  readonly overturned: number;
  /** Of the client. */
  readonly account: DepositAccount;
}

export interface Survey {
  /** Cheapest first. */
  readonly operators: readonly OperatorTerms[];
  /** Those that cannot be used, and why. */
  readonly refused: readonly { readonly operator: Hex; readonly reason: string }[];
}

export interface SurveyOptions {
  readonly releaseId: Hex;
  /** Whose deposits. */
  readonly client: Hex;
  readonly exchange: Exchange;
  /** For one endpoint's terms, milliseconds. */
  readonly timeoutMs: number;
  /** Unix seconds. */
  readonly now: number;
}

/** Anybody can announce: of so many, the newest are asked. */
const MAX_OPERATORS = 200;
const AT_ONCE = 16;
const MAX_TERMS_BYTES = 2 ** 16;
/** An offer must hold for as long as an order may take. */
const MARGIN_SECONDS = 300;

/** Those who announced endpoints, oldest first. @throws {AssayError} RPC_FAILED. */
export async function readReachable(contracts: Contracts, provider: Provider): Promise<Reachable[]> {
  const announced = await readDirectory(contracts, provider, ["EndpointsAnnounced"], []);
  return [...announced.values()]
    .filter(({ endpoints }) => endpoints.length > 0)
    .map(({ address: operator, endpoints }) => ({ operator, endpoints, trusted: false }));
}

/** Operators with a deposit of the client's, past ones too. @throws {AssayError} RPC_FAILED. */
export async function readFunded(
  { deposits, deployment }: Contracts,
  provider: Provider,
  client: Hex,
): Promise<Hex[]> {
  const topics = [deposits.interface.getEvent("Funded").topicHash, zeroPadValue(client, 32)];
  const logs = await readLogs(provider, { address: deployment.addresses.deposits, topics }, deployment.block);
  return [...new Set(logs.map(({ topics: [, , topic = ""] }) => getAddress(`0x${topic.slice(-40)}`)))].map(
    (operator) => address.parse(operator),
  );
}

/** Receipts that were judged wrong, by operator in lower case. @throws {AssayError} RPC_FAILED. */
export async function readOverturned(
  { receipts, deployment }: Contracts,
  provider: Provider,
  operators: readonly Hex[],
): Promise<ReadonlyMap<string, number>> {
  const at = deployment.addresses.receipts;
  const counts = new Map<string, number>();
  if (operators.length === 0) return counts;
  const accounts = operators.map((operator) => zeroPadValue(operator, 32));
  const onTrial = receipts.interface.getEvent("ReceiptOnTrial").topicHash;
  const trials = new Map<Hex, string>();
  for (const { topics } of await readLogs(
    provider,
    { address: at, topics: [onTrial, null, accounts] },
    deployment.block,
  )) {
    const [, requestId, operator = ""] = topics;
    trials.set(bytes32.parse(requestId?.toLowerCase()), `0x${operator.slice(-40)}`.toLowerCase());
  }
  if (trials.size === 0) return counts;
  const overturned = receipts.interface.getEvent("Overturned").topicHash;
  const lost = await readLogs(
    provider,
    { address: at, topics: [overturned, [...trials.keys()]] },
    deployment.block,
  );
  for (const { topics } of lost) {
    const operator = trials.get(bytes32.parse(topics[1]?.toLowerCase())) ?? "";
    counts.set(operator, (counts.get(operator) ?? 0) + 1);
  }
  return counts;
}

/** What an endpoint takes for an answer of the release. @throws {AssayError} PEER_FAILED, TIMED_OUT, NOT_FOUND. */
export async function fetchTerms(
  { deployment: { chainId, addresses } }: Contracts,
  { exchange, releaseId, timeoutMs }: Pick<SurveyOptions, "exchange" | "releaseId" | "timeoutMs">,
  operator: Hex,
  endpoint: string,
  trusted: boolean,
): Promise<Terms> {
  const url = `${endpoint}${TERMS_PATH}?release=${releaseId}`;
  const said = await exchange({ url, maxBytes: MAX_TERMS_BYTES, timeoutMs, trusted });
  if (said.status !== 200) throw new AssayError("NOT_FOUND", `${endpoint}: ${refusalIn(said).words}`);
  const { accepts } = readJson(requiredSchema, url, said);
  const found = accepts.find(
    ({ network, asset, payTo, extra }) =>
      network === networkOf({ chainId }) &&
      sameHex(asset, ZERO_ADDRESS) &&
      sameHex(payTo, operator) &&
      sameHex(extra.releaseId, releaseId) &&
      sameHex(extra.receipts, addresses.receipts) &&
      sameHex(extra.deposits, addresses.deposits),
  );
  if (found !== undefined) return found;
  throw new AssayError("NOT_FOUND", `${endpoint} does not offer this release for ${operator} on this chain`);
}

async function firstTerms(
  contracts: Contracts,
  options: SurveyOptions,
  { operator, endpoints, trusted }: Reachable,
): Promise<{ readonly endpoint: string; readonly terms: Terms }> {
  let failure: unknown = new AssayError("NOT_FOUND", "it announces no endpoint");
  for (const endpoint of endpoints) {
    try {
      return { endpoint, terms: await fetchTerms(contracts, options, operator, endpoint, trusted) };
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** @throws {AssayError} saying why it cannot be used; RPC_FAILED. */
async function look(
  contracts: Contracts,
  options: SurveyOptions,
  reachable: Reachable,
  overturned: number,
): Promise<OperatorTerms> {
  const { operator, trusted } = reachable;
  const { endpoint, terms } = await firstTerms(contracts, options, reachable);
  const { key, bondClass } = terms.extra;
  const { receipts } = contracts;
  const [owner, coverWei, bondWei, account] = await Promise.all([
    reading("keyOf", receipts.keyOf(key)),
    reading("coverOf", receipts.coverOf(operator)),
    reading("bondOf", receipts.bondOf(bondClass)),
    accountOf(contracts, options.client, operator),
  ]);
  if (!sameHex(owner.operator, operator))
    throw new AssayError("NOT_FOUND", `its key ${key} is not registered`);
  const keyUntil = Number(owner.until);
  if (keyUntil < options.now + MARGIN_SECONDS) throw new AssayError("NOT_FOUND", `its key ${key} is revoked`);
  if (coverWei < bondWei)
    throw new AssayError(
      "NOT_FOUND",
      `its reserve covers ${coverWei} wei of the ${bondWei} that a receipt of class ${bondClass} promises`,
    );
  return { operator, endpoint, trusted, terms, keyUntil, coverWei, bondWei, overturned, account };
}

function byPrice(a: OperatorTerms, b: OperatorTerms): number {
  const [first, second] = [a.terms.amount, b.terms.amount];
  return first < second ? -1 : first > second ? 1 : 0;
}

/**
 * Asks each for its terms, and the chain whether they are backed: the key is the operator's and not revoked, and its reserve covers
 * another receipt.
 * @param overturned As {@link readOverturned}.
 * @throws {AssayError} RPC_FAILED.
 */
export async function survey(
  contracts: Contracts,
  options: SurveyOptions,
  reachable: readonly Reachable[],
  overturned: ReadonlyMap<string, number>,
): Promise<Survey> {
  const newest = reachable.slice(-MAX_OPERATORS);
  const operators: OperatorTerms[] = [];
  const refused: { operator: Hex; reason: string }[] = [];
  for (let at = 0; at < newest.length; at += AT_ONCE)
    await Promise.all(
      newest.slice(at, at + AT_ONCE).map(async (one) => {
        const { operator } = one;
        const lost = overturned.get(operator.toLowerCase()) ?? 0;
        try {
          operators.push(await look(contracts, options, one, lost));
        } catch (error) {
          // The chain's silence is no operator's fault.
          if (!(error instanceof AssayError) || error.code === "RPC_FAILED") throw error;
          refused.push({ operator, reason: messageOf(error) });
        }
      }),
    );
  return { operators: operators.sort(byPrice), refused };
}

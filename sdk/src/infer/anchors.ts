/** Roots that operators publish of all receipts that they gave in a period, and what lies under them: docs/receipts.md#anchors. */
import { concat, sha256, zeroPadValue, type Provider } from "ethers";
import { z } from "zod/v4";
import { depthOf } from "../../../program/src/treeShape.ts";
import type { Contracts } from "../contracts.ts";
import { AssayError } from "../error.ts";
import { parseEvent, type EventOf } from "../events.ts";
import { readLogs } from "../logs.ts";
import { digestOf, placeIn, signerOf, type Place } from "../receipts.ts";
import { reading } from "../send.ts";
import { bytes32, hex, sameHex, type Hex } from "../structs.ts";
import { fetchExchange, peerFailed, readJson, refusalIn, type Exchange } from "./exchange.ts";
import { digestOfFile } from "./store.ts";
import { wireReceiptSchema, type ReceiptFile } from "./wire.ts";

/** The root of everything that an operator issued in a period. */
export type Anchored = Omit<EventOf<"Anchored">, "name">;

export const ANCHORS_PATH = "/v1/anchors";
const MAX_BYTES = 2 ** 14;

/** A receipt's place under a root: siblings from the leaf upwards. */
export const underSchema = z.object({
  index: z.number().int().nonnegative(),
  path: z.array(bytes32).max(64),
  receipt: wireReceiptSchema,
  signature: hex,
});
export type Under = z.output<typeof underSchema>;

/** Whether leaf `index` of the tree is this digest. */
export function isUnder({ root, count }: Anchored, digest: Hex, { index, path }: Under): boolean {
  if (index >= count || path.length !== depthOf(count)) return false;
  const top = path.reduce<string>((node, sibling, level) => {
    const isRight = Math.floor(index / 2 ** level) % 2 === 1;
    return sha256(concat(isRight ? [sibling, node] : [node, sibling]));
  }, digest);
  return sameHex(`0x${top.slice(2)}`, root);
}

/** What an operator has anchored, the oldest first. @throws {AssayError} RPC_FAILED. */
export async function readAnchored(
  { receipts, deployment }: Contracts,
  provider: Provider,
  operator: Hex,
): Promise<Anchored[]> {
  const topics = [receipts.interface.getEvent("Anchored").topicHash, zeroPadValue(operator, 32)];
  const filter = { address: deployment.addresses.receipts, topics };
  const logs = await readLogs(provider, filter, deployment.block);
  return logs.flatMap((log) => {
    const event = parseEvent("receipts", log);
    return event?.name === "Anchored" ? [event] : [];
  });
}

export interface AnchorSource {
  /** Base URL of the operator's node. */
  readonly endpoint: string;
  /** Chosen by whoever asks: it may be on a private network. */
  readonly trusted: boolean;
  readonly exchange?: Exchange;
  readonly signal?: AbortSignal;
}

/** @returns undefined if the operator says that there is none. @throws {AssayError} PEER_FAILED, TIMED_OUT, BUSY. */
async function ask(root: Hex, query: string, options: AnchorSource): Promise<Under | undefined> {
  const { endpoint, trusted, exchange = fetchExchange, signal } = options;
  const url = `${endpoint.replace(/\/+$/, "")}${ANCHORS_PATH}/${root}?${query}`;
  const said = await exchange({ url, maxBytes: MAX_BYTES, timeoutMs: 30_000, trusted, signal });
  if (said.status === 404) return undefined;
  if (said.status === 200) return readJson(underSchema, url, said);
  const { code, words } = refusalIn(said);
  if (code !== undefined) throw new AssayError(code, `${url}: ${words}`, { retryable: said.status >= 500 });
  throw peerFailed(url, words);
}

/** "open": the operator has not anchored the time of its issue yet. "left out": it has, and does not show that the receipt is under the root. */
export interface Inclusion {
  readonly state: "included" | "open" | "left out";
  readonly anchored?: Anchored;
  readonly index?: number;
}

/**
 * Whether an operator has anchored a receipt that it gave.
 * @throws {AssayError} RPC_FAILED, PEER_FAILED, TIMED_OUT, BUSY; the signal's reason.
 */
export async function checkIncluded(
  contracts: Contracts,
  provider: Provider,
  file: ReceiptFile,
  options: AnchorSource,
): Promise<Inclusion> {
  const { operator, issuedAt } = file.receipt;
  const all = await readAnchored(contracts, provider, operator);
  const anchored = all.find(({ from, until }) => from <= issuedAt && issuedAt < until);
  if (anchored === undefined) return { state: "open" };
  const digest = digestOfFile(file);
  const found = await ask(anchored.root, `receipt=${digest}`, options);
  if (found === undefined || !isUnder(anchored, digest, found)) return { state: "left out", anchored };
  return { state: "included", anchored, index: found.index };
}

export interface Drawn {
  readonly index: number;
  /** Why it is not what the root says; undefined: all is well. */
  readonly wrong: string | undefined;
}

/** @returns what is wrong with it. */
async function flawOf(
  { receipts }: Contracts,
  place: Place,
  anchored: Anchored,
  index: number,
  found: Under | undefined,
  seen: Map<Hex, number>,
): Promise<string | undefined> {
  if (found === undefined) return "the operator does not show it";
  const { receipt, signature } = found;
  const digest = digestOf(place, "Receipt", receipt);
  if (found.index !== index || !isUnder(anchored, digest, found)) return "it is not under the root";
  const twin = seen.get(digest);
  seen.set(digest, index);
  if (twin !== undefined) return `it is the same as number ${twin}`;
  if (!sameHex(receipt.operator, anchored.operator)) return "it is another operator's";
  if (receipt.issuedAt < anchored.from || receipt.issuedAt >= anchored.until)
    return "it was not issued in the period";
  let key: Hex;
  try {
    key = signerOf(place, "Receipt", receipt, signature);
  } catch {
    return "it is not signed";
  }
  const { operator, until } = await reading("keyOf", receipts.keyOf(key));
  if (!sameHex(operator, receipt.operator) || BigInt(receipt.issuedAt) > until)
    return `it is signed by ${key}, which was no key of the operator`;
  return undefined;
}

/**
 * Draws receipts under a root and checks each: that it is there, that it was issued in the period and binds the operator, and that no
 * two are the same. So an operator that overstates what it has answered, or cannot show it, is found out.
 * @param random From 0 to below 1.
 * @throws {AssayError} RPC_FAILED, PEER_FAILED, TIMED_OUT, BUSY; the signal's reason.
 */
export async function sampleAnchored(
  contracts: Contracts,
  anchored: Anchored,
  samples: number,
  options: AnchorSource,
  random: () => number = Math.random,
): Promise<Drawn[]> {
  const place = placeIn(contracts.deployment);
  const indexes = new Set<number>();
  while (indexes.size < Math.min(samples, anchored.count)) indexes.add(Math.floor(random() * anchored.count));
  const seen = new Map<Hex, number>();
  const drawn: Drawn[] = [];
  for (const index of indexes) {
    const found = await ask(anchored.root, `index=${index}`, options);
    drawn.push({ index, wrong: await flawOf(contracts, place, anchored, index, found, seen) });
  }
  return drawn;
}

/**
 * The contracts' events as a discriminated union of plain objects. Logs are hostile until checked: each is decoded by the
 * contracts' ABI and then validated field by field.
 */
import { AbiCoder, Result, type Interface, type ParamType } from "ethers";
import { z } from "zod/v4";
import {
  IDeposits__factory,
  IDisputeGame__factory,
  IInferenceMarket__factory,
  IModelRegistry__factory,
  IOperatorDirectory__factory,
  IReceipts__factory,
  IVault__factory,
} from "./typechain.ts";
import { AssayError } from "./error.ts";
import { receiptSchema } from "./receipts.ts";
import { VERDICTS, type Verdict } from "./states.ts";
import {
  address,
  bytes32,
  bytesOfDigits,
  claimSchema,
  hex,
  nodeSchema,
  offerSchema,
  releaseSchema,
  requestSchema,
  small,
  wide,
} from "./structs.ts";

const verdict = small.transform((code): Verdict => VERDICTS[code] ?? "none");
const answer = { requestId: bytes32, resultId: bytes32 };
const game = { resultId: bytes32, disputeId: bytes32 };

const amount = { account: address, amountWei: wide };
const deposit = { client: address, operator: address };

/** Events of the contracts that a node needs; the interfaces document the fields. */
const schemas = {
  ModelCreated: z.object({ modelId: wide, owner: address, uri: z.string() }),
  Released: z.object({
    releaseId: bytes32,
    modelId: wide,
    programRoot: bytes32,
    release: releaseSchema,
    header: hex,
    contentUri: z.string(),
  }),
  ContentAnnounced: z.object({ releaseId: bytes32, contentUri: z.string() }),
  Requested: z.object({
    requestId: bytes32,
    releaseId: bytes32,
    requester: address,
    request: requestSchema,
    input: hex,
  }),
  Fulfilled: z.object({ ...answer, operator: address, endsAt: small, output: hex }),
  Finalized: z.object(answer),
  Delivered: z.object({ requestId: bytes32, success: z.boolean() }),
  Overturned: z.object(answer),
  Refunded: z.object({ requestId: bytes32, refundTo: address, feeWei: wide }),
  GameOpened: z.object({ ...answer, openGames: small }),
  GameClosed: z.object({ ...answer, openGames: small }),
  Challenged: z.object({ ...game, challenger: address, entry: small, bondWei: wide, claim: claimSchema }),
  TraceCommitted: z.object({
    resultId: bytes32,
    traceRoot: bytes32,
    traceDepth: small,
    header: hex,
    top: hex,
  }),
  Selected: z.object({
    ...game,
    challenger: address,
    traceRoot: bytes32,
    node: nodeSchema,
    depositWei: wide,
  }),
  Revealed: z.object({ resultId: bytes32, node: bytes32, tensor: z.boolean(), height: small, children: hex }),
  InputOpened: z.object({ requestId: bytes32, inputsRoot: bytes32 }),
  OperatorLost: z.object({ resultId: bytes32, verdict, by: address }),
  ChallengerLost: z.object(game),
  GameSettled: z.object({ ...game, returnedWei: wide, shareWei: wide, forfeitedWei: wide }),
  BondSettled: z.object({ resultId: bytes32, burnedWei: wide }),
  ParametersChanged: z.object({ parameters: wide }),
  Deposited: z.object(amount),
  Withdrawn: z.object({ ...amount, to: address }),
  Settled: z.object({
    operator: address,
    modelId: wide,
    earnedWei: wide,
    royaltyWei: wide,
    protocolFeeWei: wide,
  }),
  RoyaltyWithdrawn: z.object({ modelId: wide, to: address, amountWei: wide }),
  Unlocked: z.object(amount),
  Credited: z.object(amount),
  Forfeited: z.object({ from: address, to: address, amountWei: wide }),
  Burned: z.object({ from: address, amountWei: wide }),
  EndpointsAnnounced: z.object({ operator: address, endpoints: z.array(z.string()) }),
  OfferChanged: z.object({ operator: address, releaseId: bytes32, offer: offerSchema }),
  KeyAdded: z.object({ operator: address, key: address }),
  KeyRevoked: z.object({ operator: address, key: address, until: small }),
  ReserveAdded: z.object({ operator: address, amountWei: wide }),
  ReserveLeaving: z.object({ operator: address, amountWei: wide, leavesAt: small }),
  ReserveWithdrawn: z.object({ operator: address, amountWei: wide }),
  ReceiptOnTrial: z.object({
    requestId: bytes32,
    operator: address,
    receipt: receiptSchema,
    claim: claimSchema,
  }),
  ChallengeQueued: z.object({
    requestId: bytes32,
    operator: address,
    challenger: address,
    number: small,
    bondWei: wide,
    receipt: receiptSchema,
    release: releaseSchema,
  }),
  ChallengeDequeued: z.object({ operator: address, number: small, begun: z.boolean() }),
  Anchored: z.object({ operator: address, root: bytes32, count: small, from: small, until: small }),
  Funded: z.object({ ...deposit, signer: address, amountWei: wide }),
  Redeemed: z.object({ ...deposit, amountWei: wide, totalWei: wide }),
  Leaving: z.object({ ...deposit, leavesAt: small }),
  Returned: z.object({ ...deposit, amountWei: wide }),
} as const;

export type EventName = keyof typeof schemas;
export type EventArgs<N extends EventName> = z.infer<(typeof schemas)[N]>;

export type AssayEvent = { [N in EventName]: { readonly name: N } & Readonly<EventArgs<N>> }[EventName];
export type EventOf<N extends EventName> = Extract<AssayEvent, { name: N }>;

export interface RawLog {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
}

export type EventSource = "registry" | "market" | "game" | "vault" | "directory" | "receipts" | "deposits";

/** How an event lies in a log. Found by its topic once: ethers would hash the signatures of all events anew for each log. */
interface Layout {
  readonly name: EventName;
  readonly indexed: readonly ParamType[];
  readonly rest: readonly ParamType[];
}

const coder = AbiCoder.defaultAbiCoder();

function layoutsOf(contract: Interface): ReadonlyMap<string, Layout> {
  const layouts = new Map<string, Layout>();
  contract.forEachEvent(({ name, inputs, topicHash }) => {
    if (!isEventName(name)) return;
    // Of indexed strings, bytes, structs and arrays a log has only the hash; our events index none.
    const indexed = inputs.filter((input) => input.indexed);
    layouts.set(topicHash, { name, indexed, rest: inputs.filter((input) => !input.indexed) });
  });
  return layouts;
}

const layouts: Readonly<Record<EventSource, ReadonlyMap<string, Layout>>> = {
  registry: layoutsOf(IModelRegistry__factory.createInterface()),
  market: layoutsOf(IInferenceMarket__factory.createInterface()),
  game: layoutsOf(IDisputeGame__factory.createInterface()),
  vault: layoutsOf(IVault__factory.createInterface()),
  directory: layoutsOf(IOperatorDirectory__factory.createInterface()),
  receipts: layoutsOf(IReceipts__factory.createInterface()),
  deposits: layoutsOf(IDeposits__factory.createInterface()),
};

/** Values as plain objects and arrays, by their ABI types: ethers' own conversion makes objects of lists of less than two. */
function plain(type: ParamType, value: unknown): unknown {
  if (!(value instanceof Result)) return value;
  const { components, arrayChildren } = type;
  if (arrayChildren !== null) return value.toArray().map((child) => plain(arrayChildren, child));
  return plainFields(components ?? [], value);
}

function plainFields(types: readonly ParamType[], values: Result): Record<string, unknown> {
  return Object.fromEntries(types.map((type, i) => [type.name, plain(type, values[i])]));
}

function isEventName(name: string): name is EventName {
  return Object.hasOwn(schemas, name);
}

function typed(name: EventName, args: unknown): AssayEvent {
  const parsed: unknown = { name, ...schemas[name].parse(args) };
  return assertEvent(parsed);
}

/** The schema of `name` has just parsed these fields: this states so to the compiler. */
function assertEvent(parsed: unknown): AssayEvent {
  if (!isAssayEvent(parsed)) throw new TypeError("not an event");
  return parsed;
}

function isAssayEvent(value: unknown): value is AssayEvent {
  return (
    typeof value === "object" &&
    value !== null &&
    "name" in value &&
    typeof value.name === "string" &&
    isEventName(value.name)
  );
}

/**
 * @returns undefined for events of these contracts that are not in the union (ERC-721 transfers, pauses).
 * @throws {AssayError} BAD_EVENT if a known event does not decode.
 */
export function parseEvent(contract: EventSource, log: RawLog): AssayEvent | undefined {
  const layout = layouts[contract].get(log.topics[0]?.toLowerCase() ?? "");
  if (layout === undefined) return undefined;
  try {
    // Bytes, since ethers reads hex digits one pair at a time.
    const indexed = coder.decode(layout.indexed, bytesOf(log.topics.slice(1)));
    const rest = coder.decode(layout.rest, bytesOf([log.data]), true);
    return typed(layout.name, {
      ...plainFields(layout.indexed, indexed),
      ...plainFields(layout.rest, rest),
    });
  } catch (cause) {
    throw new AssayError("BAD_EVENT", `event ${layout.name} does not decode: is this another version?`, {
      cause,
    });
  }
}

function bytesOf(texts: readonly string[]): Uint8Array {
  return bytesOfDigits(texts.map((text) => text.slice(2)).join(""));
}

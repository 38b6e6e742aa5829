/** Which moves an account's transactions were, and whether one was made twice. */
import type { Interface, JsonRpcProvider, TransactionReceipt } from "ethers";
import { z } from "zod/v4";
import type { Contracts } from "../../sdk/src/contracts.ts";
import { parseEvent } from "../../sdk/src/events.ts";
import { keccak, requestIdOf, resultIdOf } from "../../sdk/src/ids.ts";
import {
  address,
  bytes32,
  claimSchema,
  hex,
  nodeSchema,
  requestSchema,
  sameHex,
  small,
  type Claim,
  type Hex,
  type Request,
} from "../../sdk/src/structs.ts";

export interface MinedMove {
  readonly account: Hex;
  readonly nonce: number;
  readonly block: number;
  readonly hash: string;
  /** The same for the same move, however it was sent. */
  readonly key: string;
  readonly success: boolean;
}

const argsSchema = z.object({
  request: requestSchema.optional(),
  request_: requestSchema.optional(),
  claim: claimSchema.optional(),
  resultId: bytes32.optional(),
  challenger: address.optional(),
  node: z.union([nodeSchema, bytes32]).optional(),
  height: small.optional(),
  selection: z.object({ node: nodeSchema }).optional(),
  output: z.union([hex, small]).optional(),
});
type Args = z.infer<typeof argsSchema>;

/** What beside the answer tells this move from others of its kind. */
function detail(name: string, { selection, node, height, challenger }: Args): string {
  if (name === "select") return selection?.node.hash ?? "";
  if (name === "reveal") return `${typeof node === "string" ? node : ""}:${height ?? ""}`;
  return name === "timeout" || name === "settleGame" ? (challenger ?? "") : "";
}

/** A contract that is called, and how its calls are told apart. */
interface Target {
  readonly at: Hex;
  readonly interface: Interface;
  /** Whose requests it speaks of; undefined: the same call is the same move. */
  readonly court: Hex | undefined;
}

function targetsOf(contracts: Contracts): readonly Target[] {
  const { market, game, receipts, receiptsGame, deposits } = contracts;
  const { addresses: at } = contracts.deployment;
  return [
    { at: at.market, interface: market.interface, court: at.market },
    { at: at.game, interface: game.interface, court: at.market },
    { at: at.receiptsGame, interface: receiptsGame.interface, court: at.receipts },
    // Receipts name all that they are about but their places in line, and the same voucher is worth nothing twice.
    { at: at.receipts, interface: receipts.interface, court: undefined },
    { at: at.deposits, interface: deposits.interface, court: undefined },
  ];
}

function keyOf(chainId: number, court: Hex, name: string, args: Args): string {
  const requestId = (request: Request): Hex => requestIdOf(chainId, court, request);
  const resultId = ({ request, operator, outputHash }: Claim): Hex =>
    resultIdOf(requestId(request), operator, outputHash);
  const request = args.request ?? args.request_;
  const about = args.claim ? resultId(args.claim) : (args.resultId ?? (request ? requestId(request) : ""));
  return [name, about, detail(name, args)].filter((part) => part !== "").join(":");
}

/** The same for the same move. @returns undefined: the call is of no contract that moves are made at. */
export function keyOfMove(contracts: Contracts, to: string, data: string): string | undefined {
  const target = targetsOf(contracts).find(({ at }) => sameHex(to, at));
  if (target === undefined) return undefined;
  const call = target.interface.parseTransaction({ data });
  if (call === null) return keccak(data);
  if (target.court === undefined) return `${call.name}:${keccak(data)}`;
  const { chainId } = contracts.deployment;
  return keyOf(chainId, target.court, call.name, argsSchema.parse(call.args.toObject(true)));
}

/** Whoever challenges twice stands in line twice: its turns are told apart by their places, not by what is called. */
function placeInLine({ logs }: TransactionReceipt): string | undefined {
  for (const log of logs) {
    const event = parseEvent("receipts", log);
    if (event?.name === "ChallengeDequeued") return `dequeue:${event.operator.toLowerCase()}:${event.number}`;
  }
  return undefined;
}

/** Every call of these accounts to the courts, their games and the deposits in blocks `from` to `to`, in order. */
export async function readMoves(
  contracts: Contracts,
  provider: JsonRpcProvider,
  accounts: readonly Hex[],
  from: number,
  to: number,
): Promise<MinedMove[]> {
  const moves: MinedMove[] = [];
  for (let number = from; number <= to; number++) {
    const block = await provider.getBlock(number, true);
    for (const transaction of block?.prefetchedTransactions ?? []) {
      const account = accounts.find((candidate) => sameHex(candidate, transaction.from));
      const { nonce, hash, data, to } = transaction;
      const key = account && keyOfMove(contracts, to ?? "", data);
      if (account === undefined || key === undefined) continue;
      const receipt = await provider.getTransactionReceipt(hash);
      const place = receipt === null ? undefined : placeInLine(receipt);
      moves.push({ account, nonce, block: number, hash, key: place ?? key, success: receipt?.status === 1 });
    }
  }
  return moves;
}

/** Callbacks that fail are tried again on purpose. */
const REPEATABLE = /^deliver:/;

/** The same for a transaction and for those that replaced it for a higher fee. */
export function slotOf(account: string, nonce: number): string {
  return `${account.toLowerCase()}:${nonce}`;
}

/**
 * Moves that an account made again though they had succeeded.
 * @param failedOnce Slots of transactions that reverted in a block that is no more: whoever saw that had to make the move again.
 */
export function madeTwice(moves: readonly MinedMove[], failedOnce: ReadonlySet<string>): MinedMove[] {
  const done = new Set<string>();
  return moves.filter(({ account, nonce, key, success }) => {
    const whole = `${account.toLowerCase()} ${key}`;
    const again = done.has(whole) && !REPEATABLE.test(key);
    if (success && !failedOnce.has(slotOf(account, nonce))) done.add(whole);
    return again;
  });
}

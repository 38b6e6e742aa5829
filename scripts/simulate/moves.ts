/** Which moves an account's transactions were, and whether one was made twice. */
import type { JsonRpcProvider } from "ethers";
import { z } from "zod/v4";
import type { Contracts } from "../../sdk/src/contracts.ts";
import { keccak, requestIdOf, resultIdOf } from "../../sdk/src/ids.ts";
import { digestOf, receiptSchema, voucherSchema } from "../../sdk/src/receipts.ts";
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
  receipt: receiptSchema.optional(),
  key: address.optional(),
  vouchers: z.array(voucherSchema).optional(),
});
type Args = z.infer<typeof argsSchema>;

/** What beside the answer tells this move from others of its kind. */
function detail(name: string, { selection, node, height, challenger, key, vouchers }: Args): string {
  if (name === "select") return selection?.node.hash ?? "";
  if (name === "reveal") return `${typeof node === "string" ? node : ""}:${height ?? ""}`;
  if (name === "redeem")
    return (vouchers ?? []).map(({ client, totalWei }) => `${client}=${totalWei}`).join();
  return name === "timeout" || name === "settleGame" ? (challenger ?? "") : (key ?? "");
}

/** @param court Whose requests the claims are about. */
function keyOf({ deployment }: Contracts, court: Hex, name: string, args: Args): string {
  const { chainId, addresses } = deployment;
  const requestId = (request: Request): Hex => requestIdOf(chainId, court, request);
  const resultId = ({ request, operator, outputHash }: Claim): Hex =>
    resultIdOf(requestId(request), operator, outputHash);
  const request = args.request ?? args.request_;
  const { receipts, deposits } = addresses;
  const given = args.receipt && digestOf({ chainId, receipts, deposits }, "Receipt", args.receipt);
  const about = args.claim
    ? resultId(args.claim)
    : (args.resultId ?? given ?? (request ? requestId(request) : ""));
  return [name, about, detail(name, args)].filter((part) => part !== "").join(":");
}

/** Every call of these accounts to the courts, their games and the deposits in blocks `from` to `to`, in order. */
export async function readMoves(
  contracts: Contracts,
  provider: JsonRpcProvider,
  accounts: readonly Hex[],
  from: number,
  to: number,
): Promise<MinedMove[]> {
  const { market, game, receipts, deposits, deployment } = contracts;
  const at = deployment.addresses;
  const targets = [
    { address: at.market, court: at.market, abi: market.interface },
    { address: at.game, court: at.market, abi: game.interface },
    { address: at.receipts, court: at.receipts, abi: receipts.interface },
    { address: at.receiptsGame, court: at.receipts, abi: game.interface },
    { address: at.deposits, court: at.receipts, abi: deposits.interface },
  ];
  const moves: MinedMove[] = [];
  for (let number = from; number <= to; number++) {
    const block = await provider.getBlock(number, true);
    for (const transaction of block?.prefetchedTransactions ?? []) {
      const account = accounts.find((candidate) => sameHex(candidate, transaction.from));
      const target = targets.find((candidate) => sameHex(candidate.address, transaction.to ?? ""));
      if (account === undefined || target === undefined) continue;
      const call = target.abi.parseTransaction(transaction);
      const receipt = await provider.getTransactionReceipt(transaction.hash);
      const { nonce, hash } = transaction;
      const key =
        call === null
          ? keccak(transaction.data)
          : keyOf(contracts, target.court, call.name, argsSchema.parse(call.args.toObject(true)));
      moves.push({ account, nonce, block: number, hash, key, success: receipt?.status === 1 });
    }
  }
  return moves;
}

/** Callbacks that fail are tried again on purpose. */
const REPEATABLE = /^deliver:/;

/**
 * Moves that an account made again though they had succeeded.
 * @param failedOnce Hashes of transactions that reverted in a block that is no more: whoever saw that had to make the move again.
 */
export function madeTwice(moves: readonly MinedMove[], failedOnce: ReadonlySet<string>): MinedMove[] {
  const done = new Set<string>();
  return moves.filter(({ account, key, hash, success }) => {
    const whole = `${account.toLowerCase()} ${key}`;
    const again = done.has(whole) && !REPEATABLE.test(key);
    if (success && !failedOnce.has(hash)) done.add(whole);
    return again;
  });
}

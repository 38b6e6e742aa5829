/** A client's deposits, one for each operator: what its vouchers spend. */
import type { TransactionReceipt } from "ethers";
import type { Contracts } from "../contracts.ts";
import { reading, send } from "../send.ts";
import { address, small, wide, type Hex } from "../structs.ts";

/** contracts/interfaces/IDeposits.sol documents the fields. */
export interface DepositAccount {
  readonly depositWei: bigint;
  readonly redeemedWei: bigint;
  /** Unix seconds; 0: the client has not announced that it leaves. */
  readonly leavesAt: number;
  /** Zero: there was never a deposit. */
  readonly signer: Hex;
}

/** @throws {AssayError} RPC_FAILED, REVERTED. */
export async function accountOf(
  { deposits }: Contracts,
  client: Hex,
  operator: Hex,
): Promise<DepositAccount> {
  const said = await reading("accountOf", deposits.accountOf(client, operator));
  return {
    depositWei: wide.parse(said.depositWei),
    redeemedWei: wide.parse(said.redeemedWei),
    leavesAt: small.parse(said.leavesAt),
    signer: address.parse(said.signer),
  };
}

/**
 * Adds to the deposit of the contracts' runner (a signer) for an operator.
 * @param signer Whose vouchers spend it, for ever: the account itself or a key of its own.
 * @throws {AssayError} as `send`.
 */
export function deposit(
  { deposits }: Contracts,
  operator: Hex,
  wei: bigint,
  signer: Hex,
): Promise<TransactionReceipt> {
  return send("deposit", () => deposits.deposit(operator, signer, { value: wei }));
}

/** Three days later `withdraw` returns what is left; until then the operator redeems. @throws {AssayError} as `send`. */
export function announceLeaving({ deposits }: Contracts, operator: Hex): Promise<TransactionReceipt> {
  return send("announceLeaving", () => deposits.announceLeaving(operator));
}

/** Sends what is left of the runner's deposit. @throws {AssayError} as `send`: LeavesLater, NotLeaving. */
export function withdraw({ deposits }: Contracts, operator: Hex, to: Hex): Promise<TransactionReceipt> {
  return send("withdraw", () => deposits.withdraw(operator, to));
}

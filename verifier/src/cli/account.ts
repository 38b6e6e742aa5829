/** Where an account stands in the vault. */
import type { JsonRpcApiProvider } from "ethers";
import type { Contracts } from "../../../sdk/src/contracts.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { ether } from "../economics/ether.ts";
import type { Row } from "./output.ts";
import { time } from "../inspect/text.ts";

export interface AccountState {
  readonly account: Hex;
  readonly freeWei: bigint;
  readonly lockedWei: bigint;
  /** Time of the last deposit, unix seconds; 0: never. */
  readonly activeSince: number;
  readonly walletWei: bigint;
}

export async function readAccount(
  { vault }: Contracts,
  provider: JsonRpcApiProvider,
  account: Hex,
  block: number | "latest" = "latest",
): Promise<AccountState> {
  const [{ freeWei, lockedWei, activeSince }, walletWei] = await Promise.all([
    vault.accountOf(account, { blockTag: block }),
    provider.getBalance(account, block),
  ]);
  return { account, freeWei, lockedWei, activeSince: Number(activeSince), walletWei };
}

export function accountRows({ account, freeWei, lockedWei, activeSince, walletWei }: AccountState): Row[] {
  return [
    ["account", account],
    ["wallet", `${ether(walletWei)} (pays for gas)`],
    ["free stake", `${ether(freeWei)} (can be withdrawn or bonded)`],
    ["locked stake", `${ether(lockedWei)} (bonds and deposits of what is not settled)`],
    ["last deposit", activeSince === 0 ? "never" : time(activeSince)],
  ];
}

/** Where an account stands in a vault: the market's, or that of the court for receipts. */
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

/** By their names in a deployment. */
export type VaultName = "vault" | "receiptsVault";

export async function readAccount(
  contracts: Contracts,
  provider: JsonRpcApiProvider,
  account: Hex,
  block: number | "latest" = "latest",
  vault: VaultName = "vault",
): Promise<AccountState> {
  const [{ freeWei, lockedWei, activeSince }, walletWei] = await Promise.all([
    contracts[vault].accountOf(account, { blockTag: block }),
    provider.getBalance(account, block),
  ]);
  return { account, freeWei, lockedWei, activeSince: Number(activeSince), walletWei };
}

export function accountRows(state: AccountState, vault: VaultName = "vault"): Row[] {
  const { account, freeWei, lockedWei, activeSince, walletWei } = state;
  const who: Row[] = [
    ["account", account],
    ["wallet", `${ether(walletWei)} (pays for gas)`],
  ];
  if (vault === "receiptsVault")
    return [
      ...who,
      ["free for receipts", `${ether(freeWei)} (can be withdrawn, or locked by challenges of receipts)`],
      ["locked there", `${ether(lockedWei)} (reserve behind own receipts; bonds and deposits of challenges)`],
    ];
  return [
    ...who,
    ["free stake", `${ether(freeWei)} (can be withdrawn or bonded)`],
    ["locked stake", `${ether(lockedWei)} (bonds and deposits of what is not settled)`],
    ["last deposit", activeSince === 0 ? "never" : time(activeSince)],
  ];
}

/** Where an account stands in the court for receipts and its vault. */
import type { Contracts } from "../../../sdk/src/contracts.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { ether } from "../economics/ether.ts";
import { time } from "../inspect/text.ts";
import type { Row } from "./output.ts";

export interface ReserveState {
  readonly account: Hex;
  readonly reserveWei: bigint;
  /** Behind the next receipt. */
  readonly coverWei: bigint;
  readonly leavingWei: bigint;
  /** Unix seconds; 0: nothing leaves. */
  readonly leavesAt: number;
  readonly onTrial: number;
  readonly waiting: number;
  /** In the receipts' vault, not locked. */
  readonly freeWei: bigint;
}

export async function readReserve(
  { receipts, receiptsVault }: Contracts,
  account: Hex,
  blockTag: number | "latest" = "latest",
): Promise<ReserveState> {
  const [reserve, coverWei, { freeWei }] = await Promise.all([
    receipts.reserveOf(account, { blockTag }),
    receipts.coverOf(account, { blockTag }),
    receiptsVault.accountOf(account, { blockTag }),
  ]);
  const { reserveWei, leavingWei, leavesAt, live, head, tail } = reserve;
  return {
    ...{ account, reserveWei, coverWei, leavingWei, leavesAt: Number(leavesAt), freeWei },
    ...{ onTrial: Number(live), waiting: Number(tail - head) },
  };
}

export function reserveRows(state: ReserveState): Row[] {
  const { account, reserveWei, coverWei, leavingWei, leavesAt, onTrial, waiting, freeWei } = state;
  return [
    ["account", account],
    ["reserve", `${ether(reserveWei)} behind receipts`],
    ["covers", `${ether(coverWei)} for the next receipt`],
    ...(leavesAt === 0 ? [] : [["leaves", `${ether(leavingWei)} from ${time(leavesAt)} on`] as const]),
    ["on trial", `${onTrial} receipts, ${waiting} challenges in line`],
    ["free", `${ether(freeWei)} in the receipts' vault, for challenges or to be withdrawn`],
  ];
}

/** A ledger as the lines and the JSON that commands print. */
import type { Row } from "../cli/output.ts";
import { ether } from "./decision.ts";
import { balanceOf, profitOf, unexplainedWei, type Earnings, type Ledger } from "./ledger.ts";

interface Account {
  readonly freeWei: bigint;
  readonly lockedWei: bigint;
}

const ENTRIES: readonly (readonly [label: string, key: keyof Earnings])[] = [
  ["fees earned", "feesWei"],
  ["shares of bonds won", "sharesWei"],
  ["challengers' stakes won", "forfeitsWei"],
  ["own bonds lost", "bondsLostWei"],
  ["own stakes lost", "stakesLostWei"],
  ["gas", "gasWei"],
];

function signed(wei: bigint): string {
  return wei > 0n ? `+${ether(wei)}` : ether(wei);
}

/** Rows without amounts are left out. @param account As the vault says; its difference from the ledger is shown if there is any. */
export function ledgerRows(ledger: Ledger, account: Account): Row[] {
  const { depositsWei, withdrawalsWei, refundsWei, protocolFeesWei, total, releases, gas } = ledger;
  const plain: readonly (readonly [string, bigint])[] = [
    ["deposited", depositsWei],
    ["withdrawn", withdrawalsWei],
    ["fees refunded", refundsWei],
    ["protocol fees", protocolFeesWei],
    ...ENTRIES.map(([label, key]) => [label, total[key]] as const),
  ];
  const costs = [...gas].sort(([, a], [, b]) => (a.wei < b.wei ? 1 : -1));
  const unexplained = unexplainedWei(ledger, account);
  return [
    ...plain.filter(([, wei]) => wei !== 0n).map(([label, wei]): Row => [label, ether(wei)]),
    ...costs.map(([label, line]): Row => [
      `  ${label}`,
      `${ether(line.wei)} (${line.transactions} transactions, ${line.gas} gas)`,
    ]),
    ["profit", signed(profitOf(total))],
    ...[...releases].map(([release, earnings]): Row => [`  ${release}`, signed(profitOf(earnings))]),
    ...(unexplained === 0n ? [] : [["unexplained", signed(unexplained)] as const]),
  ];
}

/** The same for --json. */
export function ledgerData(ledger: Ledger, account: Account): object {
  const {
    account: address,
    depositsWei,
    withdrawalsWei,
    refundsWei,
    protocolFeesWei,
    total,
    releases,
    gas,
  } = ledger;
  return {
    account: address,
    depositsWei,
    withdrawalsWei,
    refundsWei,
    protocolFeesWei,
    ...total,
    profitWei: profitOf(total),
    balanceWei: balanceOf(ledger),
    unexplainedWei: unexplainedWei(ledger, account),
    gas: Object.fromEntries(gas),
    releases: Object.fromEntries(
      [...releases].map(([release, earnings]) => [release, { ...earnings, profitWei: profitOf(earnings) }]),
    ),
  };
}

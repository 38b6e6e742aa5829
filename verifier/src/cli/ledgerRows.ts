/** A ledger as the lines and the JSON that commands print. */
import { ether } from "../economics/ether.ts";
import { changeOf, profitOf, type Earnings, type Ledger } from "../economics/ledger.ts";
import { count } from "../inspect/text.ts";
import type { Row } from "./output.ts";

const ENTRIES: readonly (readonly [label: string, key: keyof Earnings, sign: 1n | -1n])[] = [
  ["fees earned", "feesWei", 1n],
  ["vouchers redeemed", "vouchersWei", 1n],
  ["shares of losing bonds", "sharesWei", 1n],
  ["stakes of losing challengers", "forfeitsWei", 1n],
  ["own bonds lost", "bondsLostWei", -1n],
  ["own stakes lost", "stakesLostWei", -1n],
  ["gas", "gasWei", -1n],
];

function signed(wei: bigint): string {
  return wei > 0n ? `+${ether(wei)}` : ether(wei);
}

function gasRows({ gas }: Ledger): Row[] {
  const dearestFirst = [...gas].sort(([, a], [, b]) => (a.wei < b.wei ? 1 : -1));
  return dearestFirst.map(([label, { transactions, gas: used, wei }]) => [
    `    ${label}`,
    `${signed(-wei)} (${count(transactions, "transaction")}, ${used} gas)`,
  ]);
}

function releaseRows({ releases }: Ledger): Row[] {
  if (releases.size === 0) return [];
  const single = [...releases].sort(([, a], [, b]) => (profitOf(a) < profitOf(b) ? 1 : -1));
  return single.map(([release, earnings]) => [
    "  of which",
    `${signed(profitOf(earnings))} ${release === "other" ? "by no release" : `by ${release}`}`,
  ]);
}

/** Rows without amounts are left out, but for the profit. @param when Of which time it is, for people. */
export function ledgerRows(ledger: Ledger, when: string): Row[] {
  const { transfersWei, feesPaidWei, clientDepositsWei, refundsWei, royaltiesWei, protocolFeesWei, total } =
    ledger;
  const shown = (rows: readonly (readonly [string, bigint])[], text: (wei: bigint) => string): Row[] =>
    rows.filter(([, wei]) => wei !== 0n).map(([label, wei]) => [`  ${label}`, text(wei)]);
  const earned = ENTRIES.map(([label, key, sign]) => [label, sign * total[key]] as const);
  const besides = [
    ...shown(
      [
        ["deposited", ledger.depositsWei],
        ["withdrawn", ledger.withdrawalsWei],
      ],
      ether,
    ),
    ...shown(
      [
        ["withdrawn by or to others", transfersWei],
        ["fees of own requests", -feesPaidWei],
        ["deposits for answers over HTTP", -clientDepositsWei],
        ["fees refunded", refundsWei],
        ["royalties", royaltiesWei],
        ["protocol fees", protocolFeesWei],
      ],
      signed,
    ),
  ];
  return [
    ["profit", `${signed(profitOf(total))} ${when}`],
    ...releaseRows(ledger),
    ...shown(earned, signed),
    ...gasRows(ledger),
    ...(besides.length > 0 ? ([["besides", ""], ...besides] satisfies Row[]) : []),
  ];
}

/** The same for --json; all amounts in wei. */
export function ledgerData(ledger: Ledger): object {
  const {
    depositsWei,
    withdrawalsWei,
    transfersWei,
    feesPaidWei,
    clientDepositsWei,
    refundsWei,
    royaltiesWei,
    protocolFeesWei,
  } = ledger;
  const { total, releases, gas } = ledger;
  return {
    depositsWei,
    withdrawalsWei,
    transfersWei,
    feesPaidWei,
    clientDepositsWei,
    refundsWei,
    royaltiesWei,
    protocolFeesWei,
    ...total,
    profitWei: profitOf(total),
    changeWei: changeOf(ledger),
    gas: Object.fromEntries(gas),
    releases: Object.fromEntries(
      [...releases].map(([release, earnings]) => [release, { ...earnings, profitWei: profitOf(earnings) }]),
    ),
  };
}

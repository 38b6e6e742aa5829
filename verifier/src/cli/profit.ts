/** Profit and loss of an account, for `assay status`: from the chain alone, so that it is the same on any machine. */
import { AssayError } from "../../../sdk/src/error.ts";
import { ledgerOf, unexplainedWei, type Ledger } from "../economics/ledger.ts";
import type { Everything } from "../inspect/read.ts";
import { firstBlockSince, readSpending } from "../inspect/spending.ts";
import { count, time } from "../inspect/text.ts";
import type { AccountState } from "./account.ts";
import { ledgerData, ledgerRows } from "./ledgerRows.ts";
import type { Row } from "./output.ts";
import type { Progress } from "./progress.ts";
import type { Session } from "./session.ts";

const UNIT_SECONDS = { min: 60, h: 3600, d: 86_400, w: 604_800 } as const;
const DATE = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?$/;

function isUnit(text: string | undefined): text is keyof typeof UNIT_SECONDS {
  return text !== undefined && Object.hasOwn(UNIT_SECONDS, text);
}

/**
 * The beginning of a period: "7d" before now, or a date, which is UTC unless it says otherwise. Unix seconds.
 * @throws {AssayError} BAD_CONFIG
 */
export function sinceOf(text: string, now: number): number {
  const [, amount, unit] = /^(\d{1,6}) ?(min|h|d|w)$/.exec(text) ?? [];
  if (isUnit(unit)) return now - Number(amount) * UNIT_SECONDS[unit];
  // Without a zone, ECMAScript takes dates as UTC, but times as local ones.
  const zoned = /T[\d:]+$/.test(text) ? `${text}Z` : text;
  const at = DATE.test(text) ? Date.parse(zoned) / 1000 : Number.NaN;
  if (Number.isFinite(at) && at <= now) return at;
  throw new AssayError(
    "BAD_CONFIG",
    `--since is a time ago such as 12h, 7d or 4w, or a past date such as 2026-01-31 or 2026-01-31T13:00, not "${text}"`,
  );
}

export interface Profit {
  /** Unix seconds; undefined: since the contracts were deployed. */
  readonly since: number | undefined;
  /** Blocks, both included. */
  readonly fromBlock: number;
  readonly toBlock: number;
  readonly ledger: Ledger;
  /** What the vaults hold beyond what all events explain, at any time: 0, or the endpoint withholds events. */
  readonly unexplainedWei: bigint;
  /** See Spending. */
  readonly missing: number | undefined;
}

/** @param account As it was at block `toBlock`, up to which everything was read. */
export async function readProfit(
  { contracts, provider }: Session,
  account: AccountState,
  everything: Everything,
  period: { readonly since: number | undefined; readonly toBlock: number },
  progress: Progress,
): Promise<Profit> {
  const { since, toBlock } = period;
  const { state } = everything;
  const start = contracts.deployment.block;
  const fromBlock =
    since === undefined
      ? start
      : await progress("finding the first block", () => firstBlockSince(provider, since, start, toBlock));
  const spending = await progress("reading what was paid for gas", (tick) =>
    readSpending(
      { contracts, provider },
      everything,
      account.account,
      { from: fromBlock, to: toBlock },
      tick,
    ),
  );
  // Events do not say which of the two vaults they are of.
  const receipts = await contracts.receiptsVault.accountOf(account.account, { blockTag: toBlock });
  const held = {
    freeWei: account.freeWei + receipts.freeWei,
    lockedWei: account.lockedWei + receipts.lockedWei,
  };
  const all = everything.events.map(({ event }) => event);
  const within = everything.events
    .filter(({ blockNumber }) => blockNumber >= fromBlock)
    .map(({ event }) => event);
  return {
    since,
    fromBlock,
    toBlock,
    ledger: ledgerOf(account.account, within, spending.spends, state),
    unexplainedWei: unexplainedWei(ledgerOf(account.account, all, [], state), held),
    missing: spending.missing,
  };
}

function missingText(missing: number | undefined): string {
  return missing === undefined
    ? "gas of failed transactions: this endpoint does not keep the old state that would tell of any"
    : `gas of ${count(missing, "transaction")} that left no event here, or has no receipt any more`;
}

export function profitRows({ since, ledger, unexplainedWei: unexplained, missing }: Profit): Row[] {
  return [
    ...ledgerRows(ledger, since === undefined ? "in all" : `since ${time(since)}`),
    ...(missing === 0 ? [] : ([["not counted", missingText(missing)]] satisfies Row[])),
    ...(unexplained === 0n
      ? []
      : ([
          ["unexplained", `${unexplained} wei of the stake: this endpoint withholds events`],
        ] satisfies Row[])),
  ];
}

/** For --json. */
export function profitData({ since, ledger, missing, ...profit }: Profit): object {
  return { since: since ?? null, ...ledgerData(ledger), ...profit, missingTransactions: missing ?? null };
}

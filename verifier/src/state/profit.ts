/** What an account has earned and spent, as far as this database knows. */
import type { Deployment } from "../../../sdk/src/deployment.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { createGasTotal } from "../chain/outbox/report.ts";
import { eventOf } from "../chain/state.ts";
import { applyToLedger, emptyLedger } from "../economics/ledger.ts";
import type { Database } from "./database.ts";
import type { LogStore } from "./logs.ts";

/** Wei; what is lost is negative. */
export interface Profit {
  readonly fees: bigint;
  /** In disputes: bonds and stakes of others, and own ones. */
  readonly won: bigint;
  readonly lost: bigint;
  readonly gas: bigint;
}

/** Whose answer a dispute was about is not told here: only the vault's events of the account are read. */
const NO_SUBJECTS = { requests: new Map(), results: new Map() };

/**
 * Reads, at each call, only the events that were stored since the last one.
 * @returns undefined if the chain was reorganised meanwhile: ask again.
 */
export function createProfit(
  database: Database,
  logs: LogStore,
  deployment: Deployment,
  account: Hex,
): () => Promise<Profit | undefined> {
  let ledger = emptyLedger(account);
  const gasTotal = createGasTotal(database, account);
  const nothing = { number: -1, epoch: -1 };
  let read = nothing;

  return async () => {
    const position = await logs.position();
    const { number: after } = position.epoch === read.epoch ? read : nothing;
    if (after === nothing.number) ledger = emptyLedger(account);
    // If this fails half-way, the next call begins anew.
    read = nothing;
    for await (const page of logs.about(account.toLowerCase(), after, position.number))
      for (const log of page) {
        const event = eventOf(deployment, log)?.event;
        if (event !== undefined) applyToLedger(ledger, event, NO_SUBJECTS);
      }
    read = { number: position.number, epoch: position.epoch };
    const gasWei = await gasTotal();
    if ((await logs.position()).epoch !== position.epoch) return undefined;
    const { feesWei, vouchersWei, sharesWei, forfeitsWei, bondsLostWei, stakesLostWei } = ledger.total;
    return {
      fees: feesWei + vouchersWei,
      won: sharesWei + forfeitsWei,
      lost: -bondsLostWei - stakesLostWei,
      gas: -gasWei,
    };
  };
}

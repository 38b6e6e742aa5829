/**
 * Profit and loss of one account, from the chain's events and the receipts of its transactions. Pure: the same events give the same
 * ledger. Wei throughout, signed where stated.
 */
import type { AssayEvent } from "../../../sdk/src/events.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import type { ChainState } from "../chain/state.ts";

/** What came and went for one release, or in total. */
export interface Earnings {
  /** Of final answers, after royalty and protocol fee. */
  feesWei: bigint;
  /** Of answers over HTTP, redeemed from clients' deposits to the wallet. */
  vouchersWei: bigint;
  /** Of losing operators' bonds. */
  sharesWei: bigint;
  /** Of losing challengers' stakes: half of them, the rest is burned. */
  forfeitsWei: bigint;
  /** Own bonds lost by answers that were overturned, paid out or burned. */
  bondsLostWei: bigint;
  /** Own stakes lost as a challenger, paid out or burned. */
  stakesLostWei: bigint;
  gasWei: bigint;
}

/** One mined transaction, successful or not. */
export interface Spend {
  readonly label: string;
  readonly gas: number;
  readonly feeWei: bigint;
  readonly releaseId?: Hex | undefined;
}

export interface GasLine {
  transactions: number;
  gas: number;
  wei: bigint;
}

export interface Ledger {
  readonly account: Hex;
  depositsWei: bigint;
  withdrawalsWei: bigint;
  /** Withdrawn from the vault to this wallet by others, less own withdrawals to others. Signed. */
  transfersWei: bigint;
  /** Fees of this account's own requests, out of its wallet. */
  feesPaidWei: bigint;
  /** Out of its wallet, less what came back of it: deposits for answers over HTTP. */
  clientDepositsWei: bigint;
  /** Fees that came back to this account as the one to be refunded. */
  refundsWei: bigint;
  /** Of models, withdrawn to this wallet. */
  royaltiesWei: bigint;
  /** Of the treasury. */
  protocolFeesWei: bigint;
  readonly total: Earnings;
  /** What the state does not know the release of is under "other". */
  readonly releases: Map<Hex | "other", Earnings>;
  readonly gas: Map<string, GasLine>;
  /** The market's or game's event that the vault's next ones follow from, in the order of the chain. */
  cause: AssayEvent | undefined;
}

/** Tells answers' operators and releases. */
export type Subjects = Pick<ChainState, "requests" | "results">;

function noEarnings(): Earnings {
  const [gains, losses] = [
    { feesWei: 0n, vouchersWei: 0n, sharesWei: 0n, forfeitsWei: 0n },
    { bondsLostWei: 0n, stakesLostWei: 0n, gasWei: 0n },
  ];
  return { ...gains, ...losses };
}

export function emptyLedger(account: Hex): Ledger {
  return {
    account,
    depositsWei: 0n,
    withdrawalsWei: 0n,
    transfersWei: 0n,
    feesPaidWei: 0n,
    clientDepositsWei: 0n,
    refundsWei: 0n,
    royaltiesWei: 0n,
    protocolFeesWei: 0n,
    total: noEarnings(),
    releases: new Map(),
    gas: new Map(),
    cause: undefined,
  };
}

function book(ledger: Ledger, release: Hex | undefined, entry: keyof Earnings, wei: bigint): void {
  const key = release ?? "other";
  const single = ledger.releases.get(key) ?? noEarnings();
  ledger.releases.set(key, single);
  single[entry] += wei;
  ledger.total[entry] += wei;
}

function releaseOf(cause: AssayEvent | undefined, { requests, results }: Subjects): Hex | undefined {
  if (cause === undefined) return undefined;
  const requestId =
    "requestId" in cause
      ? cause.requestId
      : "resultId" in cause
        ? results.get(cause.resultId)?.requestId
        : undefined;
  return requestId === undefined ? undefined : requests.get(requestId)?.request.releaseId;
}

/** Whether the cause is about an answer of this account; else the account is a challenger in it. */
function isOwnAnswer({ account, cause }: Ledger, { results }: Subjects): boolean {
  const operator = cause && "resultId" in cause ? results.get(cause.resultId)?.operator : undefined;
  return operator !== undefined && sameHex(operator, account);
}

/**
 * Applies one event, in chain order; those of the vault are always emitted after what caused them. Locking and unlocking moves wei
 * within the account and is no event here.
 */
export function applyToLedger(ledger: Ledger, event: AssayEvent, subjects: Subjects): void {
  const mine = (address: Hex): boolean => sameHex(address, ledger.account);
  const release = (): Hex | undefined => releaseOf(ledger.cause, subjects);
  switch (event.name) {
    case "Deposited":
      if (mine(event.account)) ledger.depositsWei += event.amountWei;
      break;
    case "Withdrawn":
      if (mine(event.account)) ledger.withdrawalsWei += event.amountWei;
      if (mine(event.account) !== mine(event.to))
        ledger.transfersWei += mine(event.to) ? event.amountWei : -event.amountWei;
      break;
    case "RoyaltyWithdrawn":
      if (mine(event.to)) ledger.royaltiesWei += event.amountWei;
      break;
    case "Settled":
      if (mine(event.operator)) book(ledger, release(), "feesWei", event.earnedWei);
      break;
    case "Credited":
      if (mine(event.account)) ledger[creditOf(ledger.cause)] += event.amountWei;
      ledger.cause = undefined;
      break;
    case "Forfeited":
      if (mine(event.from)) lose(ledger, subjects, event.amountWei);
      if (mine(event.to))
        book(ledger, release(), isOwnAnswer(ledger, subjects) ? "forfeitsWei" : "sharesWei", event.amountWei);
      break;
    case "Burned":
      if (mine(event.from)) lose(ledger, subjects, event.amountWei);
      break;
    case "Redeemed":
      if (mine(event.operator)) book(ledger, undefined, "vouchersWei", event.amountWei);
      break;
    case "Funded":
      if (mine(event.client)) ledger.clientDepositsWei += event.amountWei;
      break;
    case "Returned":
      if (mine(event.client)) ledger.clientDepositsWei -= event.amountWei;
      break;
    case "Unlocked":
      break;
    case "Requested":
      if (mine(event.requester)) ledger.feesPaidWei += event.request.fee;
      ledger.cause = event;
      break;
    default:
      ledger.cause = event;
  }
}

/** Where wei that the market, or the court for receipts, put into an account came from. */
function creditOf(cause: AssayEvent | undefined): "refundsWei" | "depositsWei" | "protocolFeesWei" {
  if (cause?.name === "Refunded") return "refundsWei";
  return cause?.name === "ReserveAdded" ? "depositsWei" : "protocolFeesWei";
}

function lose(ledger: Ledger, subjects: Subjects, wei: bigint): void {
  const entry = isOwnAnswer(ledger, subjects) ? "bondsLostWei" : "stakesLostWei";
  book(ledger, releaseOf(ledger.cause, subjects), entry, wei);
}

export function addSpend(ledger: Ledger, { label, gas, feeWei, releaseId }: Spend): void {
  const line = ledger.gas.get(label) ?? { transactions: 0, gas: 0, wei: 0n };
  ledger.gas.set(label, line);
  line.transactions++;
  line.gas += gas;
  line.wei += feeWei;
  book(ledger, releaseId, "gasWei", feeWei);
}

/** @param events All of the followed contracts, in chain order. @param subjects The state that they made. */
export function ledgerOf(
  account: Hex,
  events: Iterable<AssayEvent>,
  spends: Iterable<Spend>,
  subjects: Subjects,
): Ledger {
  const ledger = emptyLedger(account);
  for (const event of events) applyToLedger(ledger, event, subjects);
  for (const spend of spends) addSpend(ledger, spend);
  return ledger;
}

/** What both vaults together must hold of the account, free and locked: deposits - withdrawals + earnings - losses. Signed. */
export function balanceOf(ledger: Ledger): bigint {
  const { depositsWei, withdrawalsWei, refundsWei, protocolFeesWei, total } = ledger;
  const gains = total.feesWei + total.sharesWei + total.forfeitsWei;
  const losses = total.bondsLostWei + total.stakesLostWei;
  return depositsWei - withdrawalsWei + refundsWei + protocolFeesWei + gains - losses;
}

/** Wei that the vaults hold beyond what the ledger explains; 0 if every wei is accounted for. Signed. */
export function unexplainedWei(
  ledger: Ledger,
  account: { readonly freeWei: bigint; readonly lockedWei: bigint },
): bigint {
  return account.freeWei + account.lockedWei - balanceOf(ledger);
}

/** fees + vouchers + shares + forfeits - bonds lost - stakes lost - gas. Signed. */
export function profitOf({
  feesWei,
  vouchersWei,
  sharesWei,
  forfeitsWei,
  bondsLostWei,
  stakesLostWei,
  gasWei,
}: Earnings): bigint {
  return feesWei + vouchersWei + sharesWei + forfeitsWei - bondsLostWei - stakesLostWei - gasWei;
}

/**
 * By how much wallet, free and locked stake together have grown, if no ether came to the wallet or left it but through these
 * contracts. Signed.
 */
export function changeOf(ledger: Ledger): bigint {
  const { total, transfersWei, feesPaidWei, clientDepositsWei } = ledger;
  const { refundsWei, royaltiesWei, protocolFeesWei } = ledger;
  const besides =
    transfersWei - feesPaidWei - clientDepositsWei + refundsWei + royaltiesWei + protocolFeesWei;
  return profitOf(total) + besides;
}

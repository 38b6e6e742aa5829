/** What is offered for gas, and when more is offered. Pure. Amounts are wei; EIP-1559. */
import type { Priority } from "./intent.ts";
import { isSigned, worstWei, type Entry, type Fees, type Offer } from "./journal.ts";

export interface FeePolicy {
  /** Most per gas for work that can wait. Default 100 gwei. */
  readonly routineCapWei: bigint;
  /** Most per gas for what has a deadline. Default 1000 gwei. */
  readonly urgentCapWei: bigint;
  /** Most for the gas of a transaction, as a share of what is at stake: 0 to 1; never less than the routine cap. Default 0.5. */
  readonly stakeShare: number;
  /** Least tip per gas. Default 0.05 gwei. */
  readonly minTipWei: bigint;
  /** Work without a deadline is raised when it has waited this long. Default 60 s. */
  readonly patienceSeconds: number;
  /** Nothing is raised more often than this. Default 4 s. */
  readonly minPatienceSeconds: number;
}

export interface Market {
  /** Of the chain's head. */
  readonly baseFee: bigint;
  /** What others have paid lately: low, middle, high. */
  readonly tips: Readonly<Record<Priority, bigint>>;
}

const GWEI = 1_000_000_000n;

export const FEE_POLICY: FeePolicy = {
  routineCapWei: 100n * GWEI,
  urgentCapWei: 1000n * GWEI,
  stakeShare: 0.5,
  minTipWei: GWEI / 20n,
  patienceSeconds: 60,
  minPatienceSeconds: 4,
};

/** Pools take a replacement if both fees grow by a tenth (geth) or an eighth (others). */
const STEP = { up: 9n, down: 8n } as const;
/** An endpoint that lies about what others pay cannot make us start above this; time can. */
const MAX_FIRST_TIP = 10n * GWEI;
const STEPS_TO_DEADLINE = 10;
/** The cap is reached with this share of the time used. */
const SHARE_TO_CAP = 0.8;
const MAX_FACTOR = 2;

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function step(fee: bigint): bigint {
  return (fee * STEP.up + STEP.down - 1n) / STEP.down;
}

function times(fee: bigint, factor: number): bigint {
  return (fee * BigInt(Math.ceil(factor * 1000)) + 999n) / 1000n;
}

/** Most per gas for one transaction. */
export function capOf(
  { priority = "routine", stakeWei }: { priority?: Priority; stakeWei?: bigint | undefined },
  gasLimit: number,
  policy: FeePolicy,
): bigint {
  if (priority === "routine") return policy.routineCapWei;
  if (stakeWei === undefined) return policy.urgentCapWei;
  const worth = times(stakeWei, policy.stakeShare) / BigInt(Math.max(1, gasLimit));
  return max(policy.routineCapWei, min(policy.urgentCapWei, worth));
}

/** First offer: room for the base fee to double. @returns undefined if `cap` would not do in the next block. */
export function quote(priority: Priority, market: Market, policy: FeePolicy, cap: bigint): Fees | undefined {
  const { baseFee, tips } = market;
  const tip = max(policy.minTipWei, min(tips[priority], MAX_FIRST_TIP));
  const maxFeePerGas = min(cap, 2n * baseFee + tip);
  if (maxFeePerGas < baseFee + policy.minTipWei) return undefined;
  return { maxFeePerGas, maxPriorityFeePerGas: min(tip, maxFeePerGas) };
}

/** The least offer from `target` on that a pool takes instead of `fees`; undefined if `cap` is too low for one. */
function replacement(fees: Fees, target: Fees, cap: bigint): Fees | undefined {
  const maxFeePerGas = min(cap, max(step(fees.maxFeePerGas), target.maxFeePerGas));
  const tip = max(step(fees.maxPriorityFeePerGas), target.maxPriorityFeePerGas);
  const maxPriorityFeePerGas = min(tip, maxFeePerGas);
  if (maxFeePerGas < step(fees.maxFeePerGas) || maxPriorityFeePerGas < step(fees.maxPriorityFeePerGas))
    return undefined;
  return { maxFeePerGas, maxPriorityFeePerGas };
}

export interface BumpContext {
  readonly market: Market;
  readonly policy: FeePolicy;
  /** On the clock of the entries, unix milliseconds. */
  readonly nowMs: number;
  /** Unix seconds on the chain's clock, for deadlines. */
  readonly chainNow: number;
  /** Number of the chain's head. */
  readonly head: number;
  /** Of the wallet. */
  readonly balance: bigint;
  /** Refused by a pool as too cheap: raised soon. By id. */
  readonly refused: ReadonlySet<number>;
  /** Not to be raised for their own sake. By id. */
  readonly pointless: ReadonlySet<number>;
  /** To be given instead of gas limits that were a mistake. By id. */
  readonly gasLimits: ReadonlyMap<number, number>;
}

/** @returns undefined: the deadline has passed, it is not worth more. */
function patienceOf(entry: Entry, { policy, chainNow }: BumpContext): number | undefined {
  if (entry.deadline === undefined) return policy.patienceSeconds;
  const left = entry.deadline - chainNow;
  if (left < 0) return undefined;
  return Math.min(policy.patienceSeconds, Math.max(policy.minPatienceSeconds, left / STEPS_TO_DEADLINE));
}

/** Whether an entry has waited long enough for a higher offer: a block at least has passed it over. */
export function isOverdue(entry: Entry, context: BumpContext): boolean {
  const newest = entry.signed.at(-1);
  const patience = patienceOf(entry, context);
  if (!isSigned(entry) || newest === undefined || patience === undefined) return false;
  const { refused, market, policy, head, nowMs } = context;
  const tooCheap = refused.has(entry.id) || entry.fees.maxFeePerGas < market.baseFee + policy.minTipWei;
  if (head <= newest.head && !refused.has(entry.id)) return false;
  const seconds = (nowMs - newest.signedMs) / 1000;
  return seconds >= (tooCheap ? Math.min(patience, policy.minPatienceSeconds) : patience);
}

/** The next offer: geometric steps that end at the cap before the deadline, so the steeper the less time is left. */
function raised(entry: Entry, cap: bigint, context: BumpContext): Fees {
  const patience = patienceOf(entry, context) ?? context.policy.patienceSeconds;
  const left = (entry.deadline ?? Infinity) - context.chainNow;
  const steps = Math.max(1, Math.floor((SHARE_TO_CAP * left) / patience));
  const room = Number(cap) / Number(entry.fees.maxFeePerGas);
  const factor = Math.min(MAX_FACTOR, Math.max(1, room) ** (1 / steps));
  const fresh = quote(entry.priority, context.market, context.policy, cap) ?? entry.fees;
  return {
    maxFeePerGas: max(times(entry.fees.maxFeePerGas, factor), fresh.maxFeePerGas),
    maxPriorityFeePerGas: max(times(entry.fees.maxPriorityFeePerGas, factor), fresh.maxPriorityFeePerGas),
  };
}

/** Whether a pool's order would keep `fees` behind `floor` by more than a step. */
function isBelow(fees: Fees, floor: Fees): boolean {
  return (
    step(fees.maxFeePerGas) <= floor.maxFeePerGas ||
    step(fees.maxPriorityFeePerGas) <= floor.maxPriorityFeePerGas
  );
}

/**
 * New offers, by id. Transactions are mined in the order of their nonces, so an earlier one offers what the dearest later one does,
 * under that one's cap: nothing cheap holds back what is urgent.
 * @param pending In flight, by nonce.
 */
export function planBumps(pending: readonly Entry[], context: BumpContext): Map<number, Offer> {
  const bumps = new Map<number, Offer>();
  let floor: Fees = { maxFeePerGas: 0n, maxPriorityFeePerGas: 0n };
  let floorCap = 0n;
  let spare = context.balance - pending.reduce((sum, entry) => sum + worstWei(entry), 0n);
  for (const entry of [...pending].reverse()) {
    const { fees } = entry;
    const gasLimit = context.gasLimits.get(entry.id) ?? entry.gasLimit;
    const ownCap = capOf(entry, gasLimit, context.policy);
    floorCap = max(floorCap, ownCap);
    const due = isOverdue(entry, context) && !context.pointless.has(entry.id);
    const lifted = isSigned(entry) && isBelow(fees, floor);
    const wanted = due ? raised(entry, ownCap, context) : fees;
    const gasWei = worstWei(entry) - entry.value;
    const payable = max(0n, gasWei + spare) / BigInt(Math.max(1, gasLimit));
    const cap = min(payable, lifted ? floorCap : ownCap);
    const more = due || lifted ? replacement(fees, lifted ? higher(wanted, floor) : wanted, cap) : undefined;
    // No pool holds what its gas limit keeps out, so nothing need be outbid.
    const next = more ?? (gasLimit === entry.gasLimit ? undefined : capped(fees, cap));
    if (next !== undefined) {
      bumps.set(entry.id, { gasLimit, fees: next });
      spare += gasWei - next.maxFeePerGas * BigInt(gasLimit);
    }
    floor = higher(floor, next ?? fees);
  }
  return bumps;
}

function higher(a: Fees, b: Fees): Fees {
  return {
    maxFeePerGas: max(a.maxFeePerGas, b.maxFeePerGas),
    maxPriorityFeePerGas: max(a.maxPriorityFeePerGas, b.maxPriorityFeePerGas),
  };
}

function capped(fees: Fees, cap: bigint): Fees {
  const maxFeePerGas = min(fees.maxFeePerGas, cap);
  return { maxFeePerGas, maxPriorityFeePerGas: min(fees.maxPriorityFeePerGas, maxFeePerGas) };
}

/** Lowers an offer to what the wallet can pay for. @returns undefined if that would not do in the next block. */
export function affordable(
  fees: Fees,
  {
    balance,
    value,
    gasLimit,
    baseFee,
  }: { balance: bigint; value: bigint; gasLimit: number; baseFee: bigint },
): Fees | undefined {
  const offer = capped(fees, (balance - value) / BigInt(Math.max(1, gasLimit)));
  return offer.maxFeePerGas < baseFee + offer.maxPriorityFeePerGas ? undefined : offer;
}

/** The percentile of what others pay that each priority offers. */
export const TIP_PERCENTILES: Readonly<Record<Priority, number>> = { move: 75, answer: 50, routine: 20 };

/** What the owner must know, from the facts of this moment. Pure. docs/operations.md has the same table for people. */
import { formatEther } from "ethers";
import type { Hex } from "../../../sdk/src/structs.ts";
import type { LostTrial, OwnMove } from "./trials.ts";

/** `critical`: money is being lost, or soon will be. */
export type Severity = "critical" | "warning";

interface Meaning {
  readonly severity: Severity;
  /** What to do. */
  readonly action: string;
}

const critical = (action: string): Meaning => ({ severity: "critical", action });
const warning = (action: string): Meaning => ({ severity: "warning", action });

/** Stable codes. Whoever is told of an alert is told what to do. */
export const ALERTS = {
  DEADLINE_MISSED: critical(
    "Read the log around this result. See that the wallet has gas and an endpoint takes transactions",
  ),
  DEADLINE_AT_RISK: critical(
    "Look at the wallet's balance, the endpoints, and whether the fee limit is below the base fee",
  ),
  LOSING_DISPUTE: critical(
    "Take no new requests (a high --min-fee), but stay up while other disputes are open; `assay dispute show` and `assay doctor` tell more",
  ),
  LOW_STAKE: warning(
    "Deposit with `assay stake` (`--receipts`: into the receipts' vault); until then answers and challenges are left to others",
  ),
  LOW_WALLET: critical("Send ether to the node's address: without gas it cannot move in a dispute"),
  SIGNER_UNAVAILABLE: critical(
    "Start the remote signer or open the keystore: nothing can be sent without it",
  ),
  BUDGET_EXHAUSTED: warning(
    "Raise the limit, or wait for its next period; only moves that defend stake go on",
  ),
  CHAIN_STALLED: critical(
    "See whether the chain makes blocks; if it does, replace the endpoints that do not show them",
  ),
  ENDPOINTS_DOWN: critical("Check the network and the endpoints' keys and quotas, and add another endpoint"),
  ENDPOINTS_DEGRADED: warning("Check their keys and quotas, or replace them"),
  ENDPOINTS_DISAGREE: critical("One lies or is on another chain: compare block hashes and remove it"),
  DEEP_REORG: warning("Raise the finality setting if this is usual on this chain"),
  CLOCK_SKEW: warning("Set this machine's clock (NTP)"),
  STATE_UNAVAILABLE: critical("See that the database server runs, or restart the node"),
  DISK_FULL: critical(
    "Free space on the disks of the state and content directories, or lower the content budget",
  ),
  SELF_CHECK_FAILED: warning(
    "The exact interpreter takes over, which is slower; no money is at risk. Another machine or version of onnxruntime may pass",
  ),
} as const satisfies Readonly<Record<string, Meaning>>;

export type AlertCode = keyof typeof ALERTS;

export interface Alert {
  readonly code: AlertCode;
  readonly severity: Severity;
  /** The result, release or vault that it is about. With the code it names the alert. */
  readonly subject: string | undefined;
  /** What is so and what to do, for people. */
  readonly text: string;
}

/** Left out: not known (yet), and nothing is said of it. Times are unix seconds; amounts wei. */
export interface Facts {
  /** This machine's clock. */
  readonly now: number;
  /** The newest block that the endpoints show, not the last final one, and when it was first seen. */
  readonly head?:
    { readonly number: number; readonly timestamp: number; readonly seenAt: number } | undefined;
  /** Usual time between blocks, seconds. Default 12. */
  readonly blockSeconds?: number | undefined;
  /** Deepest reorganisation of the last hour, and what the finality setting allows for. */
  readonly reorg?: { readonly depth: number; readonly allowed: number };
  readonly endpoints?: { readonly healthy: number; readonly total: number; readonly disagree: boolean };
  /** Chain time minus ours at best, seconds: positive if our clock is behind. See `createSkew`. */
  readonly skewSeconds?: number | undefined;
  /** Free stake, and what the next answers and challenges need of it. */
  readonly stake?: { readonly freeWei: bigint; readonly neededWei: bigint };
  /** The same in the receipts' vault, while a wrong receipt is not challenged for want of it. */
  readonly receiptsStake?: { readonly freeWei: bigint; readonly neededWei: bigint } | undefined;
  /** The account's balance, and the gas of the disputes that it should be prepared for. */
  readonly wallet?: { readonly wei: bigint; readonly neededWei: bigint };
  /** Our moves that are due and not mined, by the chain's time. See `trialFacts`. */
  readonly chainTime?: number;
  readonly moves?: readonly OwnMove[];
  /** Results of ours that were judged wrong; games that we lost. */
  readonly losing?: readonly LostTrial[];
  /** Why the outbox sends nothing, of late. */
  readonly refusals?: { readonly wallet?: string | undefined; readonly budget?: string | undefined };
  /** The key can sign, as far as it was tried of late. */
  readonly signer?: boolean;
  readonly database?: boolean;
  readonly disk?: { readonly freeBytes: number; readonly neededBytes: number };
  /** Releases of which onnxruntime did not pass the self-check. */
  readonly failedSelfChecks?: readonly Hex[];
}

/** Blocks that may be missing before the chain counts as stalled, but no less than {@link MIN_STALL_SECONDS}. */
const STALL_BLOCKS = 10;
const MIN_STALL_SECONDS = 60;
/** A move with less than this share of its clock left is at risk. */
const RISK_SHARE = 0.25;
const MAX_BEHIND_SECONDS = 15;
const MAX_AHEAD_SECONDS = 120;
/** Subjects of one code; those beyond are counted in the last one's text. */
const MAX_SUBJECTS = 16;

type Found = Omit<Alert, "severity" | "text"> & { readonly what: string };

function found(code: AlertCode, what: string, subject?: string): Found {
  return { code, subject, what };
}

function ofChain({ now, head, blockSeconds = 12, reorg, endpoints, skewSeconds }: Facts): Found[] {
  const alerts: Found[] = [];
  const patience = Math.max(MIN_STALL_SECONDS, STALL_BLOCKS * blockSeconds);
  if (head !== undefined && now - head.seenAt > patience)
    alerts.push(
      found("CHAIN_STALLED", `No block after ${head.number} for ${Math.round(now - head.seenAt)} s`),
    );
  if (reorg !== undefined && reorg.depth > reorg.allowed)
    alerts.push(found("DEEP_REORG", `${reorg.depth} blocks were replaced, ${reorg.allowed} are allowed for`));
  if (endpoints !== undefined) {
    const { healthy, total, disagree } = endpoints;
    if (healthy === 0) alerts.push(found("ENDPOINTS_DOWN", `None of ${total} endpoints answers`));
    else if (healthy < total)
      alerts.push(found("ENDPOINTS_DEGRADED", `${healthy} of ${total} endpoints answer`));
    if (disagree) alerts.push(found("ENDPOINTS_DISAGREE", "Two endpoints gave different answers"));
  }
  if (skewSeconds !== undefined && skewSeconds > MAX_BEHIND_SECONDS)
    alerts.push(found("CLOCK_SKEW", `Blocks come ${Math.round(skewSeconds)} s before their own time`));
  if (skewSeconds !== undefined && -skewSeconds > MAX_AHEAD_SECONDS)
    alerts.push(
      found("CLOCK_SKEW", `Blocks come ${Math.round(-skewSeconds)} s late at best, or the clock is fast`),
    );
  return alerts;
}

function ofMoney({ stake, receiptsStake, wallet, refusals }: Facts): Found[] {
  const alerts: Found[] = [];
  if (stake !== undefined && stake.freeWei < stake.neededWei)
    alerts.push(
      found(
        "LOW_STAKE",
        `${formatEther(stake.freeWei)} ETH are free, ${formatEther(stake.neededWei)} needed`,
      ),
    );
  if (receiptsStake !== undefined) {
    const { freeWei, neededWei } = receiptsStake;
    const what = `${formatEther(freeWei)} ETH are free in the receipts' vault, ${formatEther(neededWei)} needed to challenge a wrong receipt`;
    alerts.push(found("LOW_STAKE", what, "receipts"));
  }
  if (wallet !== undefined && wallet.wei < wallet.neededWei)
    alerts.push(
      found(
        "LOW_WALLET",
        `The wallet has ${formatEther(wallet.wei)} ETH, ${formatEther(wallet.neededWei)} needed`,
      ),
    );
  else if (refusals?.wallet !== undefined) alerts.push(found("LOW_WALLET", refusals.wallet));
  if (refusals?.budget !== undefined) alerts.push(found("BUDGET_EXHAUSTED", refusals.budget));
  return alerts;
}

/** One alert for each result: its most urgent move stands for all. */
function ofDisputes({ moves = [], losing = [], now, chainTime = now }: Facts): Found[] {
  const alerts = new Map<string, Found>();
  for (const { resultId, kind, deadline, clockSeconds } of [...moves].sort(
    (a, b) => a.deadline - b.deadline,
  )) {
    const left = Math.round(deadline - chainTime);
    const code = left < 0 ? "DEADLINE_MISSED" : "DEADLINE_AT_RISK";
    const named = `${code}:${resultId}`;
    if (left >= RISK_SHARE * clockSeconds || alerts.has(named)) continue;
    const what =
      left < 0 ? `${kind} was due ${-left} s ago` : `${kind} must be mined within ${left} s and is not`;
    alerts.set(named, found(code, what, resultId));
  }
  for (const { resultId, why } of losing)
    alerts.set(`LOSING_DISPUTE:${resultId}`, found("LOSING_DISPUTE", why, resultId));
  return [...alerts.values()];
}

function ofMachine({ signer, database, disk, failedSelfChecks = [] }: Facts): Found[] {
  const alerts = failedSelfChecks.map((id) =>
    found("SELF_CHECK_FAILED", "The self-check of a release failed", id),
  );
  if (signer === false) alerts.push(found("SIGNER_UNAVAILABLE", "No key can sign"));
  if (database === false) alerts.push(found("STATE_UNAVAILABLE", "A query failed or took too long"));
  if (disk !== undefined && disk.freeBytes < disk.neededBytes)
    alerts.push(found("DISK_FULL", `${Math.floor(disk.freeBytes / 2 ** 20)} MiB are free`));
  return alerts;
}

function withAction({ code, subject, what }: Found, more = 0): Alert {
  const { severity, action } = ALERTS[code];
  const others = more === 0 ? "" : ` (and ${more} more)`;
  return { code, severity, subject, text: `${what}${others}. ${action}.` };
}

/** Everything that is wrong now, bounded in number. */
export function alertsOf(facts: Facts): Alert[] {
  const byCode = new Map<AlertCode, Found[]>();
  for (const one of [...ofDisputes(facts), ...ofMoney(facts), ...ofChain(facts), ...ofMachine(facts)])
    byCode.set(one.code, [...(byCode.get(one.code) ?? []), one]);
  return [...byCode.values()].flatMap((all) => {
    const shown = all.slice(0, MAX_SUBJECTS);
    return shown.map((one, i) => withAction(one, i === shown.length - 1 ? all.length - shown.length : 0));
  });
}

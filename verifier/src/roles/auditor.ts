/** Judges receipts that were handed to us, and challenges the wrong ones; their trials are then the verifier's. */
import { AssayError } from "../../../sdk/src/error.ts";
import { bondOfClass, RECEIPT_VALIDITY } from "../../../sdk/src/receipts.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import type { BlockRef } from "../chain/log.ts";
import type { ChainState, ReleaseRecord } from "../chain/state.ts";
import type { Duty } from "../duties.ts";
import type { ChallengeTerms } from "../economics/challenge.ts";
import { createNotices } from "../economics/decision.ts";
import { ether } from "../economics/ether.ts";
import { createReading, type Reading } from "../economics/reading.ts";
import { logError } from "../log.ts";
import type { Audit, AuditStore, Evidence } from "../state/audits.ts";
import {
  challengeOf,
  planOf,
  viewOf,
  type ChallengeState,
  type Plan,
  type ShortStake,
  type View,
} from "./audits.ts";
import { checkHanded, expiryOf, misfit, type Handed } from "./handed.ts";
import { JUDGE_PLACES, type Judge } from "./judgement.ts";
import { lineDuties } from "./line.ts";
import type { Role, RoleContext } from "./role.ts";

/** Receipts that are not judged, or wrong and not challenged. */
const MOST_OPEN = 1000;
/** The same of one operator. */
const MOST_OF_OPERATOR = 64;
/** A challenge that failed promises nothing until then. */
const FAILED_MS = 300_000;
const PURGE_MS = 3_600_000;

export interface Standing {
  readonly digest: Hex;
  readonly state: "pending" | "right" | "wrong";
  readonly challenge: ChallengeState;
  /** Why a wrong receipt is not challenged (yet). */
  readonly reason?: string;
}

export interface Auditor extends Role {
  /**
   * Takes a receipt to be judged.
   * @throws {AssayError} BAD_SIGNATURE, BAD_PAYMENT if it cannot be judged or challenged, BUSY.
   */
  accept(handed: Handed, evidence: Evidence): Promise<Standing>;
  standing(digest: Hex): Promise<Standing | undefined>;
  /** Of a wrong receipt that waits for stake to be challenged with. */
  short(): ShortStake | undefined;
}

export interface AuditorParts {
  readonly audits: AuditStore;
  readonly judge: Judge;
  readonly terms: ChallengeTerms;
  readonly stateOf: () => { readonly state: ChainState; readonly head: BlockRef | undefined };
  /** There may be something to do. */
  readonly onChange: () => void;
  /** Nothing more will be due for this receipt until it is challenged. */
  readonly onDone: (digest: Hex) => void;
}

export function createAuditor(
  context: RoleContext,
  { audits, judge, terms, stateOf, onChange, onDone }: AuditorParts,
): Auditor {
  const { contracts, sender, releases, log } = context;
  /** Handed in, not found right, and not expired: the others are done with, and only in the database. */
  const known = new Map<Hex, Audit>();
  const sent = new Set<Hex>();
  /** What challenges that were decided on, but that the chain does not show yet, may lock, wei. */
  const promised = new Map<Hex, bigint>();
  let promisedWei = 0n;
  /** When a challenge failed last. */
  const failed = new Map<Hex, number>();
  const reserves = new Map<Hex, Reading<bigint>>();
  const notices = createNotices(log);
  const loaded = load();
  let purgedAt = performance.now();

  async function load(): Promise<void> {
    const oldest = Math.floor(Date.now() / 1000) - RECEIPT_VALIDITY;
    for (const audit of await audits.unsettled(oldest)) known.set(audit.digest, audit);
  }
  loaded.catch((error: unknown) => logError(log, error, "reading receipts failed"));

  /** @param wei 0: nothing any more. */
  function promise(digest: Hex, wei: bigint): void {
    promisedWei += wei - (promised.get(digest) ?? 0n);
    if (wei === 0n) promised.delete(digest);
    else promised.set(digest, wei);
  }

  function leave(digest: Hex): void {
    known.delete(digest);
    sent.delete(digest);
    failed.delete(digest);
    notices.forget(digest);
    promise(digest, 0n);
    onDone(digest);
  }

  async function forget(digest: Hex): Promise<void> {
    leave(digest);
    await audits.forget(digest);
  }

  function reserveOf(operator: Hex): Reading<bigint> {
    const found =
      reserves.get(operator) ??
      createReading(
        async (blockTag) => (await contracts.receipts.reserveOf(operator, { blockTag })).reserveWei,
        onChange,
      );
    if (reserves.size >= MOST_OPEN) reserves.clear();
    reserves.set(operator, found);
    return found;
  }

  function stateOn(view: View, audit: Audit): ChallengeState {
    return challengeOf(view, audit, sent.has(audit.digest));
  }

  function plan(view: View, audit: Audit): Plan | undefined {
    const { digest, receipt } = audit;
    const others = promisedWei - (promised.get(digest) ?? 0n);
    return planOf(view, terms, audit, others, reserveOf(receipt.operator).lately(view.head));
  }

  function standingOf(view: View | undefined, audit: Audit): Standing {
    const { digest, verdict } = audit;
    const challenge = view === undefined ? "none" : stateOn(view, audit);
    const base = { digest, state: verdict ?? "pending", challenge } as const;
    if (verdict !== "wrong" || challenge !== "none" || view === undefined) return base;
    const found = plan(view, audit);
    return found === undefined || found.take ? base : { ...base, reason: found.reason };
  }

  /** For whoever asks: stake as it was a moment ago will do. */
  function viewNow(): View | undefined {
    const { state, head } = stateOf();
    return head && viewOf(context, state, head, context.freeForReceipts.lately(head));
  }

  async function judgeIt(audit: Audit, record: ReleaseRecord, head: BlockRef): Promise<void> {
    const { digest, receipt } = audit;
    // Files of strangers come slowly, or never: input and output are not held meanwhile.
    await releases.prepare(record);
    const evidence = await audits.evidence(digest);
    const reason = evidence === undefined ? "input and output are gone" : misfit(receipt, evidence, record);
    if (evidence === undefined || reason !== undefined) {
      log.info({ receipt: digest, reason }, "the receipt cannot be judged");
      return forget(digest);
    }
    const endsAt = expiryOf(receipt);
    const { operator, bondClass } = receipt;
    const answer = { id: digest, operator, bondWei: bondOfClass(bondClass), ...evidence, endsAt };
    const runMs = 1000 * Math.max(1, endsAt - head.timestamp);
    const { verdict } = await judge(record, answer, { runMs, deadline: endsAt });
    await audits.judged(digest, verdict);
    if (verdict === "right") leave(digest);
    else known.set(digest, { ...audit, verdict });
  }

  /** Whether to challenge now; keeps and tells what was decided. */
  function decide(view: View, audit: Audit): boolean {
    const { digest } = audit;
    const found = plan(view, audit);
    // It is being asked for: until then it is as it was.
    if (found === undefined) return promised.has(digest);
    if (found.take) {
      const waits = performance.now() - (failed.get(digest) ?? -Infinity) < FAILED_MS;
      promise(digest, waits ? 0n : found.lockWei);
      return true;
    }
    // One on its way has locked what is missing now.
    if (sent.has(digest) && found.refusal !== undefined) return false;
    promise(digest, 0n);
    if (found.refusal !== undefined)
      notices.refuse(digest, { receipt: digest }, "not challenged", found.refusal);
    return false;
  }

  async function challenge({ digest, receipt, signature }: Audit, { release }: ReleaseRecord): Promise<void> {
    const data = contracts.receipts.interface.encodeFunctionData("challenge", [receipt, release, signature]);
    try {
      await sender.send({
        key: `${digest}:challengeReceipt`,
        label: "challengeReceipt",
        subject: digest,
        priority: "move",
        deadline: expiryOf(receipt) - 1,
        stakeWei: bondOfClass(receipt.bondClass),
        to: contracts.deployment.addresses.receipts,
        data,
      });
      sent.add(digest);
    } catch (error) {
      failed.set(digest, performance.now());
      throw error;
    }
  }

  function dutiesOf(view: View, audit: Audit): Duty[] {
    const { digest, receipt, verdict } = audit;
    const { state, head } = view;
    const endsAt = expiryOf(receipt);
    const record = state.releases.get(receipt.releaseId);
    if (head.timestamp >= endsAt) {
      leave(digest);
      return [];
    }
    if (record === undefined) return [];
    const subject = digest;
    if (verdict === undefined && releases.failure(receipt.releaseId) === "final")
      return [{ key: `audit:${digest}`, subject, run: () => forget(digest) }];
    if (verdict === undefined)
      return [
        {
          key: `audit:${digest}`,
          subject,
          places: releases.ready(receipt.releaseId) === undefined ? 0 : JUDGE_PLACES,
          deadline: endsAt,
          run: () => judgeIt(audit, record, head),
        },
      ];
    const now = stateOn(view, audit);
    if (now !== "none" && now !== "sent") {
      promise(digest, 0n);
      return [];
    }
    if (!decide(view, audit)) return [];
    const run = () => challenge(audit, record);
    return [{ key: `${digest}:challengeReceipt`, subject, deadline: endsAt, run }];
  }

  function purge(now: number): Duty[] {
    if (performance.now() - purgedAt < PURGE_MS) return [];
    const run = async (): Promise<void> => {
      purgedAt = performance.now();
      await audits.purge(now);
    };
    return [{ key: "purgeAudits", subject: undefined, run }];
  }

  /** Of what is not challenged yet, the receipt that stands for least gives way to one that stands for more. @throws {AssayError} BUSY */
  async function makeRoom(view: View, { operator, bondClass }: Handed["receipt"]): Promise<void> {
    const open = [...known.values()].filter((audit) => stateOn(view, audit) === "none");
    const same = open.filter(({ receipt }) => receipt.operator === operator);
    const full = same.length >= MOST_OF_OPERATOR ? same : open.length >= MOST_OPEN ? open : [];
    const [first] = full;
    if (first === undefined) return;
    const least = full.reduce((a, b) => (b.receipt.bondClass < a.receipt.bondClass ? b : a), first);
    if (least.receipt.bondClass >= bondClass)
      throw new AssayError("BUSY", "too many receipts wait to be judged: hand it in later", {
        retryable: true,
      });
    await forget(least.digest);
  }

  return {
    async accept(handed, evidence) {
      await loaded;
      const { digest, receipt, signature } = handed;
      const before = known.get(digest) ?? (await audits.find(digest));
      if (before !== undefined) return standingOf(viewNow(), before);
      const { state, head } = stateOf();
      const view = viewNow();
      // Whoever is told that a receipt is no good does not come again.
      if (head === undefined || view === undefined)
        throw new AssayError("BUSY", "the chain is still being read: hand it in later", { retryable: true });
      checkHanded(handed, evidence, state, head);
      const { reserveWei } = await contracts.receipts.reserveOf(receipt.operator);
      if (reserveWei < bondOfClass(receipt.bondClass))
        throw new AssayError(
          "BAD_PAYMENT",
          `nothing can be won by it: its operator's reserve is down to ${ether(reserveWei)}`,
        );
      await makeRoom(view, receipt);
      const audit = { digest, receipt, signature, verdict: undefined };
      await audits.keep(audit, evidence);
      known.set(digest, audit);
      onChange();
      return standingOf(view, audit);
    },
    async standing(digest) {
      const audit = known.get(digest) ?? (await audits.find(digest));
      return audit && standingOf(viewNow(), audit);
    },
    short() {
      const view = known.size === 0 ? undefined : viewNow();
      if (view === undefined) return undefined;
      for (const audit of known.values()) {
        if (audit.verdict !== "wrong" || stateOn(view, audit) !== "none") continue;
        const found = plan(view, audit);
        if (found?.take === false && found.short !== undefined) return found.short;
      }
      return undefined;
    },
    duties(state, head) {
      const rest = [...lineDuties(context, state), ...purge(head.timestamp)];
      if (known.size === 0) return rest;
      const view = viewOf(context, state, head, context.freeForReceipts.at(head));
      return [...rest, ...[...known.values()].flatMap((audit) => dutiesOf(view, audit))];
    },
  };
}

/** Judges receipts that were handed to us, and challenges the wrong ones; their trials are then the verifier's. */
import { AssayError } from "../../../sdk/src/error.ts";
import { unpackParameters } from "../../../sdk/src/parameters.ts";
import { bondOfClass, MAX_BOND_CLASS, RECEIPT_VALIDITY, type Receipt } from "../../../sdk/src/receipts.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import type { BlockRef } from "../chain/log.ts";
import type { ChainState, ReleaseRecord } from "../chain/state.ts";
import type { Duty } from "../duties.ts";
import type { ChallengeTerms } from "../economics/challenge.ts";
import { createNotices } from "../economics/decision.ts";
import { ether } from "../economics/ether.ts";
import { createPromises } from "../economics/promises.ts";
import { createReading, type Reading } from "../economics/reading.ts";
import { once } from "../once.ts";
import type { TraceHandle } from "../play/trace.ts";
import type { Audit, AuditStore, Evidence } from "../state/audits.ts";
import type { Verdict } from "../state/findings.ts";
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
import { JUDGE_PLACES, openTrace, type Judge, type Patience } from "./judgement.ts";
import { lineDuties } from "./line.ts";
import { placesFor, type Role, type RoleContext } from "./role.ts";

/** Receipts that are not judged, or wrong and not challenged. */
const MOST_OPEN = 1000;
/** The same of one operator. */
const MOST_OF_OPERATOR = 64;
/** What a contract refused is offered again then. */
const REFUSED_MS = 300_000;
const TIDY_MS = 3_600_000;

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

/** Whatever comes first is above all that does not; then counts what a receipt stands for. */
function rankOf(comesFirst: boolean, { bondClass }: Receipt): number {
  return bondClass + (comesFirst ? MAX_BOND_CLASS + 1 : 0);
}

export function createAuditor(
  context: RoleContext,
  { audits, judge, terms, stateOf, onChange, onDone }: AuditorParts,
): Auditor {
  const { contracts, sender, releases, log } = context;
  /** Handed in, not found right, and not expired: the others are done with, and only in the database. */
  const known = new Map<Hex, Audit>();
  const sent = new Set<Hex>();
  const queued = new Set<Hex>();
  const judging = new Set<Hex>();
  /** Of stake in the receipts' vault. */
  const promised = createPromises();
  /** When a contract refused a challenge last. */
  const refused = new Map<Hex, number>();
  const reserves = new Map<Hex, Reading<bigint>>();
  /** Of wrong receipts, until their trials are over. */
  const traces = new Map<Hex, TraceHandle>();
  const notices = createNotices(log);
  const loadOnce = once(load);
  let tidiedAt: number | undefined;

  /** What is wrong first, then what stands for more. Processes that share the database take up what others were handed. */
  async function load(): Promise<void> {
    const rows = await audits.unsettled(Math.floor(Date.now() / 1000) - RECEIPT_VALIDITY);
    const worth = ({ verdict, receipt }: Audit): number => rankOf(verdict === "wrong", receipt);
    for (const audit of rows.toSorted((a, b) => worth(b) - worth(a)))
      if (known.size < MOST_OPEN && !known.has(audit.digest)) known.set(audit.digest, audit);
  }

  function closeTrace(digest: Hex): void {
    traces.get(digest)?.close();
    traces.delete(digest);
  }

  function leave(digest: Hex): void {
    known.delete(digest);
    closeTrace(digest);
    for (const digests of [sent, queued, refused]) digests.delete(digest);
    notices.forget(digest);
    promised.set(digest, 0n);
    onDone(digest);
  }

  async function forget(digest: Hex): Promise<void> {
    leave(digest);
    await audits.forgetUnjudged(digest);
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
    return planOf(
      view,
      terms,
      audit,
      promised.besides(digest),
      reserveOf(receipt.operator).lately(view.head),
    );
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

  async function judgeIt(audit: Audit, record: ReleaseRecord, patience: Patience): Promise<void> {
    const { digest, receipt } = audit;
    // Files of strangers come slowly, or never: input and output are not held meanwhile.
    await releases.prepare(record);
    // Another process may have judged it.
    const row = await audits.find(digest);
    if (row?.verdict !== undefined) return settle(row, row.verdict);
    const evidence = await audits.evidence(digest);
    const reason = evidence === undefined ? "input and output are gone" : misfit(receipt, evidence, record);
    if (evidence === undefined || reason !== undefined) {
      log.info({ receipt: digest, reason }, "the receipt cannot be judged");
      return forget(digest);
    }
    const { operator, bondClass } = receipt;
    // Its signer says when it ends, so it comes after what has a deadline by the chain.
    const answer = { id: digest, operator, bondWei: bondOfClass(bondClass), ...evidence, endsAt: undefined };
    const { verdict } = await judge(record, answer, patience);
    // Without input and output no game could be played.
    if (await audits.judged(digest, verdict)) settle(audit, verdict);
    else leave(digest);
  }

  function settle(audit: Audit, verdict: Verdict): void {
    if (verdict === "right") leave(audit.digest);
    else known.set(audit.digest, { ...audit, verdict });
  }

  async function traceIt({ digest }: Audit, record: ReleaseRecord, patience: Patience): Promise<void> {
    // As in `judgeIt`.
    await releases.prepare(record);
    const evidence = await audits.evidence(digest);
    if (evidence === undefined) return leave(digest);
    const trace = await openTrace(context, record, { input: evidence.input, endsAt: undefined }, patience);
    if (known.has(digest)) traces.set(digest, trace);
    else trace.close();
  }

  /** Whether to challenge now; keeps and tells what was decided. */
  function decide(view: View, audit: Audit): boolean {
    const { digest } = audit;
    const found = plan(view, audit);
    // It is being asked for: until then it is as it was.
    if (found === undefined) return promised.has(digest);
    if (found.take) {
      promised.set(digest, found.lockWei);
      return true;
    }
    // One on its way has locked what is missing now.
    if (sent.has(digest) && found.refusal !== undefined) return false;
    promised.set(digest, 0n);
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
      if (error instanceof AssayError && error.code === "REVERTED") {
        refused.set(digest, performance.now());
        promised.set(digest, 0n);
      }
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
    if (record === undefined || state.parameters === undefined) return [];
    const rules = unpackParameters(state.parameters);
    const subject = digest;
    const places = placesFor(context, receipt.releaseId, JUDGE_PLACES);
    if (verdict === undefined && releases.failure(receipt.releaseId) === "final")
      return [{ key: `audit:${digest}`, subject, run: () => forget(digest) }];
    if (verdict === undefined) {
      const run = async (patient: boolean): Promise<void> => {
        judging.add(digest);
        await judgeIt(audit, record, { patient, rules }).finally(() => judging.delete(digest));
      };
      return [{ key: `audit:${digest}`, subject, places, run }];
    }
    const now = stateOn(view, audit);
    if (now === "queued") queued.add(digest);
    // Its turn may come in days, and then our clock does not run at once.
    if (now === "queued" || now === "won" || now === "lost") closeTrace(digest);
    if (now !== "none" && now !== "sent") {
      promised.set(digest, 0n);
      return [];
    }
    if (queued.has(digest)) {
      // Its turn came when nothing was left to win.
      leave(digest);
      return [];
    }
    if (performance.now() - (refused.get(digest) ?? -Infinity) < REFUSED_MS) return [];
    if (!decide(view, audit)) return [];
    if (!traces.has(digest)) {
      const open = (patient: boolean): Promise<void> => traceIt(audit, record, { patient, rules });
      return [{ key: `auditTrace:${digest}`, subject, places, run: open }];
    }
    const run = () => challenge(audit, record);
    return [{ key: `${digest}:challengeReceipt`, subject, deadline: endsAt, run }];
  }

  function tidy(now: number): Duty[] {
    if (tidiedAt !== undefined && performance.now() - tidiedAt < TIDY_MS) return [];
    const run = async (): Promise<void> => {
      await loadOnce();
      const first = tidiedAt === undefined;
      tidiedAt = performance.now();
      if (first) return;
      await audits.purge(now);
      await load();
    };
    return [{ key: "tidyAudits", subject: undefined, run }];
  }

  /** Releases of which nobody has the file can fill no places. */
  function worthOf(receipt: Receipt): number {
    return rankOf(releases.ready(receipt.releaseId) !== undefined, receipt);
  }

  /** What is worth least, of what nothing is done about, gives way to what is worth more. @throws {AssayError} BUSY */
  async function makeRoom(view: View, receipt: Receipt): Promise<void> {
    const open = [...known.values()].filter((audit) => stateOn(view, audit) === "none");
    const same = open.filter(({ receipt: { operator } }) => operator === receipt.operator);
    const full = same.length >= MOST_OF_OPERATOR ? same : open.length >= MOST_OPEN ? open : undefined;
    if (full === undefined) return;
    const [least] = full
      .filter(({ digest }) => !judging.has(digest) && !promised.has(digest))
      .toSorted((a, b) => worthOf(a.receipt) - worthOf(b.receipt));
    if (least === undefined || worthOf(least.receipt) >= worthOf(receipt))
      throw new AssayError("BUSY", "too many receipts wait to be judged: hand it in later", {
        retryable: true,
      });
    await forget(least.digest);
  }

  return {
    async accept(handed, evidence) {
      await loadOnce();
      const { digest, receipt, signature } = handed;
      const before = known.get(digest) ?? (await audits.find(digest));
      // Another process was handed it, or it had to give way.
      if (before !== undefined && before.verdict !== "right" && known.size < MOST_OPEN)
        known.set(digest, before);
      if (before !== undefined) return standingOf(viewNow(), before);
      const { state, head } = stateOf();
      const view = viewNow();
      // Whoever is told that a receipt is no good does not come again.
      if (head === undefined || view === undefined)
        throw new AssayError("BUSY", "the chain is still being read: hand it in later", { retryable: true });
      checkHanded(handed, evidence, state, head);
      const reserveWei =
        reserveOf(receipt.operator).lately(head) ??
        (await contracts.receipts.reserveOf(receipt.operator)).reserveWei;
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
      const rest = [...lineDuties(context, state), ...tidy(head.timestamp)];
      if (known.size === 0) return rest;
      const view = viewOf(context, state, head, context.freeForReceipts.at(head));
      return [...rest, ...[...known.values()].flatMap((audit) => dutiesOf(view, audit))];
    },
  };
}

/** Judges receipts that were handed to us, and challenges the wrong ones; their trials are then the verifier's. */
import { inputsRoot } from "../../../program/src/claim.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { keccak } from "../../../sdk/src/ids.ts";
import { bondOfClass, RECEIPT_VALIDITY, type Receipt } from "../../../sdk/src/receipts.ts";
import { unpackParameters } from "../../../sdk/src/parameters.ts";
import { sameHex, toHex, type Hex } from "../../../sdk/src/structs.ts";
import type { BlockRef } from "../chain/log.ts";
import type { ChainState, ReleaseRecord, RequestRecord } from "../chain/state.ts";
import type { Duty } from "../duties.ts";
import {
  considerChallenge,
  estimateChallenge,
  type ChallengeFacts,
  type ChallengeTerms,
} from "../economics/challenge.ts";
import { createNotices, type Refusal } from "../economics/decision.ts";
import { lockedInGames } from "../economics/locked.ts";
import { logError } from "../log.ts";
import type { Audit, AuditStore, Evidence } from "../state/audits.ts";
import { KEPT_SECONDS } from "../state/kept.ts";
import { JUDGE_PLACES, type Judge } from "./judgement.ts";
import { lineDuties } from "./line.ts";
import { freeIn, roundsOf, type Role, type RoleContext } from "./role.ts";

/** Receipts that wait to be judged. */
const MOST_PENDING = 1000;
const PURGE_MS = 3_600_000;

export const CHALLENGE_STATES = ["none", "sent", "queued", "open", "won", "lost"] as const;
export type ChallengeState = (typeof CHALLENGE_STATES)[number];

export interface Standing {
  readonly digest: Hex;
  readonly state: "pending" | "right" | "wrong";
  readonly challenge: ChallengeState;
  /** Why a wrong receipt is not challenged (yet). */
  readonly reason?: string;
}

/** Free wei in the receipts' vault, and what a challenge that was declined for want of it takes. */
export interface ShortStake {
  readonly freeWei: bigint;
  readonly neededWei: bigint;
}

export interface Handed {
  readonly digest: Hex;
  readonly receipt: Receipt;
  readonly signature: Hex;
  /** Who signed it, lower case. */
  readonly key: Hex;
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

/** Whether a wrong receipt is challenged now. */
type Plan =
  | { readonly take: true; readonly lockWei: bigint }
  | {
      readonly take: false;
      readonly reason: string;
      readonly refusal?: Refusal;
      readonly short?: ShortStake;
    };

const MORE_STAKE = "in the receipts' vault; `assay stake ETHER --receipts` adds to it";

export function createAuditor(
  context: RoleContext,
  {
    audits,
    judge,
    terms,
  }: { readonly audits: AuditStore; readonly judge: Judge; readonly terms: ChallengeTerms },
  stateOf: () => { readonly state: ChainState; readonly head: BlockRef | undefined },
): Auditor {
  const { contracts, sender, releases, log } = context;
  const rounds = roundsOf(context);
  /** Handed in and not found right: what is right is done with, and only in the database. */
  const known = new Map<Hex, Audit>();
  const sent = new Set<Hex>();
  /** What challenges that were decided on, but that the chain does not show yet, may lock, wei. */
  const promised = new Map<Hex, bigint>();
  const notices = createNotices(log);
  const loaded = load();
  let purgedAt = performance.now();

  async function load(): Promise<void> {
    const oldest = Math.floor(Date.now() / 1000) - KEPT_SECONDS;
    for (const audit of await audits.unsettled(oldest)) known.set(audit.digest, audit);
  }
  loaded.catch((error: unknown) => logError(log, error, "reading receipts failed"));

  function trialOf(state: ChainState, digest: Hex): RequestRecord | undefined {
    for (const request of state.requests.values())
      if (request.court === "receipts" && sameHex(request.request.inputHash, digest)) return request;
    return undefined;
  }

  function challengeOf(state: ChainState, { digest, receipt: handed }: Audit): ChallengeState {
    const request = trialOf(state, digest);
    const result = request?.resultId === undefined ? undefined : state.results.get(request.resultId);
    const game = result?.games.get(sender.address.toLowerCase());
    if (request?.status === "overturned") return game === undefined ? "none" : "won";
    if (game !== undefined) return game.status === "open" ? "open" : "lost";
    const waits = [...state.queues.values()].some((line) =>
      line.some(
        ({ receipt, challenger }) =>
          sameHex(challenger, sender.address) &&
          sameHex(receipt.requestHash, handed.requestHash) &&
          sameHex(receipt.outputHash, handed.outputHash),
      ),
    );
    if (waits) return "queued";
    return sent.has(digest) ? "sent" : "none";
  }

  function standingOf(audit: Audit): Standing {
    const { digest, verdict } = audit;
    const { state, head } = stateOf();
    const challenge = challengeOf(state, audit);
    const base = { digest, state: verdict ?? "pending", challenge } as const;
    if (verdict !== "wrong" || challenge !== "none" || head === undefined) return base;
    const plan = planOf(audit, state, head);
    return plan === undefined || plan.take ? base : { ...base, reason: plan.reason };
  }

  async function judgeIt(audit: Audit, record: ReleaseRecord, head: BlockRef): Promise<void> {
    const { digest, receipt } = audit;
    const evidence = await audits.evidence(digest);
    const prepared = await releases.prepare(record);
    const fits = evidence?.input.length === prepared.model.inputBytes;
    const root = fits ? toHex(inputsRoot({ inputs: prepared.model.inputs }, evidence.input)) : undefined;
    if (evidence === undefined || root === undefined || !sameHex(root, receipt.inputsRoot)) {
      log.info({ receipt: digest }, "the input is not the one that the receipt is about");
      known.delete(digest);
      await audits.forget(digest);
      return;
    }
    const endsAt = receipt.issuedAt + RECEIPT_VALIDITY;
    const { operator, bondClass } = receipt;
    const answer = { id: digest, operator, bondWei: bondOfClass(bondClass), ...evidence, endsAt };
    const runMs = 1000 * Math.max(1, endsAt - head.timestamp);
    const { verdict } = await judge(record, answer, { runMs, deadline: endsAt });
    await audits.judged(digest, verdict);
    if (verdict === "right") known.delete(digest);
    else known.set(digest, { ...audit, verdict });
  }

  function factsOf(
    audit: Audit,
    record: ReleaseRecord,
    state: ChainState,
    head: BlockRef,
  ): Omit<ChallengeFacts, "freeWei"> | undefined {
    if (state.parameters === undefined) return undefined;
    const { baseFee, tip } = context.gasPrice(head);
    const request = trialOf(state, audit.digest);
    const result = request?.resultId === undefined ? undefined : state.results.get(request.resultId);
    return {
      release: record.release,
      rules: unpackParameters(state.parameters),
      bondWei: bondOfClass(audit.receipt.bondClass),
      entries: result?.games.size ?? 0,
      baseFee,
      feePerGas: baseFee + tip,
      rounds: rounds(record.releaseId),
      lockedWei: lockedInGames(state, sender.address, baseFee, rounds),
    };
  }

  /** Free wei that no own game in the receipts' court, and no challenge on its way, may come to need. */
  function freeFor(audit: Audit, state: ChainState, baseFee: bigint): bigint | undefined {
    let rest = freeIn(context, "receipts", state, baseFee);
    if (rest === undefined) return undefined;
    for (const [digest, wei] of promised) if (digest !== audit.digest) rest -= wei;
    return rest;
  }

  /** Of a receipt that was judged wrong and not challenged yet. @returns undefined while it is not known. */
  function planOf(audit: Audit, state: ChainState, head: BlockRef): Plan | undefined {
    const { digest, receipt } = audit;
    if (trialOf(state, digest)?.status === "overturned")
      return { take: false, reason: "another's challenge has won" };
    if (head.timestamp >= receipt.issuedAt + RECEIPT_VALIDITY)
      return { take: false, reason: "it has expired: it cannot be challenged any more" };
    const record = state.releases.get(receipt.releaseId);
    const facts = record && factsOf(audit, record, state, head);
    const freeWei = facts && freeFor(audit, state, facts.baseFee);
    if (facts === undefined || freeWei === undefined) return undefined;
    const decision = considerChallenge(terms, { ...facts, freeWei });
    const neededWei = estimateChallenge(facts).lockWei;
    if (decision.take) return { take: true, lockWei: neededWei };
    if (decision.code !== "stake-too-low") return { take: false, reason: decision.reason, refusal: decision };
    const refusal = { ...decision, reason: `${decision.reason} ${MORE_STAKE}` };
    return { take: false, reason: refusal.reason, refusal, short: { freeWei, neededWei } };
  }

  /** Whether to challenge now; keeps and tells what was decided. */
  function decide(audit: Audit, state: ChainState, head: BlockRef): boolean {
    const { digest } = audit;
    const plan = planOf(audit, state, head);
    if (plan?.take === true) {
      promised.set(digest, plan.lockWei);
      return true;
    }
    // One on its way has locked what is missing now.
    if (sent.has(digest) && plan?.refusal !== undefined) return false;
    promised.delete(digest);
    if (plan?.refusal !== undefined)
      notices.refuse(digest, { receipt: digest }, "not challenged", plan.refusal);
    return false;
  }

  async function challenge({ digest, receipt, signature }: Audit, { release }: ReleaseRecord): Promise<void> {
    const data = contracts.receipts.interface.encodeFunctionData("challenge", [receipt, release, signature]);
    await sender.send({
      key: `${digest}:challengeReceipt`,
      label: "challengeReceipt",
      subject: digest,
      priority: "move",
      deadline: receipt.issuedAt + RECEIPT_VALIDITY - 1,
      stakeWei: bondOfClass(receipt.bondClass),
      to: contracts.deployment.addresses.receipts,
      data,
    });
    sent.add(digest);
  }

  function dutiesOf(audit: Audit, state: ChainState, head: BlockRef): Duty[] {
    const { digest, receipt, verdict } = audit;
    const endsAt = receipt.issuedAt + RECEIPT_VALIDITY;
    const record = state.releases.get(receipt.releaseId);
    if (record === undefined || head.timestamp >= endsAt) {
      promised.delete(digest);
      return [];
    }
    if (verdict === undefined)
      return [
        {
          key: `audit:${digest}`,
          subject: digest,
          places: releases.ready(receipt.releaseId) === undefined ? 0 : JUDGE_PLACES,
          deadline: endsAt,
          run: () => judgeIt(audit, record, head),
        },
      ];
    const now = challengeOf(state, audit);
    if (now !== "none" && now !== "sent") {
      promised.delete(digest);
      return [];
    }
    if (!decide(audit, state, head)) return [];
    return [
      {
        key: `${digest}:challengeReceipt`,
        subject: digest,
        deadline: endsAt,
        run: () => challenge(audit, record),
      },
    ];
  }

  function purge(now: number): Duty[] {
    if (performance.now() - purgedAt < PURGE_MS) return [];
    const run = async (): Promise<void> => {
      purgedAt = performance.now();
      const before = now - KEPT_SECONDS;
      for (const { digest, receipt } of known.values()) if (receipt.issuedAt < before) known.delete(digest);
      await audits.purge(before);
    };
    return [{ key: "purgeAudits", subject: undefined, run }];
  }

  return {
    async accept({ digest, receipt, signature, key }, evidence) {
      await loaded;
      const before = known.get(digest) ?? (await audits.find(digest));
      if (before !== undefined) return standingOf(before);
      const { state, head } = stateOf();
      // Whoever is told that a receipt is no good does not come again.
      if (head === undefined)
        throw new AssayError("BUSY", "the chain is still being read: hand it in later", { retryable: true });
      const owner = state.keys.get(key);
      if (owner === undefined || !sameHex(owner.operator, receipt.operator) || receipt.issuedAt > owner.until)
        throw new AssayError("BAD_SIGNATURE", `the key that signed is not one of ${receipt.operator}'s`);
      const endsAt = receipt.issuedAt + RECEIPT_VALIDITY;
      if (head.timestamp >= endsAt)
        throw new AssayError("BAD_PAYMENT", "the receipt has expired: it cannot be challenged any more");
      const release = state.releases.get(receipt.releaseId)?.release;
      if (release === undefined)
        throw new AssayError("BAD_PAYMENT", `there is no release ${receipt.releaseId}`);
      if (keccak(evidence.output) !== receipt.outputHash)
        throw new AssayError("BAD_PAYMENT", "the output is not the one that the receipt is about");
      if (evidence.input.length !== release.inputBytes)
        throw new AssayError(
          "BAD_PAYMENT",
          `the input has ${evidence.input.length} bytes, not ${release.inputBytes}`,
        );
      const pending = [...known.values()].filter(({ verdict }) => verdict === undefined).length;
      if (pending >= MOST_PENDING)
        throw new AssayError("BUSY", "too many receipts wait to be judged: hand it in later", {
          retryable: true,
        });
      const audit = { digest, receipt, signature, verdict: undefined };
      await audits.keep(audit, evidence);
      known.set(digest, audit);
      return standingOf(audit);
    },
    async standing(digest) {
      const audit = known.get(digest) ?? (await audits.find(digest));
      return audit && standingOf(audit);
    },
    short() {
      const { state, head } = stateOf();
      if (head === undefined) return undefined;
      for (const audit of known.values()) {
        if (audit.verdict !== "wrong" || challengeOf(state, audit) !== "none") continue;
        const plan = planOf(audit, state, head);
        if (plan?.take === false && plan.short !== undefined) return plan.short;
      }
      return undefined;
    },
    duties: (state, head) => [
      ...lineDuties(context, state),
      ...purge(head.timestamp),
      ...[...known.values()].flatMap((audit) => dutiesOf(audit, state, head)),
    ],
  };
}

/** Decisions are data with a reason, so that the owner can be told and tests can ask. */
import { formatEther } from "ethers";
import type { Logger } from "../log.ts";

export type ReasonCode =
  | "release-not-served"
  | "named-other"
  | "fee-below-price"
  | "fee-below-cost"
  | "bond-above-limit"
  | "stake-too-low"
  | "exposure-above-limit"
  | "too-many-traces-owed"
  | "reward-below-cost"
  | "bankroll-exhausted";

export interface Refusal {
  readonly take: false;
  readonly code: ReasonCode;
  /** For people, with the figures. */
  readonly reason: string;
}

export type Decision = { readonly take: true } | Refusal;

export const TAKE: Decision = { take: true };

export function leave(code: ReasonCode, reason: string): Refusal {
  return { take: false, code, reason };
}

/** Wei for people: ether. */
export function ether(wei: bigint): string {
  return `${formatEther(wei)} ETH`;
}

export interface Notices {
  /** Logs a refusal once for each subject and code until {@link forget}: at info, or at debug what is nobody's business. */
  refuse(subject: string, fields: Readonly<Record<string, unknown>>, text: string, refusal: Refusal): void;
  forget(subject: string): void;
}

const QUIET: ReadonlySet<ReasonCode> = new Set(["release-not-served", "named-other"] as const);
/** Subjects that are remembered; beyond that the oldest may be logged again. */
const MAX_SUBJECTS = 10_000;

export function createNotices(log: Logger): Notices {
  const said = new Map<string, ReasonCode>();
  return {
    refuse(subject, fields, text, { code, reason }) {
      if (said.get(subject) === code) return;
      said.delete(subject);
      said.set(subject, code);
      const oldest = said.size > MAX_SUBJECTS ? said.keys().next().value : undefined;
      if (oldest !== undefined) said.delete(oldest);
      log[QUIET.has(code) ? "debug" : "info"]({ ...fields, code }, `${text}: ${reason}`);
    },
    forget: (subject) => void said.delete(subject),
  };
}

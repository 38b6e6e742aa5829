/** Recomputing some of the answers: who may be checked any time answers as if each were. */
import { z } from "zod/v4";
import { AssayError } from "../error.ts";
import { sleep } from "../sleep.ts";
import { bytes32 } from "../structs.ts";
import { fetchExchange, peerFailed, readJson, refusalIn, type Exchange } from "./exchange.ts";
import { AUDIT_PATH, toJson, type ReceiptFile } from "./wire.ts";

/** "unknown": it could not be recomputed. */
export type Judgement = "right" | "wrong" | "unknown";

export interface Sample {
  /** Of the answers, from 0 to 1. */
  readonly share: number;
  /** Recomputes an answer. What it throws counts as "unknown". */
  readonly check: (file: ReceiptFile) => Promise<Judgement>;
  /** Whether `infer` waits for it. Default: it does not. */
  readonly wait?: boolean;
  /** Told of each judgement; `cause` is why it is unknown. */
  readonly onJudgement?: (judgement: Judgement, file: ReceiptFile, cause?: unknown) => void;
}

const acceptedSchema = z.object({ digest: bytes32 });
const stateSchema = z.object({
  state: z.enum(["pending", "right", "wrong"]),
  challenge: z.enum(["none", "sent", "queued", "open", "won", "lost"]),
  /** Why a wrong receipt is not challenged (yet). */
  reason: z.string().optional(),
});
export type AuditState = z.output<typeof stateSchema>;

const MAX_BYTES = 2 ** 12;

export interface AuditOptions {
  /** Default 600. */
  readonly timeoutSeconds?: number;
  /** Default 1. */
  readonly pollSeconds?: number;
  readonly exchange?: Exchange;
  readonly signal?: AbortSignal;
}

/**
 * Hands a receipt to a verifier's node, which recomputes it, and challenges it if it is wrong and pays.
 * @param url The node's, as its owner or whoever trusts it says; it may be on a private network.
 * @returns where it stands once it is judged.
 * @throws {AssayError} PEER_FAILED, TIMED_OUT, or what the node says; the signal's reason.
 */
export async function audit(url: string, file: ReceiptFile, options: AuditOptions = {}): Promise<AuditState> {
  const { timeoutSeconds = 600, pollSeconds = 1, exchange = fetchExchange, signal } = options;
  const until = Date.now() + timeoutSeconds * 1000;
  const base = `${url.replace(/\/+$/, "")}${AUDIT_PATH}`;
  const ask = { maxBytes: MAX_BYTES, trusted: true, signal };
  const timeoutMs = 30_000;
  const headers = { "content-type": "application/json" };
  const sent = await exchange({ ...ask, url: base, body: toJson(file), headers, timeoutMs });
  if (sent.status !== 202 && sent.status !== 200) {
    const { code = "PEER_FAILED", words } = refusalIn(sent);
    throw new AssayError(code, `${base}: ${words}`, { retryable: sent.status >= 500 });
  }
  const { digest } = readJson(acceptedSchema, base, sent);
  for (;;) {
    const place = `${base}/${digest}`;
    const said = await exchange({ ...ask, url: place, timeoutMs });
    if (said.status !== 200) throw peerFailed(place, refusalIn(said).words);
    const state = readJson(stateSchema, place, said);
    if (state.state !== "pending") return state;
    if (Date.now() > until)
      throw new AssayError("TIMED_OUT", `${base} has not judged the receipt yet`, { retryable: true });
    await sleep(pollSeconds * 1000, signal);
  }
}

/** A check for {@link Sample}: {@link audit}. */
export function auditWith(url: string, options: AuditOptions = {}): Sample["check"] {
  return async (file) => {
    const { state } = await audit(url, file, options);
    return state === "pending" ? "unknown" : state;
  };
}

/** Never rejects. */
export async function judge({ check, onJudgement }: Sample, file: ReceiptFile): Promise<Judgement> {
  let judgement: Judgement = "unknown";
  let cause: unknown;
  try {
    judgement = await check(file);
  } catch (error) {
    cause = error;
  }
  try {
    onJudgement?.(judgement, file, cause);
  } catch {
    // A listener's own failure is no judgement.
  }
  return judgement;
}

/** @throws {AssayError} BAD_CONFIG */
export function checkSample({ share }: Sample): void {
  if (share >= 0 && share <= 1) return;
  throw new AssayError("BAD_CONFIG", `the share of answers to recompute is from 0 to 1, not ${share}`);
}

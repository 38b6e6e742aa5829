/** Hands every receipt to a verifier, or to both, until it is taken. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod/v4";
import type { Rng } from "../../../program/src/testing/rng.ts";
import { fetchExchange } from "../../../sdk/src/infer/exchange.ts";
import { AUDIT_PATH, toJson, type ReceiptFile } from "../../../sdk/src/infer/wire.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { VERIFIERS, type VerifierName } from "../rules.ts";
import type { Stage } from "../stage.ts";

/** "none": no answer, or the receipt is not known. */
export type Judged = "pending" | "right" | "wrong" | "none";

export interface Desk {
  hand(digest: Hex, file: ReceiptFile): void;
  /** By digest: who took it. */
  readonly taken: ReadonlyMap<Hex, ReadonlySet<VerifierName>>;
  /** Receipts that somebody has not taken yet. */
  readonly waiting: () => number;
  /** What those who took it say of it now. */
  judgements(digest: Hex): Promise<readonly Judged[]>;
}

const AGAIN_MS = 1500;
const TIMEOUT_MS = 10_000;
const LIMITS = { maxBytes: 2 ** 12, timeoutMs: TIMEOUT_MS, trusted: true };
const standingSchema = z.object({ state: z.enum(["pending", "right", "wrong"]) });
const ACCEPTED = 202;
/** Share of the receipts that both judge: two challengers of one receipt share its bond. */
const BOTH = 0.25;

/** @param signal Ends what nobody takes. */
export function createDesk({ doors }: Pick<Stage, "doors">, rng: Rng, signal: AbortSignal): Desk {
  const taken = new Map<Hex, Set<VerifierName>>();
  let waiting = 0;

  async function isTaken(verifier: VerifierName, body: string): Promise<boolean> {
    const headers = { "content-type": "application/json" };
    const ask = { url: `http://${doors[verifier]}${AUDIT_PATH}`, body, headers };
    const said = await fetchExchange({ ...LIMITS, ...ask }).catch(() => undefined);
    return said?.status === ACCEPTED;
  }

  async function handTo(verifier: VerifierName, digest: Hex, file: ReceiptFile): Promise<void> {
    const body = toJson(file);
    for (; !signal.aborted; await sleep(AGAIN_MS)) {
      if (!(await isTaken(verifier, body))) continue;
      taken.get(digest)?.add(verifier);
      return;
    }
  }

  async function askOf(verifier: VerifierName, digest: Hex): Promise<Judged> {
    const url = `http://${doors[verifier]}${AUDIT_PATH}/${digest}`;
    const said = await fetchExchange({ ...LIMITS, url }).catch(() => undefined);
    return said?.status === 200
      ? standingSchema.parse(JSON.parse(Buffer.from(said.body).toString())).state
      : "none";
  }

  return {
    hand(digest, file) {
      const one = rng.pick(VERIFIERS);
      const verifiers = rng.chance(BOTH) ? VERIFIERS : [one];
      taken.set(digest, new Set());
      waiting++;
      void Promise.all(verifiers.map((verifier) => handTo(verifier, digest, file))).then(() => waiting--);
    },
    taken,
    waiting: () => waiting,
    judgements: (digest) =>
      Promise.all([...(taken.get(digest) ?? [])].map((verifier) => askOf(verifier, digest))),
  };
}

/** A sender for commands that open no database: what it has sent is forgotten when the process ends. */
import type { JsonRpcApiProvider } from "ethers";
import type { Logger } from "../log.ts";
import type { Sender } from "./outbox/intent.ts";
import { memoryJournal } from "./outbox/memory.ts";
import { createOutbox } from "./outbox/outbox.ts";
import type { Signer } from "./signer.ts";

export interface SenderOptions {
  readonly signer: Signer;
  readonly provider: JsonRpcApiProvider;
  readonly chainId: number;
  readonly log: Logger;
  readonly pollMs?: number;
}

/** Somebody waits for it: it may cost more than work that can wait, and must end. */
const CAP_WEI = 500_000_000_000n;
const WAIT_MS = 300_000;
const CLOSE_MS = 30_000;

export function createSender(options: SenderOptions): Sender {
  const journal = memoryJournal();
  const fees = { routineCapWei: CAP_WEI, patienceSeconds: 30 };
  return createOutbox({ ...options, journal, fees, waitMs: WAIT_MS, closeMs: CLOSE_MS });
}

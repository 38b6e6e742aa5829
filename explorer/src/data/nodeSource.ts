/** A node's own data, over its HTTP server. */
import type { ContractRunner, TransactionRequest } from "ethers";
import type { z } from "zod/v4";
import { AssayError } from "../../../sdk/src/error.ts";
import { hex, type Hex } from "../../../sdk/src/structs.ts";
import {
  authoritySchema,
  callSchema,
  logPageSchema,
  outlineSchema,
  releaseSchema,
  statusSchema,
  transactionSchema,
  type Status,
} from "../../../verifier/src/api/schema.ts";
import type { Outline } from "../../../verifier/src/releases/outlined.ts";
import { isDType } from "./dtypes.ts";
import { pause, type Sink, type Source } from "./source.ts";

/** Pages ask this often even without being told, milliseconds. */
const POLL_MS = 15_000;
const RETRY_MS = 3000;

/** Of a log, in one history of the chain. */
interface Place {
  readonly origin: string;
  readonly epoch: number;
  readonly block: number;
  readonly index: number;
}

class Status4xx extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`the node answers ${status}`);
    this.status = status;
  }
}

async function get<S extends z.ZodType>(base: URL, path: string, schema: S): Promise<z.output<S>> {
  const response = await fetch(new URL(path, base), { signal: AbortSignal.timeout(30_000) });
  if (response.status >= 400 && response.status < 500) throw new Status4xx(response.status);
  if (!response.ok)
    throw new AssayError("RPC_FAILED", `the node answers ${response.status}: try again`, { retryable: true });
  return schema.parse(await response.json());
}

async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Status4xx && error.status === 404) return undefined;
    throw error;
  }
}

/** ethers' contracts call through it. */
function runnerAt(base: URL): ContractRunner {
  return {
    provider: null,
    async call(transaction: TransactionRequest) {
      const query = new URLSearchParams({
        to: typeof transaction.to === "string" ? transaction.to : "",
        data: hex.parse(transaction.data ?? "0x"),
      });
      const answer = await get(base, `api/call?${query.toString()}`, callSchema);
      if ("result" in answer) return answer.result;
      throw Object.assign(new Error("the contract refuses"), { data: answer.revert });
    },
  };
}

/** Whether anything is new: an event of the node, or some time. */
function news(base: URL): {
  readonly next: (signal: AbortSignal) => Promise<void>;
  readonly close: () => void;
} {
  const events = new EventSource(new URL("api/events", base));
  let wake: () => void = () => undefined;
  let pending = false;
  events.onmessage = () => {
    pending = true;
    wake();
  };
  return {
    async next(signal) {
      const woken = new Promise<void>((resolve) => (wake = resolve));
      if (!pending) await Promise.race([woken, pause(POLL_MS, signal)]);
      pending = false;
    },
    close: () => events.close(),
  };
}

/** @returns undefined if no node serves this page. */
export async function openNode(base: URL): Promise<Source | undefined> {
  let first: Status;
  try {
    first = await get(base, "api/status", statusSchema);
  } catch {
    return undefined;
  }
  const status = (): Promise<Status> => get(base, "api/status", statusSchema);

  /** Reads all that is stored after a place. @returns where that ends. */
  async function readFrom(from: Place, sink: Sink, head: number, signal: AbortSignal): Promise<Place> {
    let at = from;
    for (let more = true; more && !signal.aborted;) {
      const path = `api/logs/${at.origin}/${at.epoch}/${at.block}/${at.index}`;
      const page = await get(base, path, logPageSchema);
      sink.append(page.logs);
      const last = page.logs.at(-1);
      if (last !== undefined) at = { ...at, block: last.blockNumber, index: last.logIndex };
      ({ more } = page);
      if (head > 0) sink.progress(more ? at.block / head : 1);
    }
    return at;
  }

  async function follow(sink: Sink, signal: AbortSignal): Promise<void> {
    const events = news(base);
    let at: Place | undefined;
    while (!signal.aborted) {
      try {
        const { origin, epoch, head } = await status();
        if (at !== undefined && (at.origin !== origin || at.epoch !== epoch)) {
          // The first event gives the history its name.
          if (at.origin !== "none" || at.epoch !== epoch) sink.reset();
          at = undefined;
        }
        at ??= { origin, epoch, block: 0, index: -1 };
        at = await readFrom(at, sink, head?.number ?? 0, signal);
        if (head !== null) sink.head(head);
        sink.problem(undefined);
        await events.next(signal);
      } catch (error) {
        // Moved meanwhile: the next status tells.
        if (error instanceof Status4xx && error.status === 409) continue;
        sink.problem(error);
        await pause(RETRY_MS, signal);
      }
    }
    events.close();
  }

  return {
    name: "this node",
    deployment: first.deployment,
    runner: runnerAt(base),
    follow,
    transaction: (hash) => orUndefined(get(base, `api/transactions/${hash}`, transactionSchema)),
    authority: () => get(base, "api/authority", authoritySchema),
    node: {
      status,
      release: (releaseId) => get(base, `api/releases/${releaseId}`, releaseSchema),
      async outline(releaseId: Hex): Promise<Outline | undefined> {
        const found = await orUndefined(get(base, `api/releases/${releaseId}/outline`, outlineSchema));
        if (found === undefined) return undefined;
        const instructions = found.instructions.flatMap(({ dtype, ...rest }) =>
          isDType(dtype) ? [{ ...rest, dtype }] : [],
        );
        return { programRoot: found.programRoot, instructions };
      },
    },
  };
}

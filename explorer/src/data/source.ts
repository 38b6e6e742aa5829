/** Where the page's data comes from: a node that serves it, or the chain itself. */
import type { ContractRunner } from "ethers";
import type { Deployment } from "../../../sdk/src/deployment.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import type { ReleaseReport, Status, TransactionReport } from "../../../verifier/src/api/schema.ts";
import type { ChainLog } from "../../../verifier/src/chain/log.ts";
import type { Outline } from "../../../verifier/src/releases/outlined.ts";

export interface Head {
  readonly number: number;
  /** Unix seconds. */
  readonly timestamp: number;
  /** Wei; null before EIP-1559. */
  readonly baseFee: bigint | null;
}

/** Told of what is read. */
export interface Sink {
  /** Forget all logs: the chain was reorganised. */
  reset(): void;
  append(logs: readonly ChainLog[]): void;
  /** All logs up to this block have been given. */
  head(head: Head): void;
  /** Between 0 and 1, while old logs are read. */
  progress(share: number): void;
  /** It is tried again; undefined: it works again. */
  problem(error: unknown): void;
}

/** What only a node can tell. */
export interface NodeSource {
  status(): Promise<Status>;
  release(releaseId: Hex): Promise<ReleaseReport>;
  /** @returns undefined if the node has not lowered the file, or it is too large to show. */
  outline(releaseId: Hex): Promise<Outline | undefined>;
}

export interface Source {
  /** For people: "this node", or the endpoint's host. */
  readonly name: string;
  readonly deployment: Deployment;
  readonly node: NodeSource | undefined;
  /** For calls of the deployment's contracts in the newest block. */
  readonly runner: ContractRunner;
  /** Follows the chain until the signal is aborted. */
  follow(sink: Sink, signal: AbortSignal): Promise<void>;
  transaction(hash: Hex): Promise<TransactionReport | undefined>;
  /** The access manager that the market obeys, and its logs. */
  authority(): Promise<{ readonly address: Hex; readonly logs: readonly ChainLog[] }>;
}

export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}

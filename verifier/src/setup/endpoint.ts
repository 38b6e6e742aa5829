/** What an RPC endpoint says of itself. */
import { performance } from "node:perf_hooks";
import { z } from "zod/v4";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { quantity } from "../../../sdk/src/structs.ts";
import { openTransport } from "../chain/rpc/open.ts";
import { EndpointError } from "../chain/rpc/transport.ts";

/** What an address that is none is told. */
export const NO_ENDPOINT = "an RPC endpoint is an http(s) or ws(s) address";

export interface EndpointInfo {
  readonly url: string;
  readonly chainId: number;
  /** Newest block. */
  readonly height: number;
  /** Of that block, unix seconds. */
  readonly timestamp: number;
  /** Milliseconds of one question, its answer included. */
  readonly latencyMs: number;
}

const head = z.object({ number: quantity, timestamp: quantity });

/** An address without what may be a key: scheme and host. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : "an address that is none";
}

/** Whether only this machine can reach an address. */
export function isLoopback(url: string): boolean {
  return URL.canParse(url) && /^(localhost|127\..*|\[::1\])$/.test(new URL(url).hostname);
}

const MAX_BYTES = 2 ** 20;
const TIMEOUT_MS = 15_000;

/** @throws {AssayError} BAD_CONFIG, RPC_FAILED; without the address, which may hold a key. */
export async function askEndpoint(url: string): Promise<EndpointInfo> {
  if (!/^(https?|wss?):/i.test(url) || !URL.canParse(url)) throw new AssayError("BAD_CONFIG", NO_ENDPOINT);
  // Its chain is not known yet, so it cannot be asked as one of the endpoints of a chain.
  const transport = openTransport(url, MAX_BYTES);
  const ask = async (method: string, params: readonly unknown[]): Promise<unknown> => {
    const answer = await transport.request(method, params, { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES });
    if ("result" in answer) return answer.result;
    const { code, message } = answer.error;
    throw new EndpointError("answer", `${code} ${message.slice(0, 200)}`, { rpc: answer.error });
  };
  try {
    const chainId = quantity.parse(await ask("eth_chainId", []));
    const before = performance.now();
    const { number, timestamp } = head.parse(await ask("eth_getBlockByNumber", ["latest", false]));
    const latencyMs = Math.round(performance.now() - before);
    return { url, chainId, height: number, timestamp, latencyMs };
  } catch (cause) {
    const what = cause instanceof z.ZodError ? "its answers are not an Ethereum node's" : messageOf(cause);
    throw new AssayError("RPC_FAILED", `${hostOf(url)} does not answer as an RPC endpoint: ${what}`, {
      retryable: true,
      cause,
    });
  } finally {
    transport.close();
  }
}

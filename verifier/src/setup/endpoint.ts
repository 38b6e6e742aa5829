/** What an RPC endpoint says of itself. */
import { performance } from "node:perf_hooks";
import { JsonRpcProvider } from "ethers";
import { z } from "zod/v4";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { createProvider } from "../node.ts";

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

const quantity = z
  .string()
  .regex(/^0x[0-9a-f]{1,13}$/i)
  .transform(Number);
const head = z.object({ number: quantity, timestamp: quantity });

/** An address without what may be a key: scheme and host. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : "an address that is none";
}

/** @throws {AssayError} RPC_FAILED, without the address, which may hold a key. */
export async function askEndpoint(url: string): Promise<EndpointInfo> {
  // The chain is what is asked for here; no answer is believed because of it.
  const provider: JsonRpcProvider = createProvider(url, 1);
  try {
    const chainId = quantity.parse(await provider.send("eth_chainId", []));
    const before = performance.now();
    const { number, timestamp } = head.parse(await provider.send("eth_getBlockByNumber", ["latest", false]));
    const latencyMs = Math.round(performance.now() - before);
    return { url, chainId, height: number, timestamp, latencyMs };
  } catch (cause) {
    const what = cause instanceof z.ZodError ? "its answers are not an Ethereum node's" : messageOf(cause);
    throw new AssayError("RPC_FAILED", `${hostOf(url)} does not answer as an RPC endpoint: ${what}`, {
      retryable: true,
      cause,
    });
  } finally {
    provider.destroy();
  }
}

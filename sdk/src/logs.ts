/** Reading logs of a long range from endpoints that limit what one query may span. */
import type { Log, Provider } from "ethers";
import { AssayError, messageOf } from "./error.ts";
import { createSpans } from "./spans.ts";

export interface LogFilter {
  readonly address: string;
  /** As for eth_getLogs. */
  readonly topics: (string | string[] | null)[];
}

/**
 * Logs from `from` to the newest block, in order. The span is halved whenever the endpoint refuses it, and grows again.
 * @throws {AssayError} RPC_FAILED if it refuses even single blocks.
 */
export async function readLogs(provider: Provider, filter: LogFilter, from: number): Promise<Log[]> {
  const head = await provider.getBlockNumber();
  const logs: Log[] = [];
  const spans = createSpans({ max: Infinity });
  for (let at = from; at <= head;) {
    const toBlock = Math.min(head, at + spans.size() - 1);
    const blocks = toBlock - at + 1;
    try {
      const found = await provider.getLogs({ ...filter, fromBlock: at, toBlock });
      for (const log of found) logs.push(log);
      spans.took(blocks, found.length);
      at = toBlock + 1;
    } catch (cause) {
      if (blocks === 1)
        throw new AssayError("RPC_FAILED", `eth_getLogs: ${messageOf(cause)}`, { retryable: true, cause });
      spans.refused(blocks);
    }
  }
  return logs;
}

/** Reading logs of a long range from endpoints that limit what one query may span. */
import type { Log, Provider } from "ethers";
import { AssayError, messageOf } from "./error.ts";
import { reading } from "./send.ts";
import { createSpans } from "./spans.ts";

export interface LogFilter {
  readonly address: string | string[];
  /** As for eth_getLogs. */
  readonly topics?: (string | string[] | null)[];
}

/** Told how many blocks of how many have been read. */
export type OnBlocks = (read: number, total: number) => void;

/**
 * Logs from `from` to the newest block or `until`, in order. The span is halved whenever the endpoint refuses it, and grows again.
 * @throws {AssayError} RPC_FAILED if it does not answer, or refuses even single blocks.
 */
export async function readLogs(
  provider: Provider,
  filter: LogFilter,
  from: number,
  onBlocks?: OnBlocks,
  until?: number,
): Promise<Log[]> {
  const head = until ?? (await reading("eth_blockNumber", provider.getBlockNumber()));
  const total = Math.max(0, head - from + 1);
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
      onBlocks?.(at - from, total);
    } catch (cause) {
      if (blocks === 1)
        throw new AssayError("RPC_FAILED", `eth_getLogs: ${messageOf(cause)}`, { retryable: true, cause });
      spans.refused(blocks);
    }
  }
  return logs;
}

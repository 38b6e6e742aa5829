/** Reading logs of a long range from endpoints that limit what one query may span. */
import type { Log, Provider } from "ethers";
import { AssayError, messageOf } from "./error.ts";

export interface LogFilter {
  readonly address: string | string[];
  /** As for eth_getLogs. */
  readonly topics?: (string | string[] | null)[];
}

/** Told how many blocks of how many have been read. */
export type OnBlocks = (read: number, total: number) => void;

/**
 * Logs from `from` to the newest block, in order. The span is halved whenever the endpoint refuses it.
 * @throws {AssayError} RPC_FAILED if it refuses even single blocks.
 */
export async function readLogs(
  provider: Provider,
  filter: LogFilter,
  from: number,
  onBlocks?: OnBlocks,
): Promise<Log[]> {
  const head = await provider.getBlockNumber();
  const total = Math.max(0, head - from + 1);
  const logs: Log[] = [];
  let span = Math.max(1, total);
  for (let at = from; at <= head;) {
    const toBlock = Math.min(head, at + span - 1);
    try {
      logs.push(...(await provider.getLogs({ ...filter, fromBlock: at, toBlock })));
      at = toBlock + 1;
      onBlocks?.(at - from, total);
    } catch (cause) {
      if (span === 1)
        throw new AssayError("RPC_FAILED", `eth_getLogs: ${messageOf(cause)}`, { retryable: true, cause });
      span = Math.ceil(span / 2);
    }
  }
  return logs;
}

/** The chain itself, by any JSON-RPC endpoint that serves logs. */
import { JsonRpcProvider, Log, Network, type LogParams } from "ethers";
import { checkChain } from "../../../sdk/src/contracts.ts";
import type { Deployment } from "../../../sdk/src/deployment.ts";
import { readLogs } from "../../../sdk/src/logs.ts";
import { bytes32, type Hex } from "../../../sdk/src/structs.ts";
import type { ChainLog } from "../../../verifier/src/chain/log.ts";
import { authorityOf, plainLog, readTransaction } from "../../../verifier/src/chain/read.ts";
import { pause, type Sink, type Source } from "./source.ts";

/** Blocks that may still be undone: they are read again with each new head. */
const FINALITY = 64;
const POLL_MS = 4000;
const HEADERS_AT_ONCE = 50;

/** Endpoints that say the time of a log's block with the log save us its header. */
class Chain extends JsonRpcProvider {
  readonly times = new Map<Hex, number>();

  override _wrapLog(value: LogParams, network: Network): Log {
    const time: unknown = Reflect.get(value, "blockTimestamp");
    if (typeof time === "string") this.times.set(bytes32.parse(value.blockHash), Number(time));
    return super._wrapLog(value, network);
  }
}

async function readRange(
  chain: Chain,
  addresses: readonly Hex[],
  from: number,
  until: number,
  onShare: (share: number) => void = () => undefined,
): Promise<ChainLog[]> {
  const onBlocks = (read: number, total: number): void => onShare(total === 0 ? 1 : read / total);
  const logs = await readLogs(chain, { address: [...addresses] }, from, onBlocks, until);
  const undated = [
    ...new Map(
      logs
        .filter((log) => !chain.times.has(bytes32.parse(log.blockHash)))
        .map((log) => [log.blockHash, log.blockNumber]),
    ),
  ];
  for (let i = 0; i < undated.length; i += HEADERS_AT_ONCE)
    await Promise.all(
      undated.slice(i, i + HEADERS_AT_ONCE).map(async ([hash, number]) => {
        const block = await chain.getBlock(number);
        if (block?.hash === hash) chain.times.set(bytes32.parse(hash), block.timestamp);
      }),
    );
  return logs.map((log) => plainLog(log, chain.times.get(bytes32.parse(log.blockHash)) ?? 0));
}

function nameOf({ blockHash, logIndex }: ChainLog): string {
  return `${blockHash}:${logIndex}`;
}

/** @throws {AssayError} as `checkChain`. */
export async function openRpc(url: string, deployment: Deployment): Promise<Source> {
  const network = Network.from(deployment.chainId);
  const chain = new Chain(url, network, { staticNetwork: network, batchMaxCount: 20, cacheTimeout: -1 });
  await checkChain(deployment, chain);
  const { registry, market, game, directory, receipts, receiptsGame } = deployment.addresses;
  const followed = [registry, market, game, directory, receipts, receiptsGame];

  async function follow(sink: Sink, signal: AbortSignal): Promise<void> {
    /** Logs of blocks below `next` are never undone. */
    let next = deployment.block;
    let final: ChainLog[] = [];
    let tail: ChainLog[] = [];
    let seen: string | undefined;
    while (!signal.aborted) {
      try {
        const block = await chain.getBlock("latest");
        if (block !== null && block.hash !== seen) {
          const logs = await readRange(chain, followed, next, block.number, (share) => sink.progress(share));
          const same = tail.every((log, i) => logs[i] !== undefined && nameOf(log) === nameOf(logs[i]));
          if (same) sink.append(logs.slice(tail.length));
          else {
            sink.reset();
            sink.append([...final, ...logs]);
          }
          const keep = Math.max(next, block.number - FINALITY + 1);
          const settled = logs.filter((log) => log.blockNumber < keep);
          final = [...final, ...settled];
          tail = logs.slice(settled.length);
          next = keep;
          seen = block.hash ?? undefined;
          sink.head({ number: block.number, timestamp: block.timestamp, baseFee: block.baseFeePerGas });
        }
        sink.problem(undefined);
      } catch (error) {
        sink.problem(error);
      }
      await pause(POLL_MS, signal);
    }
    chain.destroy();
  }

  return {
    name: new URL(url).host,
    deployment,
    node: undefined,
    runner: chain,
    follow,
    transaction: (hash) => readTransaction(chain, hash),
    async authority() {
      const at = await authorityOf(chain, market);
      return {
        address: at,
        logs: await readRange(chain, [at], deployment.block, await chain.getBlockNumber()),
      };
    },
  };
}

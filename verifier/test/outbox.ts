/** A chain with a contract that says what it was called with, for tests of the outbox. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { toBeHex } from "ethers";
import { z } from "zod/v4";
import { sameHex } from "../../sdk/src/structs.ts";
import type { Sender } from "../src/chain/outbox/intent.ts";
import type { Journal } from "../src/chain/outbox/journal.ts";
import { createOutbox, type OutboxOptions } from "../src/chain/outbox/outbox.ts";
import { walletSigner } from "../src/chain/signer.ts";
import { finished, type Finished } from "./command.ts";
import { ECHO, ECHO_CODE, keyTopic } from "./echo.ts";
import { startChain, type TestChain } from "./chain.ts";
import type { ChildSettings } from "./outboxChild.ts";
import { testLog } from "./world.ts";

export interface EchoChain extends TestChain {
  /** How often a key's call was mined with success. */
  count(key: string): Promise<number>;
  /** From now on calls revert, or no longer do. */
  setBroken(broken: boolean): Promise<void>;
  /** Transactions in the pool of an account: nonce to hash. */
  pool(address: string): Promise<Map<number, { hash: string; maxFeePerGas: bigint }>>;
  mine(blocks?: number): Promise<void>;
  /** Mines a block with this base fee, wei per gas. */
  setBaseFee(wei: bigint): Promise<void>;
  automine(on: boolean): Promise<void>;
  sender(account: number, journal: Journal, options?: Partial<OutboxOptions>): Sender;
}

const poolSchema = z.record(
  z.string(),
  z.record(z.string(), z.record(z.string(), z.object({ hash: z.string(), maxFeePerGas: z.string() }))),
);

export async function startEchoChain(): Promise<EchoChain> {
  const chain = await startChain();
  const { provider } = chain;
  await provider.send("anvil_setCode", [ECHO, ECHO_CODE]);

  async function mine(blocks = 1): Promise<void> {
    await provider.send("anvil_mine", [toBeHex(blocks)]);
  }

  return {
    ...chain,
    async count(key) {
      const topics = [keyTopic(key)];
      return (await provider.getLogs({ address: ECHO, topics, fromBlock: 0, toBlock: "latest" })).length;
    },
    async setBroken(broken) {
      await provider.send("anvil_setStorageAt", [ECHO, toBeHex(0, 32), toBeHex(broken ? 1 : 0, 32)]);
    },
    async pool(address) {
      const { pending = {}, queued = {} } = poolSchema.parse(await provider.send("txpool_content", []));
      const mine = [pending, queued].flatMap((part) =>
        Object.entries(part).filter(([from]) => sameHex(from, address)),
      );
      return new Map(
        mine.flatMap(([, transactions]) =>
          Object.entries(transactions).map(([nonce, { hash, maxFeePerGas }]) => [
            Number(nonce),
            { hash, maxFeePerGas: BigInt(maxFeePerGas) },
          ]),
        ),
      );
    },
    mine,
    async setBaseFee(wei) {
      await provider.send("anvil_setNextBlockBaseFeePerGas", [toBeHex(wei)]);
      await mine();
    },
    async automine(on) {
      await provider.send("evm_setAutomine", [on]);
    },
    sender: (account, journal, options = {}) =>
      createOutbox({
        journal,
        signer: walletSigner(chain.wallet(account)),
        chainId: 31337,
        provider,
        log: testLog,
        pollMs: 20,
        ...options,
      }),
  };
}

interface RunningOutbox {
  readonly pid: number | undefined;
  readonly kill: () => void;
  readonly ended: Promise<Finished>;
}

/** Sends keys in a process of its own. */
export function runOutbox(settings: ChildSettings): RunningOutbox {
  const script = join(import.meta.dirname, "outboxChild.ts");
  const child = spawn(process.execPath, ["--import", "tsx", script, JSON.stringify(settings)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { pid: child.pid, kill: () => child.kill("SIGKILL"), ended: finished(child) };
}

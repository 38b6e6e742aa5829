/** A chain with a contract that says what it was called with, for tests of the outbox. */
import { setTimeout as sleep } from "node:timers/promises";
import { encodeBytes32String, toBeHex } from "ethers";
import { z } from "zod/v4";
import { sameHex, type Hex } from "../../sdk/src/structs.ts";
import type { Intent, Sender } from "../src/chain/outbox/intent.ts";
import type { Journal } from "../src/chain/outbox/journal.ts";
import { createOutbox, type OutboxOptions } from "../src/chain/outbox/outbox.ts";
import { walletSigner } from "../src/chain/signer.ts";
import { startChain, type TestChain } from "./chain.ts";
import { testLog } from "./world.ts";

/** Emits a log with the first word of its calldata as topic; reverts instead while its first slot is not zero. */
const ECHO: Hex = "0x00000000000000000000000000000000000ec400";
const ECHO_CODE = "0x5f54600b575f355f5fa1005b5f5ffd";

export interface EchoChain extends TestChain {
  /** How often a key's call was mined with success. */
  count(key: string): Promise<number>;
  /** From now on calls revert, or no longer do. */
  setBroken(broken: boolean): Promise<void>;
  /** Transactions in the pool of an account: nonce to hash. */
  pool(address: string): Promise<Map<number, { hash: string; maxFeePerGas: bigint }>>;
  mine(blocks?: number): Promise<void>;
  automine(on: boolean): Promise<void>;
  sender(account: number, journal: Journal, options?: Partial<OutboxOptions>): Sender;
}

const poolSchema = z.record(
  z.string(),
  z.record(z.string(), z.record(z.string(), z.object({ hash: z.string(), maxFeePerGas: z.string() }))),
);

export function keyTopic(key: string): Hex {
  return `0x${encodeBytes32String(key).slice(2)}`;
}

export function echoCall(key: string, extra: Partial<Intent> = {}): Intent {
  return { key, label: "echo", to: ECHO, data: keyTopic(key), ...extra };
}

export async function startEchoChain(): Promise<EchoChain> {
  const chain = await startChain();
  const { provider } = chain;
  await provider.send("anvil_setCode", [ECHO, ECHO_CODE]);
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
    async mine(blocks = 1) {
      await provider.send("anvil_mine", [toBeHex(blocks)]);
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

/** Resolves once `holds`; the test's own time limit ends the waiting. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await sleep(20);
}

/** A deployed chain with a published model, for tests that play on it. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NetworkParameters } from "../../scripts/networks.ts";
import { connect, type Contracts } from "../../sdk/src/contracts.ts";
import type { Deployment } from "../../sdk/src/deployment.ts";
import type { Hex } from "../../sdk/src/structs.ts";
import { createEndpoints, type Endpoints } from "../src/chain/endpoints.ts";
import type { Sender } from "../src/chain/outbox/intent.ts";
import { createSender } from "../src/chain/send.ts";
import { walletSigner } from "../src/chain/signer.ts";
import { openStore } from "../src/content/store.ts";
import { createLogger, type Logger } from "../src/log.ts";
import { describeModel, type ModelDescription } from "../src/releases/describe.ts";
import { createModel, publishRelease, type Published } from "../src/releases/publish.ts";
import { toleranceBits } from "../src/releases/release.ts";
import { deployTo, startChain, type TestChain } from "./chain.ts";
import { until } from "./until.ts";

export interface World {
  readonly chain: TestChain;
  readonly deployment: Deployment;
  readonly contracts: Contracts;
  readonly endpoints: Endpoints;
  /** Of account 0, which deployed and publishes. */
  readonly publisher: Sender;
  readonly folder: string;
  readonly contentDirectory: string;
  readonly log: Logger;
  stop(): Promise<void>;
}

export interface PublishedModel extends Published {
  readonly model: ModelDescription;
}

/** Test logs: ASSAY_TEST_LOG=info shows them. */
export const testLog = createLogger(process.env["ASSAY_TEST_LOG"] === "info" ? "info" : "silent", 2, false);

export interface WorldOptions {
  /** Seconds between blocks, once everything is set up; 0: a block per transaction. Default 1. */
  readonly blockSeconds?: number;
  /** Those of a development chain by default. */
  readonly rules?: NetworkParameters;
}

export async function startWorld({ blockSeconds = 1, rules }: WorldOptions = {}): Promise<World> {
  const chain = await startChain();
  const folder = mkdtempSync(join(tmpdir(), "assay-world-"));
  try {
    const deployment = await deployTo(chain.url, rules);
    const wallet = chain.wallet(0);
    const { chainId } = deployment;
    const endpoints = createEndpoints({ urls: [chain.url], chainId, log: testLog });
    const publisher = createSender({
      signer: walletSigner(wallet),
      provider: chain.provider,
      chainId,
      log: testLog,
      pollMs: 50,
    });
    if (blockSeconds > 0) await chain.provider.send("evm_setIntervalMining", [blockSeconds]);
    return {
      chain,
      deployment,
      contracts: connect(deployment, wallet),
      endpoints,
      publisher,
      folder,
      contentDirectory: join(folder, "content"),
      log: testLog,
      async stop() {
        await publisher.close();
        endpoints.close();
        await chain.stop();
        rmSync(folder, { recursive: true });
      },
    };
  } catch (error) {
    await chain.stop();
    throw error;
  }
}

export async function publishFile(world: World, file: Uint8Array, tolerance = 0): Promise<PublishedModel> {
  const store = await openStore(world.contentDirectory);
  const model = describeModel(file, {});
  const { cid } = await store.put(file, { keep: true });
  const { contracts, publisher } = world;
  const modelId = await createModel(contracts, publisher, "");
  const contentUri = `ipfs://${cid.toString()}`;
  const options = { modelId, contentUri, atol: toleranceBits(tolerance), rtol: 0, royaltyBps: 500 };
  return { ...(await publishRelease(contracts, publisher, model, options)), model };
}

export function exampleModel(name: "digits" | "breast-cancer"): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../examples/models/${name}/${name}.onnx`, import.meta.url)));
}

export function addressOf({ chain }: Pick<World, "chain">, account: number): Hex {
  return `0x${chain.wallet(account).address.slice(2)}`;
}

/** Time for nodes to do what they should not. */
export async function blocksPass({ chain: { provider } }: World): Promise<void> {
  const { number = 0 } = (await provider.getBlock("latest")) ?? {};
  await until("blocks pass", async () => (await provider.getBlockNumber()) > number + 3);
}

/** Makes a block this much later. */
export async function pass({ chain }: World, seconds: number): Promise<void> {
  await chain.provider.send("evm_increaseTime", [seconds]);
  await chain.provider.send("evm_mine", []);
}

/** Deposits stake from a funded account. */
export async function stake(world: World, account: number, wei: bigint): Promise<void> {
  const wallet = world.chain.wallet(account);
  const vault = connect(world.deployment, wallet).vault;
  await (await vault.deposit({ value: wei })).wait();
}

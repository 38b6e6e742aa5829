/** How fast a node catches up with a chain: real events of the deployed contracts, a real anvil, the node's own follower. */
import { setTimeout as sleep } from "node:timers/promises";
import { Announcer__factory } from "../types/ethers-contracts/index.js";
import { createEndpoints } from "../verifier/src/chain/endpoints.ts";
import { follow } from "../verifier/src/chain/follow.ts";
import { rpcSource } from "../verifier/src/chain/source.ts";
import { eventOf } from "../verifier/src/chain/state.ts";
import { gently } from "../verifier/src/gently.ts";
import { exampleModel, publishFile, startWorld, testLog, type World } from "../verifier/test/world.ts";
import type { Figure } from "./figure.ts";
import { startGapMeter } from "./gaps.ts";

const EVENTS = 100_000;
const PER_BLOCK = 100;
const URI = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
const AT_ONCE = 20;

/** A model's owner announces content, {@link PER_BLOCK} events in each block. */
async function emit(world: World): Promise<void> {
  const { chain, deployment, contracts } = world;
  const { releaseId, release } = await publishFile(world, exampleModel("digits"));
  const owner = chain.wallet(0);
  const announcer = await (await new Announcer__factory(owner).deploy()).waitForDeployment();
  const to = await announcer.getAddress();
  await (await contracts.registry.transferFrom(owner.address, to, release.modelId)).wait();
  const { registry } = deployment.addresses;
  const data = announcer.interface.encodeFunctionData("announce", [registry, releaseId, URI, PER_BLOCK]);
  // Anvil signs for its own accounts: signing here would take longer than everything else.
  const from = chain.wallet(1).address;
  const transaction = { from, to, data, gas: "0xe4e1c0" };
  const count = EVENTS / PER_BLOCK;
  for (let i = 0; i < count; i += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - i) }, (_, j) =>
        chain.provider.send("eth_sendTransaction", [{ ...transaction, nonce: `0x${(i + j).toString(16)}` }]),
      ),
    );
  while ((await chain.provider.getTransactionCount(from)) < count) await sleep(50);
}

interface Run {
  readonly seconds: number;
  /** Of this thread's processor, for decoding events. */
  readonly parseSeconds: number;
  /** Milliseconds of processor time without a turn of the event loop. */
  readonly gapMs: number;
}

async function run(world: World, urls: readonly string[]): Promise<Run> {
  const { deployment } = world;
  const { registry, market, game } = deployment.addresses;
  const endpoints = createEndpoints({ urls, chainId: deployment.chainId, log: testLog });
  const source = rpcSource(endpoints, [registry, market, game]);
  const stop = new AbortController();
  let events = 0;
  let parseMs = 0;
  const gaps = startGapMeter();
  const start = performance.now();
  const items = follow(source, { fromBlock: deployment.block, pollMs: 100, signal: stop.signal });
  for await (const item of items) {
    if (item.kind === "head") stop.abort();
    if (item.kind !== "logs") continue;
    await gently(item.logs, (log) => {
      const began = performance.now();
      if (eventOf(deployment, log)?.event.name === "ContentAnnounced") events++;
      parseMs += performance.now() - began;
    });
  }
  const seconds = (performance.now() - start) / 1000;
  const gapMs = gaps.stop();
  endpoints.close();
  if (events !== EVENTS) throw new Error(`${events} events instead of ${EVENTS}`);
  return { seconds, parseSeconds: parseMs / 1000, gapMs };
}

/** What the endpoint and its JSON take alone. */
async function fetchOnly(world: World): Promise<{ serveSeconds: number; jsonSeconds: number }> {
  const { chain, deployment } = world;
  const head = await chain.provider.getBlockNumber();
  const { registry, market, game } = deployment.addresses;
  let [serveMs, jsonMs] = [0, 0];
  for (let from = deployment.block; from <= head; from += 10) {
    const filter = {
      address: [registry, market, game],
      fromBlock: `0x${from.toString(16)}`,
      toBlock: `0x${Math.min(head, from + 9).toString(16)}`,
    };
    const began = performance.now();
    const response = await fetch(chain.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_getLogs", params: [filter] }),
    });
    const text = await response.text();
    const fetched = performance.now();
    JSON.parse(text);
    serveMs += fetched - began;
    jsonMs += performance.now() - fetched;
  }
  return { serveSeconds: serveMs / 1000, jsonSeconds: jsonMs / 1000 };
}

export async function measureFollow(): Promise<readonly Figure[]> {
  const world = await startWorld({ blockSeconds: 0 });
  try {
    await emit(world);
    const one = await run(world, [world.chain.url]);
    const two = await run(world, [world.chain.url, world.chain.url.replace("127.0.0.1", "localhost")]);
    const { serveSeconds, jsonSeconds } = await fetchOnly(world);
    const figure = (name: string, value: number, unit: string): Figure => ({
      name: `follow.${name}`,
      value,
      unit,
    });
    return [
      figure("100k-events", one.seconds, "s"),
      figure("100k-events.two-endpoints", two.seconds, "s"),
      figure("rate", EVENTS / one.seconds, "events/s"),
      figure("anvil", serveSeconds, "s"),
      figure("json", jsonSeconds, "s"),
      figure("decode", one.parseSeconds, "s"),
      figure("loop-gap", Math.max(one.gapMs, two.gapMs), "ms"),
    ];
  } finally {
    await world.stop();
  }
}

/** How fast a node catches up with a chain: real events of the deployed contracts, a real anvil, the node's own follower. */
import { join } from "node:path";
import { getBytes, toQuantity } from "ethers";
import { toHex } from "../sdk/src/structs.ts";
import { createEndpoints } from "../verifier/src/chain/endpoints.ts";
import { createMirror } from "../verifier/src/chain/mirror.ts";
import { rpcSource } from "../verifier/src/chain/source.ts";
import { eventOf, followedAddresses } from "../verifier/src/chain/state.ts";
import { openDatabase } from "../verifier/src/state/database.ts";
import { openLogs } from "../verifier/src/state/logs.ts";
import { startWorld, testLog, type World } from "../verifier/test/world.ts";
import { emitEvents } from "./events.ts";
import type { Figure } from "./figure.ts";
import { gapFigures, startGapMeter, type Gap } from "./gaps.ts";

const EVENTS = 100_000;
const FINALITY = 64;

interface Run {
  readonly seconds: number;
  readonly gap: Gap;
}

/** A node that starts with an empty database, until it has read everything. */
async function catchUp(world: World, urls: readonly string[], name: string, expected: number): Promise<Run> {
  const { deployment, chain } = world;
  const endpoints = createEndpoints({ urls, chainId: deployment.chainId, log: testLog });
  const database = await openDatabase({ directory: join(world.folder, name) });
  const store = await openLogs(database, {
    deployment: `${deployment.chainId}:${deployment.addresses.market}`,
    fromBlock: deployment.block,
    depth: FINALITY + 2,
  });
  const stop = new AbortController();
  let events = 0;
  const mirror = createMirror({
    deployment,
    source: rpcSource(endpoints, followedAddresses(deployment)),
    store,
    account: toHex(getBytes(chain.wallet(2).address)),
    log: testLog,
    finality: FINALITY,
    pollMs: 100,
    signal: stop.signal,
    onHead: () => stop.abort(),
    onReorg: () => undefined,
    onForgotten: () => undefined,
    onEvent({ event }) {
      if (event.name === "ContentAnnounced") events++;
    },
  });
  const gaps = startGapMeter();
  const start = performance.now();
  await mirror.run();
  const seconds = (performance.now() - start) / 1000;
  const gap = gaps.stop();
  endpoints.close();
  await database.destroy();
  if (events !== expected) throw new Error(`${events} events instead of ${expected}`);
  return { seconds, gap };
}

/** Seconds that the endpoint, JSON and decoding take alone, one after the other. */
async function alone(world: World): Promise<{ serve: number; json: number; decode: number }> {
  const { chain, deployment } = world;
  const head = await chain.provider.getBlockNumber();
  const source = rpcSource(world.endpoints, followedAddresses(deployment));
  const spent = { serve: 0, json: 0, decode: 0 };
  const blocks = 10;
  for (let from = deployment.block; from <= head; from += blocks) {
    const to = Math.min(head, from + blocks - 1);
    const range = { fromBlock: toQuantity(from), toBlock: toQuantity(to) };
    const params = [{ address: followedAddresses(deployment), ...range }];
    const began = performance.now();
    const response = await fetch(chain.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_getLogs", params }),
    });
    const text = await response.text();
    const served = performance.now();
    JSON.parse(text);
    const parsed = performance.now();
    const { logs } = await source.range(from, to);
    const read = performance.now();
    for (const log of logs) eventOf(deployment, log);
    spent.serve += (served - began) / 1000;
    spent.json += (parsed - served) / 1000;
    spent.decode += (performance.now() - read) / 1000;
  }
  return spent;
}

/** @param events A multiple of {@link PER_BLOCK}. */
export async function measureFollow(events = EVENTS): Promise<readonly Figure[]> {
  const world = await startWorld({ blockSeconds: 0 });
  try {
    await emitEvents(world, events);
    const { url } = world.chain;
    const one = await catchUp(world, [url], "one", events);
    // Two endpoints that must agree.
    const two = await catchUp(world, [url, url.replace("127.0.0.1", "localhost")], "two", events);
    const { serve, json, decode } = await alone(world);
    const figure = (name: string, value: number, unit: string): Figure => ({
      name: `follow.${name}`,
      value,
      unit,
    });
    const seconds = `s for ${events.toLocaleString("en")} events`;
    return [
      figure("one-endpoint", one.seconds, seconds),
      figure("two-endpoints", two.seconds, seconds),
      figure("rate", events / one.seconds, "events/s"),
      figure("anvil-alone", serve, "s"),
      figure("json-alone", json, "s"),
      figure("decoding-alone", decode, "s"),
      ...gapFigures("follow.eventLoop", [one.gap, two.gap]),
    ];
  } finally {
    await world.stop();
  }
}

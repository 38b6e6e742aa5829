/** What a node process takes: time from its start until it has read the chain, and resident memory, its threads included. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import pidusage from "pidusage";
import { ENVIRONMENT, FLAGS } from "../bin/launch.mjs";
import { createAccount } from "../scripts/simulate/accounts.ts";
import { startWorld, type World } from "../verifier/test/world.ts";
import { emitEvents } from "./events.ts";
import type { Figure } from "./figure.ts";

const EVERY_MS = 50;
const ROOT = join(import.meta.dirname, "..");

interface Life {
  /** From the start to "ready". */
  readonly seconds: number;
  /** Bytes. */
  readonly peakStarting: number;
  /** After some time of a block a second. */
  readonly idle: number;
  readonly peakIdle: number;
}

/** Resolves with the line's arrival. @throws Error if the process ends before. */
async function readiness(node: ChildProcess): Promise<void> {
  if (node.stdout === null) throw new Error("no output to read");
  for await (const line of createInterface(node.stdout)) {
    if (line.includes('"msg":"ready"')) {
      node.stdout.resume();
      return;
    }
  }
  throw new Error("the node ended");
}

async function live(config: string, idleMs: number): Promise<Life> {
  const began = performance.now();
  // As the command runs (bin/assay.mjs).
  const args = [...FLAGS, join(ROOT, "verifier", "src", "cli.ts"), "node", "--config", config];
  const env = { ...process.env, ...ENVIRONMENT };
  const node = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(node, "exit");
  let [last, peak] = [0, 0];
  const timer = setInterval(() => {
    pidusage(node.pid ?? 0).then(
      ({ memory }) => {
        last = memory;
        peak = Math.max(peak, memory);
      },
      () => undefined,
    );
  }, EVERY_MS);
  try {
    await readiness(node);
    const seconds = (performance.now() - began) / 1000;
    const peakStarting = peak;
    peak = 0;
    await sleep(idleMs);
    return { seconds, peakStarting, idle: last, peakIdle: peak };
  } finally {
    clearInterval(timer);
    node.kill("SIGTERM");
    await ended;
  }
}

async function configure(world: World): Promise<string> {
  const { chain, deployment, folder } = world;
  const { directory, keystore, passwordFile } = await createAccount("node", folder, chain.provider);
  const deploymentFile = join(directory, "deployment.json");
  writeFileSync(deploymentFile, JSON.stringify(deployment));
  const config = {
    ...{ rpc: [chain.url], deployment: deploymentFile, keystore, passwordFile },
    ...{ data: join(directory, "data"), content: join(directory, "content") },
    ...{ role: "both", http: "off" },
  };
  const file = join(directory, "config.json");
  writeFileSync(file, JSON.stringify(config));
  return file;
}

/** @param idleMs How long it is watched once it has read the chain, milliseconds. */
export async function measureProcess({ events = 20_000, idleMs = 20_000 } = {}): Promise<readonly Figure[]> {
  const world = await startWorld({ blockSeconds: 0 });
  try {
    await emitEvents(world, events);
    await world.chain.provider.send("evm_setIntervalMining", [1]);
    const config = await configure(world);
    const lives = { "first-start": await live(config, idleMs), restart: await live(config, idleMs) };
    const figure = (name: string, value: number, unit: string): Figure => ({
      ...{ name: `process.${name}`, value, unit },
    });
    return Object.entries(lives).flatMap(([name, life]) => [
      figure(`${name}.${events}-events`, life.seconds, "s"),
      figure(`${name}.peak-until-ready`, life.peakStarting / 2 ** 20, "MiB"),
      figure(`${name}.peak-then`, life.peakIdle / 2 ** 20, "MiB"),
      figure(`${name}.at-rest`, life.idle / 2 ** 20, "MiB"),
    ]);
  } finally {
    await world.stop();
  }
}

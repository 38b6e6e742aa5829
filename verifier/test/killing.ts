/** A node process that is killed with SIGKILL at a chosen point and started again, on a chain whose blocks can be held back. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../scripts/anvil.ts";
import { createAccount, type Account } from "../../scripts/simulate/accounts.ts";
import type { ConfigFile } from "../src/cli/config.ts";
import { finished, launch, ready } from "./command.ts";
import { interpose, type Interposer, type KillPoint } from "./interpose.ts";
import type { PublishedModel, World } from "./world.ts";

const BLOCK_MS = 250;
/**
 * What is pending is mined this long after a node that is back has sent it again, so that it has the time to send another transaction
 * for it: it takes up what it held before it was killed after ten seconds. And at last when it sends nothing.
 */
const PENDING_MS = 14_000;
const LONGEST_PENDING_MS = 20_000;

/** Makes blocks as long as it is not paused. */
export interface Miner {
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

export interface Stand {
  readonly world: World;
  readonly model: PublishedModel;
  readonly miner: Miner;
  stop(): Promise<void>;
}

/** From now on there are no blocks but the miner's. */
export async function startMiner({ chain }: World): Promise<Miner> {
  await chain.provider.send("evm_setAutomine", [false]);
  let [paused, stopped] = [false, false];
  async function run(): Promise<void> {
    while (!stopped) {
      if (!paused) await chain.provider.send("evm_mine", []);
      await sleep(BLOCK_MS);
    }
  }
  const running = run();
  return {
    pause: () => void (paused = true),
    resume: () => void (paused = false),
    async stop() {
      stopped = true;
      await running;
    },
  };
}

export interface Mortal {
  readonly account: Account;
  /** Of its HTTP server, in every life. */
  readonly url: string;
  readonly interposer: Interposer;
  /** Resolves when it is ready, though it be killed on the way. */
  start(settings: ConfigFile): Promise<void>;
  /** Kills it now. Resolves when it is ready again. */
  kill(): Promise<void>;
  /** Resolves when no life is about to begin. */
  revived(): Promise<void>;
  /** The last of what it logged, in all lives. */
  said(): string;
  /** Tells it to end. @returns its exit code. */
  end(): Promise<number | null>;
  /** Kills it for good. */
  discard(): Promise<void>;
}

let mortals = 0;

/** @param point Where it is killed; undefined: nowhere. */
export async function createMortal(
  { world, miner }: Pick<Stand, "world" | "miner">,
  point: KillPoint | undefined,
): Promise<Mortal> {
  const { chain, folder, deployment, contentDirectory } = world;
  let child: ChildProcess | undefined;
  let revival: Promise<void> | undefined;
  let args: readonly string[] = [];
  let log = "";

  async function live(): Promise<void> {
    child = launch(args, { HOME: account.directory });
    child.stdout?.on("data", (chunk: Buffer) => (log += chunk.toString()));
    await ready(child);
  }

  async function rise(killed: ChildProcess | undefined): Promise<void> {
    if (killed !== undefined && killed.signalCode === null) await once(killed, "exit");
    await live();
    if (point?.phase === "pending") {
      const { sends } = interposer;
      for (const end = Date.now() + LONGEST_PENDING_MS; Date.now() < end && interposer.sends === sends;)
        await sleep(100);
      await sleep(PENDING_MS);
    }
    miner.resume();
  }

  function kill(): Promise<void> {
    const killed = child;
    killed?.kill("SIGKILL");
    const rising = rise(killed);
    // It is waited for later.
    rising.catch(() => undefined);
    return (revival = rising);
  }

  const interposer = await interpose(chain.url, point, () => {
    if (point?.phase === "pending") miner.pause();
    void kill();
  });
  const account = await createAccount(`node-${mortals++}`, folder, chain.provider);
  const http = `127.0.0.1:${await freePort()}`;

  return {
    account,
    url: `http://${http}`,
    interposer,
    async start(settings) {
      const deploymentFile = join(account.directory, "deployment.json");
      writeFileSync(deploymentFile, JSON.stringify(deployment));
      const config: ConfigFile = {
        rpc: [interposer.url],
        deployment: deploymentFile,
        keystore: account.keystore,
        passwordFile: account.passwordFile,
        data: account.directory,
        content: contentDirectory,
        http,
        pollMs: 100,
        workers: 1,
        ...settings,
      };
      const file = join(account.directory, "config.json");
      writeFileSync(file, JSON.stringify(config));
      args = ["node", "--config", file];
      // The point may come before the node is ready.
      await live().catch((error: unknown) => {
        if (revival === undefined) throw error;
        return revival;
      });
    },
    kill,
    revived: async () => revival,
    said: () => log.slice(-4000),
    async end() {
      for (;;) {
        await revival;
        const last = revival;
        const ended = child === undefined ? undefined : finished(child);
        child?.kill("SIGTERM");
        const code = (await ended)?.code ?? null;
        // It may be killed as it ends.
        if (revival === last) return code;
      }
    },
    async discard() {
      // A life that is about to begin would outlive us.
      await revival?.catch(() => undefined);
      child?.kill("SIGKILL");
      miner.resume();
      await interposer.close();
    },
  };
}

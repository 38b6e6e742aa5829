/** Whole disputes of a node process that is killed with SIGKILL at a chosen point and started again. */
import type { ChildProcess } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { seededRng } from "../../program/src/testing/rng.ts";
import { createAccount, type Account } from "../../scripts/simulate/accounts.ts";
import { anywhereBelow } from "../../scripts/simulate/tactics.ts";
import { readMoves, type MinedMove } from "../../scripts/simulate/moves.ts";
import { createWatch, trialOfRequest } from "../../scripts/simulate/watch.ts";
import { networkParameters } from "../../scripts/networks.ts";
import { splitBlob } from "../../program/src/claim.ts";
import { connect } from "../../sdk/src/contracts.ts";
import { request } from "../../sdk/src/request.ts";
import type { Hex } from "../../sdk/src/structs.ts";
import { clocksAt } from "../src/chain/state.ts";
import { exactTrace } from "../src/compute/exact.ts";
import { startNode, type RunningNode } from "../src/node.ts";
import { encodeMove } from "../src/play/calls.ts";
import { isFinal, selectedNode, type Move, type Trial } from "../src/play/trial.ts";
import { finished, launch, ready } from "./command.ts";
import { corruptOperator } from "./corrupt.ts";
import { interpose, type Interposer, type KillPoint } from "./interpose.ts";
import { ANSWERS_ALL, nodeOptions } from "./player.ts";
import { exampleModel, publishFile, stake, startWorld, type PublishedModel, type World } from "./world.ts";

/** What the node under test is in the dispute. */
export type Side = "challenger" | "operator";

export const STAKE = 10n ** 18n;
export const FEE = 10n ** 15n;
/** Seconds of the chain: nobody is to lose because this machine is slow. */
const CLOCK = 900;
const WINDOW = 1800;
const BLOCK_MS = 250;
/**
 * What is pending is mined this long after a node that is back has sent something, so that it has the time to send its move again
 * and another transaction for it; and at last when it sends nothing.
 */
const PENDING_MS = 2000;
const LONGEST_PENDING_MS = 20_000;
const LIMIT_MS = 150_000;

/** Makes blocks as long as it is not paused. */
interface Miner {
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

export interface Stand {
  readonly side: Side;
  readonly world: World;
  readonly model: PublishedModel;
  readonly miner: Miner;
  /** The other side's: an operator that lies, or nobody. */
  readonly liar: RunningNode | undefined;
  stop(): Promise<void>;
}

export interface Outcome {
  /** Whether the point came at all. */
  readonly fired: boolean;
  readonly seen: Interposer["seen"];
  readonly trial: Trial;
  /** Every transaction of the node's account that was mined. */
  readonly moves: readonly MinedMove[];
  /** Of the node's account, wei. */
  readonly free: bigint;
  readonly locked: bigint;
  /** Exit code of the node when it was told to end. */
  readonly exit: number | null;
}

function startMiner({ chain }: World): Miner {
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

export async function openStand(side: Side): Promise<Stand> {
  const { floorSeconds, parameters } = networkParameters(31337n);
  const clocks = { operatorClock: CLOCK, challengerClock: CLOCK };
  const world = await startWorld({
    blockSeconds: 0,
    rules: { floorSeconds, parameters: { ...parameters, ...clocks } },
  });
  const model = await publishFile(world, exampleModel("breast-cancer"));
  let liar: RunningNode | undefined;
  if (side === "challenger") {
    await stake(world, 1, 100n * STAKE);
    const options = { ...nodeOptions(world, 1), ...ANSWERS_ALL, pollMs: 100 };
    // The first instruction reads the input, so that the proof needs every move there is.
    liar = await startNode(options, corruptOperator({ instruction: 0, byte: 2 }));
    await liar.ready;
  } else await stake(world, 2, 100n * STAKE);
  await world.chain.provider.send("evm_setAutomine", [false]);
  const miner = startMiner(world);
  return {
    side,
    world,
    model,
    miner,
    liar,
    async stop() {
      miner.resume();
      await liar?.stop();
      await miner.stop();
      await world.stop();
    },
  };
}

/** The challenger of a right answer: challenges, selects once as deep as it can, then lets its clock run out. */
async function playCrank(stand: Stand, trial: Trial, sent: Set<string>): Promise<void> {
  const { world, model } = stand;
  const wallet = world.chain.wallet(2);
  const mine = trial.result.games.get(wallet.address.toLowerCase());
  const send = async (key: string, move: () => Move | undefined): Promise<void> => {
    const made = sent.has(key) ? undefined : move();
    if (made === undefined) return;
    sent.add(key);
    const data = encodeMove(world.contracts, trial, made);
    await wallet.sendTransaction({ to: world.deployment.addresses.game, data, gasLimit: 3_000_000 });
  };
  const pass = async (key: string, seconds: number): Promise<void> => {
    if (sent.has(key)) return;
    sent.add(key);
    await world.chain.provider.send("evm_increaseTime", [seconds]);
  };
  if (mine === undefined) return send("challenge", () => ({ kind: "challenge" }));
  if (mine.status !== "open") return pass("window", WINDOW);
  if (clocksAt(trial.result, mine, trial.now).operatorOnMove) return;
  if (mine.selections.at(-1)?.height === 0) return pass("clock", CLOCK + 1);
  return send(`select ${mine.selections.length}`, () => {
    const { program, commitment } = model.model;
    const input = Buffer.from(trial.request.input.slice(2), "hex");
    const run = {
      program,
      commitment,
      inputs: splitBlob(program.inputs, input),
      trace: exactTrace(model.model, input),
    };
    const from = selectedNode(trial.result, mine);
    const selection = anywhereBelow(run, from, seededRng(7));
    return selection && { kind: "select", from, selection };
  });
}

function isOver(side: Side, { request: { status }, result }: Trial): boolean {
  const settled = [...result.games.values()].every((game) => game.status === "settled");
  return settled && (side === "operator" ? status === "final" : status === "refunded" && result.bondSettled);
}

/** A node under test, and its flags. */
async function prepare(
  { side, world }: Stand,
  name: string,
  rpcUrl: string,
): Promise<{ account: Account; args: string[] }> {
  const account = await createAccount(name, world.folder, world.chain.provider);
  await connect(world.deployment, account.wallet).vault.deposit({ value: STAKE });
  const deployment = join(world.folder, "deployment.json");
  writeFileSync(deployment, JSON.stringify(world.deployment));
  const config = {
    rpc: [rpcUrl],
    deployment,
    keystore: account.keystore,
    passwordFile: account.passwordFile,
    data: account.directory,
    content: world.contentDirectory,
    role: side === "operator" ? "operator" : "verifier",
    http: "off",
    pollMs: 100,
    workers: 1,
  };
  mkdirSync(account.directory, { recursive: true });
  const file = join(account.directory, "config.json");
  writeFileSync(file, JSON.stringify(config));
  return { account, args: ["node", "--config", file] };
}

let plays = 0;

/**
 * One dispute from the request to the last payout.
 * @param point Where the node is killed; undefined: nowhere.
 * @throws Error if it does not end.
 */
export async function playDispute(stand: Stand, point: KillPoint | undefined): Promise<Outcome> {
  const { side, world, model, miner, liar } = stand;
  const name = `node-${plays++}`;
  let child: ChildProcess | undefined;
  let revival: Promise<void> | undefined;
  const strike = (): void => {
    if (point?.phase === "pending") miner.pause();
    const killed = child;
    killed?.kill("SIGKILL");
    revival = revive(killed);
  };
  const interposer = await interpose(world.chain.url, point, strike);
  const { account, args } = await prepare(stand, name, interposer.url);

  let log = "";
  const live = async (): Promise<void> => {
    child = launch(args, { HOME: account.directory });
    child.stdout?.on("data", (chunk: Buffer) => (log += chunk.toString()));
    await ready(child);
  };
  async function revive(killed: ChildProcess | undefined): Promise<void> {
    if (killed !== undefined && killed.signalCode === null)
      await new Promise((resolve) => killed.once("exit", resolve));
    await live();
    if (point?.phase === "pending") {
      const sends = interposer.sends;
      for (const until = Date.now() + LONGEST_PENDING_MS; Date.now() < until && interposer.sends === sends;)
        await sleep(100);
      await sleep(PENDING_MS);
    }
    miner.resume();
  }

  try {
    // The point may come before the node is ready.
    await live().catch((error: unknown) => {
      if (!interposer.fired) throw error;
      return revival;
    });
    const asker = world.chain.wallet(9);
    const operator: Hex = liar?.address ?? account.address;
    const input = Uint8Array.from({ length: model.model.inputBytes }, (_, i) => (i * 5 + 3) % 17);
    const { releaseId } = model;
    const ask = { releaseId, input, fee: FEE, windowSeconds: WINDOW, answerSeconds: 3600, operator };
    const asked = await request(connect(world.deployment, asker), `0x${asker.address.slice(2)}`, ask);
    const sent = new Set<string>();
    const watch = createWatch(world.contracts, world.chain.provider);
    let trial: Trial | undefined;
    for (const until = Date.now() + LIMIT_MS; trial === undefined || !isOver(side, trial);) {
      if (Date.now() > until)
        throw new Error(
          `the dispute did not end (${trial?.request.status ?? "no answer"}):\n${log.slice(-4000)}`,
        );
      await sleep(200);
      trial = trialOfRequest(await watch(), asked.requestId);
      if (trial !== undefined && side === "operator" && !isFinal(trial)) await playCrank(stand, trial, sent);
    }
    // A point after the last move kills a node that has nothing left to do.
    await revival;
    const ended = child === undefined ? undefined : finished(child);
    child?.kill("SIGTERM");
    const exit = (await ended)?.code ?? null;
    const head = await world.chain.provider.getBlockNumber();
    const { freeWei, lockedWei } = await world.contracts.vault.accountOf(account.address);
    const moves = await readMoves(
      world.contracts,
      world.chain.provider,
      [account.address],
      asked.block,
      head,
    );
    return {
      fired: interposer.fired,
      seen: [...interposer.seen],
      trial,
      moves,
      free: freeWei,
      locked: lockedWei,
      exit,
    };
  } finally {
    child?.kill("SIGKILL");
    miner.resume();
    await interposer.close();
  }
}

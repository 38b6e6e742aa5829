/** Makes happen what the schedule says, when it says so. */
import { setTimeout as sleep } from "node:timers/promises";
import type { JsonRpcProvider } from "ethers";
import type { Rng } from "../../program/src/testing/rng.ts";
import { REORG_GAP, type Blow, type Reorg, type Schedule } from "./faults.ts";
import type { Hand } from "./hand.ts";
import { slotOf } from "./moves.ts";
import type { PlannedRequest } from "./requests.ts";
import { BLOCK_SECONDS } from "./rules.ts";
import { askCall } from "./requester.ts";
import type { Stage } from "./stage.ts";

export interface DirectorOptions {
  readonly stage: Stage;
  readonly schedule: Schedule;
  readonly plan: readonly PlannedRequest[];
  readonly requester: Hand;
  /** All hands: they repeat what a reorganisation undid. */
  readonly hands: readonly Hand[];
  /** Which transactions come back after a reorganisation. */
  readonly rng: Rng;
  readonly elapsed: () => number;
  readonly say: (text: string) => void;
}

export interface Happened {
  kills: number;
  freezes: number;
  reorgs: number;
  deepestReorg: number;
  asked: number;
  /** Slots of transactions that reverted in blocks that were replaced. */
  readonly failedOnce: Set<string>;
}

interface Undone {
  readonly slot: string;
  readonly raw: string;
  readonly failed: boolean;
}

async function transactionsOf(provider: JsonRpcProvider, from: number, to: number): Promise<Undone[]> {
  const undone: Undone[] = [];
  for (let number = from; number <= to; number++) {
    const block = await provider.getBlock(number, true);
    for (const transaction of block?.prefetchedTransactions ?? []) {
      const { hash } = transaction;
      const raw = String(await provider.send("eth_getRawTransactionByHash", [hash]));
      const receipt = await provider.getTransactionReceipt(hash);
      undone.push({ slot: slotOf(transaction.from, transaction.nonce), raw, failed: receipt?.status === 0 });
    }
  }
  return undone;
}

/** Milliseconds in which a block that anvil had begun when its clock stopped is made. */
const LAST_BLOCK_MS = 300;

async function headAtRest(provider: JsonRpcProvider): Promise<number> {
  for (let head = await provider.getBlockNumber(); ;) {
    await sleep(LAST_BLOCK_MS);
    const now = await provider.getBlockNumber();
    if (now === head) return head;
    head = now;
  }
}

/** A block that anvil was making while it went back stands on blocks that are gone. No real chain has such a gap. */
async function closeGap(provider: JsonRpcProvider, from: number): Promise<boolean> {
  const head = await provider.getBlockNumber();
  let parent = await provider.getBlock(from);
  for (let number = from + 1; number <= head; number++) {
    const block = await provider.getBlock(number);
    if (parent === null || block?.parentHash !== parent.hash) {
      await provider.send("anvil_rollback", [head - number + 1]);
      return true;
    }
    parent = block;
  }
  return false;
}

async function reorganise(
  { stage, hands, rng, say }: DirectorOptions,
  { depth, kind, lost }: Reorg,
  failedOnce: Set<string>,
): Promise<void> {
  const { provider } = stage;
  // No block comes in between: what is lost is what the schedule says.
  await provider.send("evm_setIntervalMining", [0]);
  const head = await headAtRest(provider);
  const undone = await transactionsOf(provider, head - depth + 1, head);
  for (const { slot, failed } of undone) if (failed) failedOnce.add(slot);
  if (kind === "replaced") await provider.send("anvil_reorg", [depth, []]);
  else await provider.send("anvil_rollback", [depth]);
  while (await closeGap(provider, head - depth)) say("anvil left a gap in the chain: closed");
  // The chain's clock has gone back with it, and would stay behind.
  await provider.send("evm_setTime", [Math.floor(Date.now() / 1000)]);
  for (const { raw } of undone)
    if (!rng.chance(lost)) await provider.broadcastTransaction(raw).catch(() => undefined);
  await provider.send("evm_setIntervalMining", [BLOCK_SECONDS]);
  for (const hand of hands) await hand.repeat();
}

/** Resolves at the end of the play, when every blow has been recovered from. */
export async function direct(options: DirectorOptions): Promise<Happened> {
  const { stage, schedule, plan, requester, elapsed, say } = options;
  const happened: Happened = {
    kills: 0,
    freezes: 0,
    reorgs: 0,
    deepestReorg: 0,
    asked: 0,
    failedOnce: new Set(),
  };
  const { market } = stage.contracts.deployment.addresses;
  const until = (at: number): Promise<void> => sleep(Math.max(0, (at - elapsed()) * 1000));

  async function strikeAll(): Promise<void> {
    const strike = async (blow: Blow): Promise<void> => {
      await until(blow.at);
      say(`${blow.kind} ${blow.node} for ${blow.seconds.toFixed(1)} s`);
      blow.kind === "freeze" ? happened.freezes++ : happened.kills++;
      await stage.nodes.get(blow.node)?.strike(blow);
    };
    await Promise.all(schedule.blows.map(strike));
  }

  async function reorganiseAll(): Promise<void> {
    let rest = 0;
    for (const reorg of schedule.reorgs) {
      // On a slow machine the one before may have ended late; then some are left out.
      await until(Math.max(reorg.at, rest));
      if (elapsed() > schedule.seconds) break;
      say(`${reorg.depth} blocks ${reorg.kind}, ${reorg.lost * 100} % of transactions lost`);
      await reorganise(options, reorg, happened.failedOnce);
      rest = elapsed() + REORG_GAP;
      happened.reorgs++;
      happened.deepestReorg = Math.max(happened.deepestReorg, reorg.depth);
    }
  }

  async function askAll(): Promise<void> {
    for (const planned of plan) {
      await until(planned.at);
      const { data, fee } = askCall(stage, planned);
      await requester.send(market, data, fee);
      happened.asked++;
    }
  }

  await Promise.all([strikeAll(), reorganiseAll(), askAll(), until(schedule.seconds)]);
  return happened;
}

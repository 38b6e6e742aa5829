/** Small nodes on a world. */
import { join } from "node:path";
import { trialOfRequest, type createWatch } from "../../scripts/simulate/watch.ts";
import type { RequestHandle } from "../../sdk/src/request.ts";
import { REQUEST_STATES } from "../../sdk/src/states.ts";
import { walletSigner } from "../src/chain/signer.ts";
import type { ResultRecord } from "../src/chain/state.ts";
import { startNode, type NodeOptions, type RunningNode } from "../src/node.ts";
import type { Trial } from "../src/play/trial.ts";
import type { OperatorParts } from "../src/roles/operator.ts";
import { stake, type World } from "./world.ts";

export const ANSWERS_ALL = { operator: { serve: "all", minFee: 0n } } as const;
export const CHECKS_ALL = { verifier: { exactFromWei: 0n, auditShare: 1 } } as const;

/** A node with a database of its own, one worker, and no role. */
export function nodeOptions(world: World, account: number): NodeOptions {
  const { chain, deployment, contentDirectory, folder, log } = world;
  return {
    deployment,
    content: { directory: contentDirectory },
    database: { directory: join(folder, `state-${account}`) },
    rpcUrls: [chain.url],
    pollMs: 200,
    compute: { workers: 1 },
    signer: walletSigner(chain.wallet(account)),
    log: log.child({ account }),
  };
}

/** Stakes and starts an operator, honest or not; without parts a verifier. It is not ready yet. */
export async function startPlayer(
  world: World,
  account: number,
  stakeWei: bigint,
  parts?: Partial<OperatorParts>,
): Promise<RunningNode> {
  await stake(world, account, stakeWei);
  const role = parts === undefined ? CHECKS_ALL : ANSWERS_ALL;
  return startNode({ ...nodeOptions(world, account), ...role }, parts);
}

export async function stateOf({ contracts }: World, { requestId }: RequestHandle): Promise<string> {
  return REQUEST_STATES[Number((await contracts.market.statusOf(requestId)).state)] ?? "?";
}

/** @throws Error before the answer. */
export async function trialOf(
  watch: ReturnType<typeof createWatch>,
  { requestId }: RequestHandle,
): Promise<Trial> {
  const trial = trialOfRequest(await watch(), requestId);
  if (trial === undefined) throw new Error("no trial yet");
  return trial;
}

/** Whether nobody has anything left to pay out after an answer's games. */
export function isSettled({ games, verdict, bondSettled }: ResultRecord): boolean {
  return (
    [...games.values()].every(({ status }) => status === "settled") && (verdict === "none" || bondSettled)
  );
}

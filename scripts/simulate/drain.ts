/** Nothing goes wrong any more: what was begun comes to its end. */
import { setTimeout as sleep } from "node:timers/promises";
import { REQUEST_STATES } from "../../sdk/src/answer.ts";
import type { Hand } from "./hand.ts";
import { eventsNamed, readRecord } from "./record.ts";
import { CRANKS, DRAIN_SECONDS, HONEST, LIARS } from "./rules.ts";
import type { Stage } from "./stage.ts";

const LOOK_MS = 3000;

/** What is still to happen, in words; empty when all is over. Sends home the fees of requests that nobody answered. */
async function look(
  { contracts, provider, accounts }: Stage,
  requester: Hand,
  refunded: Set<string>,
): Promise<string[]> {
  const record = await readRecord(contracts, provider);
  const now = (await provider.getBlock("latest"))?.timestamp ?? 0;
  const left: string[] = [];
  for (const { requestId, request } of eventsNamed(record, "Requested")) {
    const { state: code } = await contracts.market.statusOf(requestId);
    const state = REQUEST_STATES[Number(code)] ?? "none";
    if (["final", "delivered", "refunded"].includes(state)) continue;
    left.push(`request ${request.nonce} is ${state}`);
    if (state !== "requested" || now <= request.deadline || refunded.has(requestId)) continue;
    refunded.add(requestId);
    const data = contracts.market.interface.encodeFunctionData("refund", [request]);
    await requester.send(contracts.deployment.addresses.market, data);
  }
  for (const name of [...HONEST, ...LIARS, ...CRANKS]) {
    const { lockedWei } = await contracts.vault.accountOf(accounts[name].address);
    if (lockedWei !== 0n) left.push(`${name} has locked stake`);
  }
  return left;
}

/** Resolves when all is over, or when it should have been. */
export async function drain(stage: Stage, requester: Hand, say: (text: string) => void): Promise<void> {
  const until = Date.now() + DRAIN_SECONDS * 1000;
  const refunded = new Set<string>();
  for (let round = 0; Date.now() < until; round++) {
    const left = await look(stage, requester, refunded);
    if (left.length === 0) return;
    if (round % 5 === 0) say(`left: ${left.length}, such as ${left.slice(0, 4).join("; ")}`);
    await sleep(LOOK_MS);
  }
  say("not everything has ended");
}

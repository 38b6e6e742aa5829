/** Nothing goes wrong any more: what was begun comes to its end. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Hand } from "./hand.ts";
import { eventsNamed, readRecord } from "./record.ts";
import { CRANKS, DRAIN_SECONDS, HONEST, LIARS } from "./rules.ts";
import type { Stage } from "./stage.ts";

const LOOK_MS = 3000;

/** What is still to happen, in words; empty when all is over. Sends home the fees of requests that nobody answered. */
async function look(stage: Stage, requester: Hand, refunded: Set<string>): Promise<string[]> {
  const { contracts, provider, accounts } = stage;
  const record = await readRecord(contracts, provider);
  const now = (await provider.getBlock("latest"))?.timestamp ?? 0;
  const idsOf = (name: "Fulfilled" | "Finalized" | "Refunded"): ReadonlySet<string> =>
    new Set(eventsNamed(record, name).map(({ requestId }) => requestId));
  const [answered, final, ended] = [idsOf("Fulfilled"), idsOf("Finalized"), idsOf("Refunded")];
  const left: string[] = [];
  for (const { requestId, request } of eventsNamed(record, "Requested")) {
    if (final.has(requestId) || ended.has(requestId)) continue;
    left.push(`request ${request.nonce} is ${answered.has(requestId) ? "answered" : "open"}`);
    if (answered.has(requestId) || now <= request.deadline || refunded.has(requestId)) continue;
    refunded.add(requestId);
    const data = contracts.market.interface.encodeFunctionData("refund", [request]);
    await requester.send(contracts.deployment.addresses.market, data);
  }
  const locks = [...HONEST, ...LIARS, ...CRANKS].map(async (name) => {
    const { lockedWei } = await contracts.vault.accountOf(accounts[name].address);
    return lockedWei === 0n ? [] : [`${name} has locked stake`];
  });
  return [...left, ...(await Promise.all(locks)).flat()];
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

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
  // What the last reorganisation lost would hold up all that comes after it.
  await requester.repeat();
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

/**
 * Looks again and again at what is left, in words, until nothing is.
 * @returns false: not everything had ended when it should have.
 */
export async function waitUntilOver(
  look: () => Promise<readonly string[]>,
  seconds: number,
  say: (text: string) => void,
): Promise<boolean> {
  const until = Date.now() + seconds * 1000;
  for (let round = 0; Date.now() < until; round++) {
    const left = await look();
    if (left.length === 0) return true;
    if (round % 5 === 0) say(`left: ${left.length}, such as ${left.slice(0, 4).join("; ")}`);
    await sleep(LOOK_MS);
  }
  say("not everything has ended");
  return false;
}

/** Resolves when all requests are over (true), or when they should have been. */
export function drain(stage: Stage, requester: Hand, say: (text: string) => void): Promise<boolean> {
  const refunded = new Set<string>();
  return waitUntilOver(() => look(stage, requester, refunded), DRAIN_SECONDS, say);
}

/** Challenges that wait in an operator's line: whoever is next is begun as soon as there is room. */
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import type { ChainState, Queued } from "../chain/state.ts";
import type { Duty } from "../duties.ts";
import type { RoleContext } from "./role.ts";

/** As Receipts.MAX_LIVE. */
const MAX_LIVE = 8;

/** Receipts of an operator that are on trial: one that was overturned is not any more, though nothing closes its games. */
export function liveOf(state: Pick<ChainState, "requests" | "results">, operator: Hex): number {
  let live = 0;
  for (const { requestId, operator: by, openGames } of state.results.values()) {
    const request = state.requests.get(requestId);
    const undecided = request?.court === "receipts" && request.status !== "overturned";
    if (undecided && openGames > 0 && sameHex(by, operator)) live++;
  }
  return live;
}

/**
 * The first of each line in which something of the account's waits, or whose operator it is. If the reserve is too small for it as
 * long as others are on trial, the contract says so, and it is tried again later.
 */
export function lineDuties(
  { contracts, sender }: Pick<RoleContext, "contracts" | "sender">,
  state: ChainState,
): Duty[] {
  const concerns = (line: readonly Queued[]): boolean =>
    line.some(({ challenger, operator }) =>
      [challenger, operator].some((one) => sameHex(one, sender.address)),
    );
  return [...state.queues.values()].flatMap((line) => {
    const [next] = line;
    if (next === undefined || !concerns(line) || liveOf(state, next.operator) >= MAX_LIVE) return [];
    const { operator, number, receipt, release, challenger, bondWei, requestId } = next;
    const key = `dequeue:${operator.toLowerCase()}:${number}`;
    const data = contracts.receipts.interface.encodeFunctionData("dequeue", [
      receipt,
      release,
      challenger,
      bondWei,
    ]);
    const run = async (): Promise<void> => {
      const to = contracts.deployment.addresses.receipts;
      await sender.send({ key, label: "dequeue", subject: requestId, to, data });
    };
    return [{ key, subject: requestId, run }];
  });
}

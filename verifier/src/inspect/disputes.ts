/** Disputes in a state of the chain. Pure. */
import type { Deployment } from "../../../sdk/src/deployment.ts";
import { disputeIdOf, resultIdOf } from "../../../sdk/src/ids.ts";
import { digestOf, placeIn } from "../../../sdk/src/receipts.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import type { ChainState, GameRecord, Queued, ResultRecord } from "../chain/state.ts";
import type { GameClock } from "./history.ts";

/** "waiting": the game has not begun, since its operator has too much on trial. */
export type Outcome = "open" | "waiting" | "operator lost" | "challenger lost";

export interface DisputeEntry {
  readonly disputeId: Hex;
  readonly resultId: Hex;
  readonly requestId: Hex;
  readonly operator: Hex;
  readonly challenger: Hex;
  /** Digest of the receipt that it is about; undefined: it is about an answer on chain. */
  readonly receipt: Hex | undefined;
  readonly outcome: Outcome;
  readonly verdict: ResultRecord["verdict"];
  /** Of an open one, where it was asked for. */
  readonly clock: GameClock | undefined;
  /** Of one that waits: challenges before it in its operator's line. */
  readonly ahead: number | undefined;
}

/** The ids that a challenge which waits will have once it begins. */
export function idsOf({ requestId, operator, receipt, challenger }: Queued): {
  readonly resultId: Hex;
  readonly disputeId: Hex;
} {
  const resultId = resultIdOf(requestId, operator, receipt.outputHash);
  return { resultId, disputeId: disputeIdOf(resultId, challenger) };
}

function outcomeOf(result: ResultRecord, { status }: GameRecord): Outcome {
  if (result.verdict !== "none") return status === "lost" ? "challenger lost" : "operator lost";
  // Without a verdict, only games that their challengers lost are paid out.
  return status === "open" ? "open" : "challenger lost";
}

/** In the order of the answers; without those that wait. */
export function disputesIn({ results, requests }: ChainState): DisputeEntry[] {
  const receiptOf = (requestId: Hex): Hex | undefined => {
    const record = requests.get(requestId);
    return record?.receipt === undefined ? undefined : record.request.inputHash;
  };
  return [...results.values()].flatMap((result) =>
    [...result.games.values()].map((game) => ({
      disputeId: game.disputeId,
      resultId: result.resultId,
      requestId: result.requestId,
      operator: result.operator,
      challenger: game.challenger,
      receipt: receiptOf(result.requestId),
      outcome: outcomeOf(result, game),
      verdict: result.verdict,
      clock: undefined,
      ahead: undefined,
    })),
  );
}

/** Challenges of receipts that wait, by operator, in line. */
export function waitingIn(deployment: Deployment, { queues, results }: ChainState): DisputeEntry[] {
  const place = placeIn(deployment);
  return [...queues.values()].flatMap((line) =>
    line.flatMap((queued, ahead) => {
      const { requestId, operator, challenger, receipt } = queued;
      const ids = idsOf(queued);
      // Who has entered the trial another way meanwhile waits for nothing.
      if (results.get(ids.resultId)?.games.has(challenger.toLowerCase()) === true) return [];
      const about = { ...ids, requestId, operator, challenger, receipt: digestOf(place, "Receipt", receipt) };
      return [{ ...about, outcome: "waiting", verdict: "none", clock: undefined, ahead } as const];
    }),
  );
}

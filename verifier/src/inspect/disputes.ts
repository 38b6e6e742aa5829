/** Disputes in a state of the chain. Pure. */
import type { Hex } from "../../../sdk/src/structs.ts";
import type { ChainState, GameRecord, ResultRecord } from "../chain/state.ts";
import type { GameClock } from "./history.ts";

export type Outcome = "open" | "operator lost" | "challenger lost";

export interface DisputeEntry {
  readonly disputeId: Hex;
  readonly resultId: Hex;
  readonly requestId: Hex;
  readonly operator: Hex;
  readonly challenger: Hex;
  readonly outcome: Outcome;
  readonly verdict: ResultRecord["verdict"];
  /** Of an open one, where it was asked for. */
  readonly clock: GameClock | undefined;
}

function outcomeOf(result: ResultRecord, { status }: GameRecord): Outcome {
  if (result.verdict !== "none") return status === "lost" ? "challenger lost" : "operator lost";
  // Without a verdict, only games that their challengers lost are paid out.
  return status === "open" ? "open" : "challenger lost";
}

/** In the order of the answers. */
export function disputesIn({ results }: ChainState): DisputeEntry[] {
  return [...results.values()].flatMap((result) =>
    [...result.games.values()].map((game) => ({
      disputeId: game.disputeId,
      resultId: result.resultId,
      requestId: result.requestId,
      operator: result.operator,
      challenger: game.challenger,
      outcome: outcomeOf(result, game),
      verdict: result.verdict,
      clock: undefined,
    })),
  );
}

/** What the chain says of a claim on trial, as far as evidence depends on it. Plain data, for the process that has the trace. */
import type { Hex, Node } from "../../../sdk/src/structs.ts";
import type { Commit, Reveal } from "../chain/state.ts";
import type { Tolerance } from "../judge/tolerance.ts";
import { selectedNode, type Trial } from "./trial.ts";

export interface Facts {
  readonly output: Hex;
  readonly tolerance: Tolerance;
  readonly commit: Commit;
  readonly reveals: readonly Reveal[];
  /** The node that the challenger's game is about. */
  readonly from: Node;
}

/** @returns undefined if no trace has been committed, or the challenger has no game. */
export function factsOf({ release, result }: Trial, challenger: Hex): Facts | undefined {
  const { output, commit } = result;
  const game = result.games.get(challenger.toLowerCase());
  if (commit === undefined || game === undefined) return undefined;
  const { atol, rtol } = release.release;
  const reveals = [...result.reveals.values()];
  return { output, tolerance: { atol, rtol }, commit, reveals, from: selectedNode(result, game) };
}

/** What the contracts count, by name. */

/** States of a request, in the order of `RequestState` in contracts/interfaces/Types.sol. */
export const REQUEST_STATES = [
  "none",
  "requested",
  "answered",
  "final",
  "delivered",
  "overturned",
  "refunded",
] as const;
export type RequestStateName = (typeof REQUEST_STATES)[number];

/** States of a game, in the order of `GameState` in contracts/interfaces/IDisputeGame.sol. */
const GAME_STATES = ["none", "open", "lost", "settled"] as const;

/** In the order of `Verdict` there. */
export const VERDICTS = ["none", "clock", "step", "output"] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Arguments of custom errors that are one of these, `error.argument`. */
export const NAMED_ARGUMENTS: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ["StateIs.state", REQUEST_STATES],
  ["GameStateIs.state", GAME_STATES],
  ["AlreadyDecided.verdict", VERDICTS],
]);

/** Times and amounts of the simulated chain, and who plays. */
import { parseEther } from "ethers";

export const BLOCK_SECONDS = 1;
/** Several times what a loaded machine with two cores needs for a node's whole restart. */
export const WINDOW_SECONDS = 60;
export const CLOCK_SECONDS = 90;
export const ANSWER_SECONDS = 120;
/** Waiting for the last disputes, once nothing goes wrong any more: a window, both clocks, and as long for what must be sent. */
export const DRAIN_SECONDS = WINDOW_SECONDS + 2 * CLOCK_SECONDS + 120;

/** Chaos endpoints of each node. */
export const ENDPOINTS: number = 2;

/** Wei. */
export const STAKE = parseEther("20");
export const FEE = parseEther("0.01");
/** Least fee of honest operators. */
export const MIN_FEE = parseEther("0.001");

export const OPERATORS = ["operator-0", "operator-1"] as const;
export const VERIFIERS = ["verifier-0", "verifier-1"] as const;
export const HONEST = [...OPERATORS, ...VERIFIERS] as const;
export type HonestName = (typeof HONEST)[number];

export const LIARS = ["altered", "corrupt", "cheap", "silent"] as const;
export type LiarName = (typeof LIARS)[number];

export const CRANKS = ["crank-0", "crank-1"] as const;
export type CrankName = (typeof CRANKS)[number];

export type StakedName = HonestName | LiarName | CrankName;

export const MODELS = ["digits", "breast-cancer", "quotient"] as const;
export type ModelName = (typeof MODELS)[number];

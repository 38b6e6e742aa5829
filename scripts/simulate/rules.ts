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
export type OperatorName = (typeof OPERATORS)[number];
export type VerifierName = (typeof VERIFIERS)[number];
export const HONEST = [...OPERATORS, ...VERIFIERS] as const;
export type HonestName = (typeof HONEST)[number];

export function isHonest(name: string | undefined): boolean {
  return HONEST.some((honest) => honest === name);
}

export const LIARS = ["altered", "corrupt", "cheap", "silent"] as const;
export type LiarName = (typeof LIARS)[number];

export const CRANKS = ["crank-0", "crank-1"] as const;
export type CrankName = (typeof CRANKS)[number];

export type StakedName = HonestName | LiarName | CrankName;

export const MODELS = ["digits", "breast-cancer", "quotient"] as const;
export type ModelName = (typeof MODELS)[number];

/** Who answers over HTTP, for receipts. */
export const SELLERS = [...OPERATORS, ...LIARS] as const;
export type SellerName = (typeof SELLERS)[number];

/** Wei: of a receipt, and from where on vouchers are redeemed. */
export const RECEIPT_PRICE = parseEther("0.0001");
export const REDEEM_FROM = 5n * RECEIPT_PRICE;
/** A bond of 0.256 ETH: the first two challengers' shares pay for the longest dispute. */
export const RECEIPT_BOND_CLASS = 8;
/** Wei: behind the receipts of each seller, and what each challenger of receipts has free. */
export const RESERVE = parseEther("60");
/** Wei: of the client for each seller; an hour's orders are a small part of it. */
export const CLIENT_DEPOSIT = parseEther("1");
/** Orders on their way to one seller, at most: so many prices are at risk. */
export const MAX_IN_FLIGHT = 4;

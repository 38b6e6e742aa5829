/** What a node takes for its work, on real chains and real files. */
import type { Figure } from "./figure.ts";
import { measureFollow } from "./follow.ts";

/** By name: `npm run bench -- --node NAME...`. */
export const NODE_BENCHES: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  follow: measureFollow,
};

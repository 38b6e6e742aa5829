import type { RELEASE_STATES } from "../../../verifier/src/api/schema.ts";
import type { Release } from "../../../sdk/src/structs.ts";
import { float32Of } from "../../../verifier/src/inspect/scalar.ts";
import type { Standing } from "./states.tsx";

/** What a node found when it lowered a release's file itself. */
export const RELEASE_WORDS: Readonly<
  Record<(typeof RELEASE_STATES)[number], Standing & { readonly short: string }>
> = {
  ready: {
    tone: "good",
    short: "re-derived",
    words: "lowered the file itself: the release is what its file says",
  },
  waiting: {
    tone: "plain",
    short: "not looked at",
    words: "has had no reason to look at the file yet",
  },
  passing: {
    tone: "warn",
    short: "unavailable",
    words: "could not get or lower the file yet, and tries again",
  },
  failed: {
    tone: "bad",
    short: "refused",
    words: "refuses it: it is not what its file lowers to, or too large",
  },
};

/** @param bits Of a binary32. */
function rounded(bits: number, digits: number): string {
  return String(Number(float32Of(bits).toPrecision(digits)));
}

/** How far an answer may be off. */
export function toleranceText({ atol, rtol }: Release): string {
  if (atol === 0 && rtol === 0) return "none: answers are right to the last bit";
  return `|error| ≤ ${rounded(atol, 3)} + ${rounded(rtol, 3)} · |exact|`;
}

export function shortTolerance({ atol, rtol }: Release): string {
  const parts = [
    ...(atol === 0 ? [] : [rounded(atol, 2)]),
    ...(rtol === 0 ? [] : [`${rounded(rtol, 2)} · |x|`]),
  ];
  return parts.length === 0 ? "exact" : `± ${parts.join(" + ")}`;
}

/**
 * Tests at the nodes of decision trees. Whatever its mode, a test is a step function of one feature.
 */

/** A step function of one feature: outcome k holds up to and including limits[k], the last one beyond. */
export interface Split {
  readonly feature: number;
  readonly limits: readonly number[];
  readonly outcomes: readonly boolean[];
  /** Where a NaN goes. */
  readonly missing: boolean;
}

const word = new DataView(new ArrayBuffer(4));

/** The next float32 toward +infinity (or, by -1, -infinity). */
export function neighbour(value: number, direction: 1 | -1): number {
  if (value === 0) return direction * 2 ** -149;
  word.setFloat32(0, value);
  word.setInt32(0, word.getInt32(0) + (value > 0 ? direction : -direction));
  return word.getFloat32(0);
}

export const MODES = ["LEQ", "LT", "GTE", "GT", "EQ", "NEQ", "MEMBER"] as const;
export type Mode = (typeof MODES)[number];

/** The test of one node against a threshold, or against a set of members. */
export function splitOf(mode: Mode, feature: number, values: readonly number[], missing: boolean): Split {
  const [value = NaN] = values;
  const isNaN = Number.isNaN(value);
  // A NaN is unequal to all, and else compares as false.
  const base = { feature, missing: missing || mode === "NEQ" };
  const step = (limit: number, upTo: boolean): Split => {
    if (isNaN) return { ...base, limits: [], outcomes: [false] };
    return { ...base, limits: [limit], outcomes: [upTo, !upTo] };
  };
  const below = (upTo: boolean): Split =>
    value === -Infinity ? { ...base, limits: [], outcomes: [!upTo] } : step(neighbour(value, -1), upTo);
  if (mode === "LEQ") return step(value, true);
  if (mode === "GT") return step(value, false);
  if (mode === "LT") return below(true);
  if (mode === "GTE") return below(false);
  const inside = mode !== "NEQ";
  const members = [...new Set(values.filter((member) => !Number.isNaN(member)))].toSorted((p, q) => p - q);
  const limits: number[] = [];
  const outcomes: boolean[] = [];
  for (const member of members) {
    const before = member === -Infinity ? undefined : neighbour(member, -1);
    if (before !== undefined && before !== limits.at(-1)) {
      limits.push(before);
      outcomes.push(!inside);
    }
    limits.push(member);
    outcomes.push(inside);
  }
  return { ...base, limits, outcomes: [...outcomes, !inside] };
}

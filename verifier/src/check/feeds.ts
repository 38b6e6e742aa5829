/** Inputs on which onnxruntime and the exact interpreter are compared: ordinary ones, extreme ones, and ones that are no numbers. Pure. */
import { floatFormat, integerRange, isFloat } from "../../../program/src/dtype.ts";
import { numberBits } from "../../../program/src/onnx/host.ts";
import { setElementBits } from "../../../program/src/naive/value.ts";
import { seededRng, type Rng } from "../../../program/src/testing/rng.ts";
import { byteLengthOf, elementsOf, type ElementType, type TensorSpec } from "../../../sdk/src/tensor.ts";

/**
 * ordinary: floats up to a few hundred, any integers; a tolerance is proposed for these. extreme: the largest and the smallest
 * floats. special: NaN and infinities.
 */
export const GROUPS = ["ordinary", "extreme", "special"] as const;
export type Group = (typeof GROUPS)[number];

export interface Feed {
  readonly name: string;
  readonly group: Group;
  /** Input blob: little-endian elements of all input tensors. */
  readonly blob: Uint8Array;
}

/** Where an element stands. */
interface Place {
  readonly rng: Rng;
  readonly index: number;
  /** 0 in the first of two inputs, or in the first half of a lone one; else 1. */
  readonly side: 0 | 1;
  /** 0 to 1 from the tensor's first element to its last. */
  readonly position: number;
}

type Range = readonly [least: bigint, greatest: bigint];

interface Recipe {
  readonly name: string;
  readonly group: Group;
  /** Made only for models with an input of this kind. */
  readonly needs?: "floats" | "integers";
  readonly float: (place: Place, format: { readonly max: number; readonly least: number }) => number;
  readonly integer: (place: Place, range: Range) => bigint;
}

const SCALES = [1, 0.01, 100];
/** Wide integers are often token numbers, positions or masks: those of the full range alone would only be refused. */
const WIDE_RANGES: readonly (Range | undefined)[] = [undefined, [0n, 1n], [0n, 15n]];

function between(rng: Rng, [least, greatest]: Range): bigint {
  return least + (rng.bits(96) % (greatest - least + 1n));
}

const uniform = ({ rng }: Place, scale: number): number => (rng.u32() / 2 ** 31 - 1) * 2 * scale;
const isByte = ([least, greatest]: Range): boolean => greatest - least < 256n;
const small = ({ rng }: Place): bigint => between(rng, [0n, 1n]);
const clamp = (value: bigint, [least, greatest]: Range): bigint =>
  value < least ? least : value > greatest ? greatest : value;

function randomRecipe(k: number): Recipe {
  const scale = SCALES[k % SCALES.length] ?? 1;
  const wide = WIDE_RANGES[(k + Math.floor(k / SCALES.length)) % WIDE_RANGES.length];
  return {
    name: `random ${k + 1}`,
    group: "ordinary",
    float: (place) => uniform(place, scale),
    integer: ({ rng }, range) => between(rng, isByte(range) ? range : (wide ?? range)),
  };
}

function integers(name: string, integer: Recipe["integer"]): Recipe {
  return { name, group: "ordinary", needs: "integers", float: (place) => uniform(place, 1), integer };
}

function floats(name: string, group: Group, float: Recipe["float"]): Recipe {
  return { name, group, needs: "floats", float, integer: small };
}

const HUGE = 1e30;
const HOSTILE: readonly Recipe[] = [
  { name: "zeros", group: "ordinary", float: () => 0, integer: () => 0n },
  { name: "ones", group: "ordinary", float: () => 1, integer: () => 1n },
  integers("least integers", (_, [least]) => least),
  integers("greatest integers", (_, [, greatest]) => greatest),
  integers("integers of -1", (_, range) => (range[0] < 0n ? -1n : range[1])),
  integers("checkerboard of integers", ({ index }, range) => range[index % 2] ?? 0n),
  // As dividend and divisor: what processors trap on.
  integers("least integers, then -1", ({ side }, range) => (side === 0 ? range[0] : clamp(-1n, range))),
  integers("greatest integers, then 0", ({ side }, range) => (side === 0 ? range[1] : 0n)),
  floats("floats of -1", "ordinary", () => -1),
  // Ties: of rounding, and between elements.
  floats("halves", "ordinary", ({ rng }) => rng.int(-8, 8) / 2),
  floats("checkerboard of floats", "ordinary", ({ index }) => (index % 2 === 0 ? 1 : -1)),
  floats("ramp from -1 to 1", "ordinary", ({ position }) => 2 * position - 1),
  floats("floats of 1e30", "extreme", () => HUGE),
  floats("floats of -1e30", "extreme", () => -HUGE),
  floats("checkerboard of 1e30", "extreme", ({ index }) => (index % 2 === 0 ? HUGE : -HUGE)),
  floats("greatest floats", "extreme", (_, { max }) => max),
  floats("least floats", "extreme", (_, { max }) => -max),
  floats("tiny floats", "extreme", (place) => uniform(place, 1e-30)),
  floats("subnormal floats", "extreme", ({ rng }, { least }) => least * rng.int(-100, 100)),
  floats("NaN", "special", () => NaN),
  floats("one NaN", "special", (place) => (place.index === 0 ? NaN : uniform(place, 1))),
  floats("infinity", "special", () => Infinity),
  floats("-infinity", "special", () => -Infinity),
  floats("both infinities", "special", ({ index }) => (index % 2 === 0 ? Infinity : -Infinity)),
];

/** Greatest finite and least positive value of a float dtype. */
function formatOf(dtype: ElementType): { max: number; least: number } {
  const { precision, minExponent, maxExponent } = floatFormat(dtype);
  return { max: (2 - 2 ** (1 - precision)) * 2 ** maxExponent, least: 2 ** (minExponent - precision + 1) };
}

function bitsOf(dtype: ElementType, recipe: Recipe, place: Place): bigint {
  if (!isFloat(dtype)) return numberBits(dtype, recipe.integer(place, integerRange(dtype)));
  const format = formatOf(dtype);
  const value = recipe.float(place, format);
  // 1e30 is beyond float16: its greatest value stands in.
  const finite = Number.isFinite(value) ? Math.max(-format.max, Math.min(format.max, value)) : value;
  return numberBits(dtype, finite);
}

function make(specs: readonly TensorSpec[], recipe: Recipe, rng: Rng): Feed {
  const parts = specs.map((spec, input) => {
    const data = new Uint8Array(byteLengthOf(spec));
    const count = elementsOf(spec);
    for (let index = 0; index < count; index++) {
      const second = specs.length > 1 ? input % 2 === 1 : 2 * index >= count;
      const place = { rng, index, side: second ? 1 : 0, position: index / Math.max(1, count - 1) } as const;
      setElementBits(spec.dtype, data, index, bitsOf(spec.dtype, recipe, place));
    }
    return data;
  });
  return { name: recipe.name, group: recipe.group, blob: new Uint8Array(Buffer.concat(parts)) };
}

/**
 * @param specs A model's inputs, of any shapes and dtypes.
 * @param samples Random inputs: of scales 1, 0.01 and 100 in turn; wide integers of the full range, of 0..1 and of 0..15.
 * @returns the random inputs and the hostile ones that its dtypes allow, all different; the same for the same seed.
 */
export function makeFeeds(specs: readonly TensorSpec[], samples: number, seed: number): Feed[] {
  const has = {
    floats: specs.some(({ dtype }) => isFloat(dtype)),
    integers: specs.some(({ dtype }) => !isFloat(dtype)),
  };
  const recipes = [...Array.from({ length: samples }, (_, k) => randomRecipe(k)), ...HOSTILE];
  const rng = seededRng(seed);
  const seen = new Set<string>();
  return recipes
    .filter(({ needs }) => needs === undefined || has[needs])
    .map((recipe) => make(specs, recipe, rng))
    .filter(({ blob }) => {
      const key = Buffer.from(blob).toString("base64");
      const known = seen.has(key);
      seen.add(key);
      return !known;
    });
}

/**
 * Reading tensors at coordinates that are computed (ONNX Operators: GridSample, RoiAlign, DeformConv): per coordinate the
 * positions around it, and their weights.
 */
import type { Builder } from "../builder.ts";
import { cast, map, unsqueeze } from "../compose.ts";
import type { GatherCoordinate } from "../spec.ts";
import { at } from "../affine.ts";
import type { Value } from "../value.ts";

/** Both have one more dimension than the coordinates, at the end: the positions around one coordinate. */
export interface ComputedTaps {
  readonly positions: Value;
  readonly weights: Value;
}

function lastAxis(value: Value): Value {
  return unsqueeze(value, [value.shape.length]);
}

/**
 * Keys' cubic kernel with a = -0.75: coefficients of |distance| to the powers 3, 2, 1, 0 for each of the four positions. Each
 * step is one fused multiply-add.
 */
const A = -0.75;
const KERNEL = [
  [A, A + 2, A + 2, A],
  [-5 * A, -(A + 3), -(A + 3), -5 * A],
  [8 * A, 0, 0, 8 * A],
  [-4 * A, 1, 1, -4 * A],
];

/**
 * Linear: floor(x) and floor(x) + 1 with the weights |f - 1| and f = x - floor(x). Cubic: floor(x) - 1 to floor(x) + 2.
 * Positions are i32 and may be anywhere.
 */
export function tapsAround(b: Builder, x: Value, cubic = false): ComputedTaps {
  const floor = map(b, "floor", "f32", x);
  const fraction = lastAxis(map(b, "sub", "f32", x, floor));
  const offsets = cubic ? [-1, 0, 1, 2] : [0, 1];
  const positions = map(b, "add", "i32", lastAxis(cast(b, floor, "i32")), b.list("i32", offsets));
  const distance = (origins: readonly number[]) =>
    map(b, "abs", "f32", map(b, "sub", "f32", fraction, b.list("f32", origins)));
  // The weight of one side is the distance from the other.
  if (!cubic) return { positions, weights: distance([1, 0]) };
  const d = distance(offsets);
  const [leading, ...others] = KERNEL.map((coefficients) => b.list("f32", coefficients));
  const weights = others.reduce((sum, c) => map(b, "fma", "f32", sum, d, c), leading ?? d);
  return { positions, weights };
}

/** A coordinate read from `positions`, whose dimensions are the given iteration dimensions. */
export function gatherAt(positions: Value, dims: readonly number[]): GatherCoordinate {
  return { gather: positions, at: dims.map((dim) => at(dim)) };
}

/** The product of weights per axis, whose last dimensions become one each: [..., taps 0, taps 1, ...]. */
export function jointWeights(b: Builder, weights: readonly Value[]): Value {
  return weights
    .map((value, k) => {
      const rank = value.shape.length - 1;
      const ones = weights.flatMap((_, other) => (other === k ? [] : [rank + other]));
      return unsqueeze(value, ones);
    })
    .reduce((product, factor) => map(b, "mul", "f32", product, factor));
}

/** How far an output tensor is from the exact one, in the terms of a release's tolerance: |error| <= atol + rtol * |exact|. Pure. */
import { floatFormat, isFloat } from "../../../program/src/dtype.ts";
import { floatValue } from "../../../program/src/fast/float.ts";
import { elementBytes, type ElementType } from "../../../sdk/src/tensor.ts";

/** Share of scale + |exact| from which on a difference counts as another value. */
export const JUMP = 2 ** -6;

/** Of one output over any number of runs. */
export interface Deviation {
  /** Elements compared, and those of them whose bits differ. */
  readonly elements: number;
  readonly differing: number;
  /** Elements of which only one side is NaN or an infinity, or the two are not the same one: no tolerance covers these. */
  readonly incomparable: number;
  /** Elements that are another value rather than a rounding away: integers that differ, floats by more than {@link JUMP}. */
  readonly flipped: number;
  /** Worst |error|, and worst |error| / |exact| over exact values other than 0, of finite elements. */
  readonly absolute: number;
  readonly relative: number;
  /** Worst |error| / (scale + |exact|): the t with which atol = t * scale and rtol = t cover all finite elements. */
  readonly scaled: number;
}

export const NO_DEVIATION: Deviation = {
  elements: 0,
  differing: 0,
  incomparable: 0,
  flipped: 0,
  absolute: 0,
  relative: 0,
  scaled: 0,
};

export function worse(a: Deviation, b: Deviation): Deviation {
  return {
    elements: a.elements + b.elements,
    differing: a.differing + b.differing,
    incomparable: a.incomparable + b.incomparable,
    flipped: a.flipped + b.flipped,
    absolute: Math.max(a.absolute, b.absolute),
    relative: Math.max(a.relative, b.relative),
    scaled: Math.max(a.scaled, b.scaled),
  };
}

/** Elements of an f16, bf16 or f32 tensor as numbers. */
export function floatsOf(dtype: ElementType, bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const widths = elementBytes(dtype);
  return Float64Array.from({ length: bytes.length / widths }, (_, i) =>
    floatValue(dtype, dtype === "f32" ? view.getUint32(4 * i, true) : view.getUint16(2 * i, true)),
  );
}

/** Half a unit in the last place of 1: the relative error of one rounding. */
export function roundoffOf(dtype: ElementType): number {
  return 2 ** -floatFormat(dtype).precision;
}

/**
 * @param exact One output tensor's canonical bytes, and `found` what onnxruntime gives for it; of the same length.
 * @param scale Magnitude, greater than 0, below which errors count as absolute.
 */
export function compare(dtype: ElementType, exact: Uint8Array, found: Uint8Array, scale: number): Deviation {
  const width = elementBytes(dtype);
  const elements = exact.length / width;
  if (Buffer.compare(exact, found) === 0) return { ...NO_DEVIATION, elements };
  const same = (i: number): boolean => {
    for (let at = i * width; at < (i + 1) * width; at++) if (exact[at] !== found[at]) return false;
    return true;
  };
  const float = isFloat(dtype);
  const [right, given] = float ? [floatsOf(dtype, exact), floatsOf(dtype, found)] : [];
  let [differing, incomparable, flipped, absolute, relative, scaled] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < elements; i++) {
    if (same(i)) continue;
    differing++;
    const [e, f] = [right?.[i] ?? NaN, given?.[i] ?? NaN];
    const error = Math.abs(e - f);
    if (!Number.isFinite(error)) {
      flipped++;
      if (float) incomparable++;
      continue;
    }
    if (error > JUMP * (scale + Math.abs(e))) flipped++;
    absolute = Math.max(absolute, error);
    if (e !== 0) relative = Math.max(relative, error / Math.abs(e));
    scaled = Math.max(scaled, error / (scale + Math.abs(e)));
  }
  return { elements, differing, incomparable, flipped, absolute, relative, scaled };
}

/** Median magnitude of the finite elements other than 0; undefined if there are none. */
export function typicalMagnitude(values: Iterable<number>): number | undefined {
  const sizes = Float64Array.from(Array.from(values, Math.abs).filter((x) => Number.isFinite(x) && x > 0));
  return sizes.sort()[Math.floor(sizes.length / 2)];
}

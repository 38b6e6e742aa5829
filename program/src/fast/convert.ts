/**
 * Kernels of conversions, selections and quantisation.
 */
import { integerRange, isFloat, isInteger, type DTypeName } from "../dtype.ts";
import type { Kernel, Operand } from "./body.ts";
import { floatBits } from "./float.ts";
import { rintOf } from "./real.ts";

const identity: Kernel = (_n, _out, a) => a;

/** Range of an integer dtype; the largest 64-bit values are rounded up to a power of two, which a saturating store takes back. */
function rangeOf(name: DTypeName): readonly [number, number] {
  const [low, high] = integerRange(name);
  return [Number(low), Number(high)];
}

function truncate(name: DTypeName): Kernel {
  const [low, high] = rangeOf(name);
  return (n, out, a) => {
    for (let i = 0; i < n; i++) {
      const x = a[i] ?? 0;
      out[i] = x !== x ? 0 : Math.trunc(Math.max(low, Math.min(high, x)));
    }
    return out;
  };
}

/** Body copy into dtype `name`, but for the rounding or wrap of the store. undefined: acc. */
export function copyKernel(name: DTypeName, from: Operand): Kernel | undefined {
  if (name === "acc" || from.dtype === "acc") return undefined;
  if (isInteger(from.dtype) || isFloat(name) || name === "bool") return identity;
  return truncate(name);
}

/** Body sat. */
export function satKernel(name: DTypeName, from: Operand): Kernel {
  const [low, high] = rangeOf(name);
  if (isInteger(from.dtype))
    return (n, out, a) => {
      for (let i = 0; i < n; i++) out[i] = Math.max(low, Math.min(high, a[i] ?? 0));
      return out;
    };
  return (n, out, a) => {
    for (let i = 0; i < n; i++) {
      const x = a[i] ?? 0;
      out[i] = x !== x ? low : Math.max(low, Math.min(high, rintOf(x)));
    }
    return out;
  };
}

/** Selects by the first operand between the other two, already converted. */
export const whereKernel: Kernel = (n, out, condition, a, b) => {
  for (let i = 0; i < n; i++) out[i] = (condition[i] === 0 ? b[i] : a[i]) ?? 0;
  return out;
};

/** Clears the mask where a and b are neither equal nor both NaN. */
export function maskUnequal(n: number, mask: Uint8Array, a: Float64Array, b: Float64Array): void {
  for (let i = 0; i < n; i++) {
    const x = a[i] ?? 0;
    const y = b[i] ?? 0;
    if (x !== y && (x === x || y === y)) mask[i] = 0;
  }
}

const NAN_KEY = 2 ** 31 - 1;

/** Body key: the bits, as a signed magnitude. */
export function keyKernel(from: DTypeName): Kernel {
  return (n, out, a) => {
    for (let i = 0; i < n; i++) {
      const x = a[i] ?? 0;
      const bits = floatBits(from, Math.abs(x));
      out[i] = x !== x ? NAN_KEY : x < 0 ? -bits : bits;
    }
    return out;
  };
}

/** Beyond it a quotient saturates into 32 bits whatever is added of at most 2^50. */
const FAR = 2 ** 52;

/**
 * Bodies qmul and qdiv. The float64 product of two binary32 values is exact and their quotient rounds innocuously (real.ts).
 * @returns undefined for 64-bit outputs and zero points beyond 2^50.
 */
export function requantizeKernel(
  body: "qmul" | "qdiv",
  name: DTypeName,
  [a, b, z]: readonly [Operand, Operand, Operand],
): Kernel | undefined {
  if (name === "u64" || name === "i64" || a.dtype === "acc" || b.dtype !== "f32" || z.bits > 50)
    return undefined;
  const [low, high] = rangeOf(name);
  const finish = (scaled: number, zero: number): number =>
    scaled !== scaled
      ? low
      : Math.max(low, Math.min(high, rintOf(Math.max(-FAR, Math.min(FAR, scaled))) + zero));
  if (body === "qmul")
    return (n, out, x, y, zero) => {
      for (let i = 0; i < n; i++)
        out[i] = finish(Math.fround(Math.fround(x[i] ?? 0) * (y[i] ?? 0)), zero[i] ?? 0);
      return out;
    };
  return (n, out, x, y, zero) => {
    for (let i = 0; i < n; i++)
      out[i] = finish(Math.fround(Math.fround(x[i] ?? 0) / (y[i] ?? 0)), zero[i] ?? 0);
    return out;
  };
}

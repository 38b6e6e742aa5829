/**
 * The referee's predicate on a published output, in exact arithmetic: the same as `IReferee.judgeOutput`.
 */
import { dtype, floatFormat, isFloat, type DTypeName } from "../../../program/src/dtype.ts";
import { canonicalise } from "../../../program/src/onnx/host.ts";

/** binary32 bits of finite, non-negative numbers; both 0: the bytes must be equal. */
export interface Tolerance {
  readonly atol: number;
  readonly rtol: number;
}

type Real = { readonly kind: "finite"; readonly scaled: bigint } | { readonly kind: "nan" | "+inf" | "-inf" };

/** Every finite value of f16, bf16 and f32 is an integer times 2^-149. */
const SCALE = 149;

function realOf(name: DTypeName, bits: number): Real {
  const { precision, minExponent } = floatFormat(name);
  const width = dtype(name).bytes * 8;
  const fieldBits = width - precision;
  const negative = bits >>> (width - 1) === 1;
  const exponent = (bits >>> (precision - 1)) & (2 ** fieldBits - 1);
  const fraction = bits & (2 ** (precision - 1) - 1);
  if (exponent === 2 ** fieldBits - 1) return { kind: fraction !== 0 ? "nan" : negative ? "-inf" : "+inf" };
  const significand = exponent === 0 ? fraction : fraction + 2 ** (precision - 1);
  const shift = Math.max(exponent, 1) - 1 + minExponent - (precision - 1) + SCALE;
  const magnitude = BigInt(significand) << BigInt(shift);
  return { kind: "finite", scaled: negative ? -magnitude : magnitude };
}

function abs(x: bigint): bigint {
  return x < 0n ? -x : x;
}

function elementBits(name: DTypeName, data: Uint8Array, index: number): number {
  const { bytes } = dtype(name);
  let bits = 0;
  for (let i = bytes - 1; i >= 0; i--) bits = bits * 256 + (data[index * bytes + i] ?? 0);
  return bits;
}

function finite(name: DTypeName, bits: number): bigint {
  const real = realOf(name, bits);
  if (real.kind !== "finite") throw new RangeError("a tolerance is finite");
  return real.scaled;
}

function close(exact: Real, published: Real, atol: bigint, rtol: bigint): boolean {
  if (exact.kind !== "finite" || published.kind !== "finite") return exact.kind === published.kind;
  const error = abs(exact.scaled - published.scaled) << BigInt(SCALE);
  return error <= (atol << BigInt(SCALE)) + rtol * abs(exact.scaled);
}

/**
 * @param exact One output tensor's canonical bytes; `published`: its bytes as published.
 * @returns index of the first element that a referee judges wrong, or undefined.
 */
export function firstWrongElement(
  name: DTypeName,
  exact: Uint8Array,
  published: Uint8Array,
  tolerance: Tolerance,
): number | undefined {
  const { bytes } = dtype(name);
  const strict = tolerance.atol === 0 && tolerance.rtol === 0;
  const canonical = canonicalise(name, new Uint8Array(published));
  const [atol, rtol] = [finite("f32", tolerance.atol), finite("f32", tolerance.rtol)];
  for (let at = 0; at < exact.length; at++) {
    if (exact[at] === published[at]) continue;
    const element = Math.floor(at / bytes);
    const [from, end] = [element * bytes, (element + 1) * bytes];
    if (
      strict ||
      !isFloat(name) ||
      Buffer.compare(canonical.subarray(from, end), published.subarray(from, end)) !== 0
    )
      return element;
    const [right, claimed] = [
      realOf(name, elementBits(name, exact, element)),
      realOf(name, elementBits(name, published, element)),
    ];
    if (!close(right, claimed, atol, rtol)) return element;
    at = end - 1;
  }
  return undefined;
}

/**
 * Kernels of the correctly rounded elementary functions: a float64 approximation with a proven error bound decides if all reals within
 * the bound round to one element (all but some 2^-18 of them); else arbitrary precision does.
 */
import type { DTypeName } from "../dtype.ts";
import { elementary, type ElementaryBody } from "../naive/elementary.ts";
import type { Kernel } from "./body.ts";
import * as approximate from "./approximate.ts";
import { floatBits, floatValue, mulOdd, roundOf, type Round } from "./float.ts";

/** Relative; all functions of approximate.ts stay below it. */
const BOUND = 2 ** -44;
/**
 * pow = exp(y log x): the logarithm's relative error of 2^-47, the product's and exp's own 2^-49 come to at most 111 * 2^-46 while
 * |y log x| <= 111, outside of which every dtype overflows or vanishes by far more.
 */
const POW_BOUND = 2 ** -39;

type Unary = Exclude<ElementaryBody, "sqrt" | "pow">;
type Loop = (n: number, out: Float64Array, a: Float64Array) => void;

/** One loop per function, so that each is compiled with its function inlined. */
const LOOPS: Readonly<Record<Unary, Loop>> = {
  exp: (n, out, a) => {
    for (let i = 0; i < n; i++) out[i] = approximate.exp(a[i] ?? 0);
  },
  expm1: (n, out, a) => {
    for (let i = 0; i < n; i++) out[i] = approximate.expm1(a[i] ?? 0);
  },
  log: (n, out, a) => {
    for (let i = 0; i < n; i++) out[i] = approximate.log(a[i] ?? 0);
  },
  log1p: (n, out, a) => {
    for (let i = 0; i < n; i++) out[i] = approximate.log1p(a[i] ?? 0);
  },
  sin: (n, out, a) => {
    for (let i = 0; i < n; i++) out[i] = approximate.sin(a[i] ?? 0);
  },
  cos: (n, out, a) => {
    for (let i = 0; i < n; i++) out[i] = approximate.cos(a[i] ?? 0);
  },
  atan: (n, out, a) => {
    for (let i = 0; i < n; i++) out[i] = approximate.atan(a[i] ?? 0);
  },
  tanh: (n, out, a) => {
    for (let i = 0; i < n; i++) out[i] = approximate.tanh(a[i] ?? 0);
  },
  erf: (n, out, a) => {
    for (let i = 0; i < n; i++) out[i] = approximate.erf(a[i] ?? 0);
  },
};

/** How many results the approximation left open; for benchmarks. */
export const elementaryStages = { bound: 0, exact: 0 };

/** The function by arbitrary precision. */
export function exactly(body: ElementaryBody, name: DTypeName, x: number, y: number): number {
  elementaryStages.exact++;
  const bits = elementary(body, name, BigInt(floatBits(name, x)), BigInt(floatBits(name, y)));
  return floatValue(name, Number(bits));
}

function unaryKernel(body: Unary, name: DTypeName): Kernel {
  const round = roundOf(name);
  const loop = LOOPS[body];
  return (n, out, a) => {
    loop(n, out, a);
    const single = name === "f32";
    for (let i = 0; i < n; i++) {
      const y = out[i] ?? 0;
      const low = single ? Math.fround(y - y * BOUND) : round(y - y * BOUND);
      const high = single ? Math.fround(y + y * BOUND) : round(y + y * BOUND);
      // NaN and infinities are exact.
      if (low === high) out[i] = low;
      else if (Number.isFinite(y)) out[i] = exactly(body, name, a[i] ?? 0, 0);
    }
    elementaryStages.bound += n;
    return out;
  };
}

/** x^y for x > 0 and y, both finite, or undefined if the approximation leaves it open. */
function positivePower(x: number, y: number, round: Round): number | undefined {
  const value = approximate.exp(y * approximate.log(x));
  const low = round(value - value * POW_BOUND);
  return low === round(value + value * POW_BOUND) ? low : undefined;
}

/** pow where it is simple or plain; the small exponents would often end halfway between two elements. */
function power(x: number, y: number, round: Round): number | undefined {
  if (y === 0 || x === 1) return 1;
  if (x !== x || y !== y) return NaN;
  if (y === 1) return x;
  if (y === 2) return round(x * x);
  if (!Number.isFinite(x) || !Number.isFinite(y)) return undefined;
  // These are right for zeros and negative x too; see real.ts on the roundings.
  if (y === 3) return round(mulOdd(x * x, x));
  if (y === -1) return round(1 / x);
  if (x === 0) return y > 0 ? 0 : Infinity;
  if (x > 0) return y === 0.5 ? round(Math.sqrt(x)) : positivePower(x, y, round);
  if (!Number.isInteger(y)) return NaN;
  const value = positivePower(-x, y, round);
  return value !== undefined && y % 2 !== 0 ? -value : value;
}

function powKernel(name: DTypeName): Kernel {
  const round = roundOf(name);
  return (n, out, a, b) => {
    for (let i = 0; i < n; i++) {
      const x = a[i] ?? 0;
      const y = b[i] ?? 0;
      out[i] = power(x, y, round) ?? exactly("pow", name, x, y);
    }
    elementaryStages.bound += n;
    return out;
  };
}

/** Operands and output have the one float dtype `name`. */
export function elementaryKernel(body: Unary | "pow", name: DTypeName): Kernel {
  return body === "pow" ? powKernel(name) : unaryKernel(body, name);
}

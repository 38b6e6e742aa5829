/**
 * Kernels of the integer bodies, and of those that are the same for integers and reals. Integer operands are at most 2^51 in size;
 * results are exact integers below 2^53 (or exact multiples of powers of two), which the store wraps.
 */
import { dtype, type DTypeName } from "../dtype.ts";
import type { Body } from "../instruction.ts";
import type { Kernel, Operand } from "./body.ts";

const identity: Kernel = (_n, _out, a) => a;

const add: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) out[i] = (a[i] ?? 0) + (b[i] ?? 0);
  return out;
};

const sub: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) out[i] = (a[i] ?? 0) - (b[i] ?? 0);
  return out;
};

const mul: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) out[i] = (a[i] ?? 0) * (b[i] ?? 0);
  return out;
};

/** Modulo 2^32, for outputs of at most 32 bits. */
const mul32: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) out[i] = Math.imul(a[i] ?? 0, b[i] ?? 0);
  return out;
};

const fma: Kernel = (n, out, a, b, c) => {
  for (let i = 0; i < n; i++) out[i] = (a[i] ?? 0) * (b[i] ?? 0) + (c[i] ?? 0);
  return out;
};

const fma32: Kernel = (n, out, a, b, c) => {
  for (let i = 0; i < n; i++) out[i] = Math.imul(a[i] ?? 0, b[i] ?? 0) + (c[i] ?? 0);
  return out;
};

/** A quotient that is no integer differs from the next one by 2^-51 of itself or more: rounding does not reach it. */
const div: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) {
    const y = b[i] ?? 0;
    out[i] = y === 0 ? 0 : Math.trunc((a[i] ?? 0) / y);
  }
  return out;
};

const mod: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) {
    const y = b[i] ?? 0;
    const r = y === 0 ? 0 : (a[i] ?? 0) % y;
    out[i] = r !== 0 && r < 0 !== y < 0 ? r + y : r;
  }
  return out;
};

const rem: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) {
    const y = b[i] ?? 0;
    out[i] = y === 0 ? 0 : (a[i] ?? 0) % y;
  }
  return out;
};

const neg: Kernel = (n, out, a) => {
  for (let i = 0; i < n; i++) out[i] = -(a[i] ?? 0);
  return out;
};

const abs: Kernel = (n, out, a) => {
  for (let i = 0; i < n; i++) out[i] = Math.abs(a[i] ?? 0);
  return out;
};

/** Math.min and Math.max give NaN for a NaN operand. */
const min: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) out[i] = Math.min(a[i] ?? 0, b[i] ?? 0);
  return out;
};

const max: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) out[i] = Math.max(a[i] ?? 0, b[i] ?? 0);
  return out;
};

const sign: Kernel = (n, out, a) => {
  for (let i = 0; i < n; i++) out[i] = Math.sign(a[i] ?? 0);
  return out;
};

const eq: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) out[i] = a[i] === b[i] ? 1 : 0;
  return out;
};

const ne: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) out[i] = a[i] !== b[i] ? 1 : 0;
  return out;
};

const lt: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) out[i] = (a[i] ?? 0) < (b[i] ?? 0) ? 1 : 0;
  return out;
};

const le: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) out[i] = (a[i] ?? 0) <= (b[i] ?? 0) ? 1 : 0;
  return out;
};

/** The upper word of a two's complement integer of unlimited width. */
function upper(x: number): number {
  return Math.floor(x / 2 ** 32);
}

/** Bit operations word by word; bitwise operators take their operands modulo 2^32. */
const and: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) {
    const x = a[i] ?? 0;
    const y = b[i] ?? 0;
    out[i] = (upper(x) & upper(y)) * 2 ** 32 + ((x & y) >>> 0);
  }
  return out;
};

const or: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) {
    const x = a[i] ?? 0;
    const y = b[i] ?? 0;
    out[i] = (upper(x) | upper(y)) * 2 ** 32 + ((x | y) >>> 0);
  }
  return out;
};

const xor: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) {
    const x = a[i] ?? 0;
    const y = b[i] ?? 0;
    out[i] = (upper(x) ^ upper(y)) * 2 ** 32 + ((x ^ y) >>> 0);
  }
  return out;
};

const not: Kernel = (n, out, a) => {
  for (let i = 0; i < n; i++) out[i] = -1 - (a[i] ?? 0);
  return out;
};

const isZero: Kernel = (n, out, a) => {
  for (let i = 0; i < n; i++) out[i] = a[i] === 0 ? 1 : 0;
  return out;
};

/** Scaling by a power of two is exact. */
function shift(bits: number, sign: 1 | -1): Kernel {
  return (n, out, a, b) => {
    for (let i = 0; i < n; i++) {
      const by = b[i] ?? 0;
      out[i] = by < 0 || by >= bits ? 0 : Math.floor((a[i] ?? 0) * 2 ** (sign * by));
    }
    return out;
  };
}

/** Results never exceed 2^result; Infinity where they are only right modulo 2^32 or hold beyond 2^53 only by luck. */
export interface IntegerKernel {
  readonly kernel: Kernel;
  readonly result: number;
}

const SAME: Partial<Record<Body, Kernel>> = { neg, abs, sign, min, max, eq, ne, lt, le };

/** Kernels that are exact for reals and integers alike. */
export function plainKernel(body: Body): Kernel | undefined {
  return SAME[body];
}

/** @returns undefined if no kernel is exact for such operands. */
export function integerKernel(
  body: Body,
  name: DTypeName,
  [a, b, c]: readonly [Operand, Operand, Operand],
): IntegerKernel | undefined {
  const either = Math.max(a.bits, b.bits);
  const product = a.bits + b.bits;
  const modular = name !== "bool" && dtype(name).bytes <= 4;
  switch (body) {
    case "floor":
    case "ceil":
    case "rint":
      return { kernel: identity, result: a.bits };
    case "add":
      return { kernel: add, result: either + 1 };
    case "sub":
      return { kernel: sub, result: either + 1 };
    case "mul":
      if (product <= 52) return { kernel: mul, result: product };
      return modular ? { kernel: mul32, result: Infinity } : undefined;
    case "fma":
      if (Math.max(product, c.bits) <= 51) return { kernel: fma, result: Math.max(product, c.bits) + 1 };
      return modular ? { kernel: fma32, result: Infinity } : undefined;
    case "div":
      return { kernel: div, result: a.bits };
    case "mod":
      return { kernel: mod, result: b.bits };
    case "rem":
      return { kernel: rem, result: Math.min(a.bits, b.bits) };
    case "neg":
    case "abs":
    case "min":
    case "max": {
      const kernel = SAME[body];
      return kernel && { kernel, result: either };
    }
    case "sign":
    case "eq":
    case "ne":
    case "lt":
    case "le": {
      const kernel = SAME[body];
      return kernel && { kernel, result: 0 };
    }
    case "and":
      return { kernel: and, result: either + 1 };
    case "or":
      return { kernel: or, result: either + 1 };
    case "xor":
      return { kernel: xor, result: either + 1 };
    case "not":
      return name === "bool" ? { kernel: isZero, result: 0 } : { kernel: not, result: a.bits + 1 };
    case "shl":
      return { kernel: shift(8 * dtype(name).bytes, 1), result: Infinity };
    case "shr":
      return { kernel: shift(8 * dtype(name).bytes, -1), result: a.bits };
    default:
      return undefined;
  }
}

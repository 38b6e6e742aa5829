/**
 * Tables of the elementary functions, computed once in fixed point (units of 2^-P) far beyond float64, each entry then rounded to
 * a float64: relative error at most 2^-53 + 2^-100.
 */
export const P = 384n;
const ONE = 1n << P;

/** The float64 nearest to value * 2^-P but for a truncation below 2^-64 of it. */
export function toNumber(value: bigint): number {
  const size = value < 0n ? -value : value;
  const drop = Math.max(0, size.toString(2).length - 120);
  const number = Number(size >> BigInt(drop)) * 2 ** (drop - Number(P));
  return value < 0n ? -number : number;
}

/** The leading bits of a positive value as a float64, and what is left. */
export function splitBits(value: bigint, bits: number): [number, bigint] {
  const drop = BigInt(value.toString(2).length - bits);
  const head = (value >> drop) << drop;
  return [toNumber(head), value - head];
}

/** atan(n / d) by Euler's series: terms fall by n^2 / (n^2 + d^2) <= 1/2 each. */
function atanFixed(n: bigint, d: bigint): bigint {
  const square = n * n;
  const both = square + d * d;
  let term = (ONE * n * d) / both;
  let sum = 0n;
  for (let k = 1n; term > 0n; k++) {
    sum += term;
    term = (term * 2n * k * square) / ((2n * k + 1n) * both);
  }
  return sum;
}

/** exp(n / d) for small n / d >= 0. */
function expFixed(n: bigint, d: bigint): bigint {
  let term = ONE;
  let sum = 0n;
  for (let k = 1n; term > 0n; k++) {
    sum += term;
    term = (term * n) / (d * k);
  }
  return sum;
}

function sqrtFixed(value: bigint): bigint {
  const target = value << P;
  let x = 1n << ((BigInt(target.toString(2).length) + 1n) / 2n);
  for (;;) {
    const next = (x + target / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}

/** log 2 = sum of 1 / (k 2^k). */
function ln2Fixed(): bigint {
  let sum = 0n;
  for (let k = 1n; k <= P; k++) sum += (ONE >> k) / k;
  return sum;
}

export const PI = 4n * atanFixed(1n, 1n);
export const LN2 = ln2Fixed();
export const TWO_OVER_PI = (2n * ONE * ONE) / PI;

/** 2^(j/64), j = 0..63. */
export function powersOfTwo(): Float64Array {
  let root = 2n * ONE;
  for (let i = 0; i < 6; i++) root = sqrtFixed(root);
  const table = new Float64Array(64);
  let power = ONE;
  for (let j = 0; j < 64; j++) {
    table[j] = toNumber(power);
    power = (power * root) >> P;
  }
  return table;
}

/** atan(j/16), j = 0..16. */
export function arctangents(): Float64Array {
  return Float64Array.from({ length: 17 }, (_, j) => toNumber(atanFixed(BigInt(j), 16n)));
}

/**
 * Taylor coefficients of erf at j/8, j = 1..32, 12 each: erf(c), then 2/sqrt(pi) e^(-c^2) (-1)^n H_n(c) / (n+1)! for h^(n+1) with
 * Hermite's H_n (H_0 = 1, H_1 = 2c, H_(n+1) = 2c H_n - 2n H_(n-1)).
 */
export const ERF_TERMS = 12;

export function erfCoefficients(): Float64Array {
  const scale = (2n * ONE * ONE) / sqrtFixed(PI);
  const table = new Float64Array(33 * ERF_TERMS);
  for (let j = 1n; j <= 32n; j++) {
    const gauss = (scale * ONE) / expFixed(j * j, 64n);
    // erf(c) = 2/sqrt(pi) e^(-c^2) * sum of 2^k c^(2k+1) / (1 * 3 * ... * (2k+1))
    let term = (gauss * j) / 8n;
    let value = 0n;
    for (let k = 1n; term > 0n; k++) {
      value += term;
      term = (term * 2n * j * j) / (64n * (2n * k + 1n));
    }
    const at = Number(j) * ERF_TERMS;
    table[at] = toNumber(value);
    let before = 0n;
    let hermite = ONE;
    let factor = gauss;
    for (let n = 0n; n < BigInt(ERF_TERMS) - 1n; n++) {
      factor /= n + 1n;
      const coefficient = (factor * hermite) >> P;
      table[at + Number(n) + 1] = toNumber(n % 2n === 0n ? coefficient : -coefficient);
      [before, hermite] = [hermite, (2n * j * hermite) / 8n - 2n * n * before];
    }
  }
  return table;
}

/** 2/sqrt(pi). */
export const TWO_OVER_SQRT_PI = toNumber((2n * ONE * ONE) / sqrtFixed(PI));

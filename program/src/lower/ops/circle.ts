/**
 * Cosine and sine of fractions of a turn, by the four basic operations of float64 alone, whose results are the same on every
 * machine; those of Math need not be. Exact at multiples of a quarter turn, else within some 2^-52.
 */

/** Σ (-1)^k x^(2k + first) / (2k + first)!, for 0 <= x <= π/4: the cosine (first = 0) or the sine (first = 1). */
function series(x: number, first: 0 | 1): number {
  let sum = 0;
  for (let k = 18 + first; k > first; k -= 2) sum = ((1 - sum) * x * x) / (k * (k - 1));
  return (1 - sum) * (first === 1 ? x : 1);
}

/** cos(2π · part / whole), for integers below 2^50. */
export function cosine(part: number, whole: number): number {
  // The angle is π · half / whole, with 0 <= half <= whole.
  const turns = ((part % whole) + whole) % whole;
  const half = 2 * Math.min(turns, whole - turns);
  if (2 * half > whole) return -firstQuarter(whole - half, whole);
  return firstQuarter(half, whole);
}

/** cos(π · half / whole) up to π/2. */
function firstQuarter(half: number, whole: number): number {
  if (4 * half <= whole) return series((Math.PI * half) / whole, 0);
  return series((Math.PI * (whole - 2 * half)) / (2 * whole), 1);
}

/** sin(2π · part / whole). */
export function sine(part: number, whole: number): number {
  return cosine(4 * part - whole, 4 * whole);
}

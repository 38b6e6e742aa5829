/**
 * Seeded random numbers for fuzz tests.
 */
export interface Rng {
  /** 32 random bits. */
  readonly u32: () => number;
  /** An integer in [from, to]. */
  readonly int: (from: number, to: number) => number;
  readonly chance: (probability: number) => boolean;
  readonly pick: <T>(items: readonly T[]) => T;
  /** `width` random bits. */
  readonly bits: (width: number) => bigint;
}

/** sfc32 (Chris Doty-Humphrey's PractRand), from one 32-bit seed. */
export function seededRng(seed: number): Rng {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = seed | 0;
  let counter = 1;
  const u32 = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) u32();
  const int = (from: number, to: number): number => from + Math.floor((u32() / 2 ** 32) * (to - from + 1));
  const pick = <T>(items: readonly T[]): T => {
    const item = items[int(0, items.length - 1)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  };
  const bits = (width: number): bigint => {
    let all = 0n;
    for (let have = 0; have < width; have += 32) all = (all << 32n) | BigInt(u32());
    return BigInt.asUintN(width, all);
  };
  return { u32, int, pick, bits, chance: (probability) => u32() / 2 ** 32 < probability };
}

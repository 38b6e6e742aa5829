/**
 * Folds of a few terms each over runs of neighbouring outputs, four outputs at a time; and folds of long rows of neighbours.
 */

/** Four binary32 numbers, `step` bytes apart (0: one number four times). */
function gather4(at: usize, step: usize): v128 {
  if (step == 4) return v128.load(at);
  if (step == 0) return v128.load_splat<u32>(at);
  let x = v128.load32_zero(at);
  x = v128.load_lane<u32>(at + step, x, 1);
  x = v128.load_lane<u32>(at + 2 * step, x, 2);
  return v128.load_lane<u32>(at + 3 * step, x, 3);
}

function upper(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<u64>(x, x, 1, 1));
}

/** Two binary32 numbers from memory. */
function promote(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at));
}

/** Eight float64 sums of one run, and of the sizes, both of whose operands are neighbours. */
function sum8(sums: usize, sizes: usize, count: usize, from: usize, a: usize, by: usize, b: usize): void {
  let s = f64x2.splat(0);
  let t = s;
  let u = s;
  let v = s;
  let d = s;
  let e = s;
  let f = s;
  let g = s;
  for (let k: usize = 0; k < count; k += 4) {
    const x = from + <usize>load<u32>(a + k);
    const y = by + <usize>load<u32>(b + k);
    let p = f64x2.mul(promote(x), promote(y));
    s = f64x2.add(s, p);
    d = f64x2.add(d, f64x2.abs(p));
    p = f64x2.mul(promote(x + 8), promote(y + 8));
    t = f64x2.add(t, p);
    e = f64x2.add(e, f64x2.abs(p));
    p = f64x2.mul(promote(x + 16), promote(y + 16));
    u = f64x2.add(u, p);
    f = f64x2.add(f, f64x2.abs(p));
    p = f64x2.mul(promote(x + 24), promote(y + 24));
    v = f64x2.add(v, p);
    g = f64x2.add(g, f64x2.abs(p));
  }
  v128.store(sums, s);
  v128.store(sums, t, 16);
  v128.store(sums, u, 32);
  v128.store(sums, v, 48);
  v128.store(sizes, d);
  v128.store(sizes, e, 16);
  v128.store(sizes, f, 32);
  v128.store(sizes, g, 48);
}

/**
 * Float64 sums of products for `runs` runs of n outputs: run r has counts[r] terms, the t-th of which multiplies what begins at byte baseA + a[r * terms + t] with what
 * begins at baseB + b[r * terms + t]. Writes n sums per run (n a multiple of 4, or room to spare), and the sums of the products' sizes.
 */
export function sumRuns(
  sums: usize,
  sizes: usize,
  runs: i32,
  n: i32,
  terms: i32,
  counts: usize,
  baseA: usize,
  a: usize,
  stepA: i32,
  baseB: usize,
  b: usize,
  stepB: i32,
): void {
  const wide = stepA == 4 && stepB == 4 ? n & ~7 : 0;
  for (let run = 0; run < runs; run++) {
    const count = (<usize>load<i32>(counts)) << 2;
    for (let i = 0; i < wide; i += 8) {
      const skip = (<usize>i) << 2;
      const at = (<usize>i) << 3;
      sum8(sums + at, sizes + at, count, baseA + skip, a, baseB + skip, b);
    }
    for (let i = wide; i < n; i += 4) {
      const from = baseA + <usize>i * <usize>stepA;
      const by = baseB + <usize>i * <usize>stepB;
      let s = f64x2.splat(0);
      let t = s;
      let d = s;
      let e = s;
      for (let k: usize = 0; k < count; k += 4) {
        const x = gather4(from + <usize>load<u32>(a + k), <usize>stepA);
        const y = gather4(by + <usize>load<u32>(b + k), <usize>stepB);
        const p = f64x2.mul(f64x2.promote_low_f32x4(x), f64x2.promote_low_f32x4(y));
        const q = f64x2.mul(upper(x), upper(y));
        s = f64x2.add(s, p);
        t = f64x2.add(t, q);
        d = f64x2.add(d, f64x2.abs(p));
        e = f64x2.add(e, f64x2.abs(q));
      }
      const at = (<usize>i) << 3;
      v128.store(sums + at, s);
      v128.store(sums + at, t, 16);
      v128.store(sizes + at, d);
      v128.store(sizes + at, e, 16);
    }
    sums += (<usize>n) << 3;
    sizes += (<usize>n) << 3;
    counts += 4;
    a += (<usize>terms) << 2;
    b += (<usize>terms) << 2;
  }
}

/** Sixteen int32 sums of one run, both of whose operands are neighbours. */
function sum16(sums: usize, count: usize, from: usize, a: usize, by: usize, b: usize): void {
  let s = i32x4.splat(0);
  let t = s;
  let u = s;
  let v = s;
  for (let k: usize = 0; k < count; k += 4) {
    const x = from + <usize>load<u32>(a + k);
    const y = by + <usize>load<u32>(b + k);
    s = i32x4.add(s, i32x4.mul(v128.load(x), v128.load(y)));
    t = i32x4.add(t, i32x4.mul(v128.load(x, 16), v128.load(y, 16)));
    u = i32x4.add(u, i32x4.mul(v128.load(x, 32), v128.load(y, 32)));
    v = i32x4.add(v, i32x4.mul(v128.load(x, 48), v128.load(y, 48)));
  }
  v128.store(sums, s);
  v128.store(sums, t, 16);
  v128.store(sums, u, 32);
  v128.store(sums, v, 48);
}

/** Like sumRuns on int32, modulo 2^32. */
export function sumRunsI32(
  sums: usize,
  runs: i32,
  n: i32,
  terms: i32,
  counts: usize,
  baseA: usize,
  a: usize,
  stepA: i32,
  baseB: usize,
  b: usize,
  stepB: i32,
): void {
  const wide = stepA == 4 && stepB == 4 ? n & ~15 : 0;
  for (let run = 0; run < runs; run++) {
    const count = (<usize>load<i32>(counts)) << 2;
    for (let i = 0; i < wide; i += 16) {
      const skip = (<usize>i) << 2;
      sum16(sums + skip, count, baseA + skip, a, baseB + skip, b);
    }
    for (let i = wide; i < n; i += 4) {
      const from = baseA + <usize>i * <usize>stepA;
      const by = baseB + <usize>i * <usize>stepB;
      let s = i32x4.splat(0);
      for (let k: usize = 0; k < count; k += 4) {
        const x = gather4(from + <usize>load<u32>(a + k), <usize>stepA);
        const y = gather4(by + <usize>load<u32>(b + k), <usize>stepB);
        s = i32x4.add(s, i32x4.mul(x, y));
      }
      v128.store(sums + ((<usize>i) << 2), s);
    }
    sums += (<usize>n) << 2;
    counts += 4;
    a += (<usize>terms) << 2;
    b += (<usize>terms) << 2;
  }
}

/**
 * Rounds those sums to binary32 whose whole interval sum -+ factor * size rounds to one number (negative zero becomes zero); writes the positions of the others to
 * `open`. @returns How many those are.
 */
export function decideSums(out: usize, sums: usize, sizes: usize, n: i32, factor: f64, open: usize): i32 {
  const f = f64x2.splat(factor);
  let found = 0;
  for (let i = 0; i < n; i += 2) {
    const at = (<usize>i) << 3;
    const s = v128.load(sums + at);
    const d = f64x2.mul(v128.load(sizes + at), f);
    const below = f32x4.demote_f64x2_zero(f64x2.sub(s, d));
    const above = f32x4.demote_f64x2_zero(f64x2.add(s, d));
    v128.store64_lane(out + ((<usize>i) << 2), f32x4.add(below, f32x4.splat(0)), 0);
    let same = i32x4.bitmask(f32x4.eq(below, above));
    if ((same & 3) != 3) {
      for (let lane = 0; lane < 2 && i + lane < n; lane++) {
        if (!(same & 1)) {
          store<i32>(open + ((<usize>found) << 2), i + lane);
          found++;
        }
        same >>= 1;
      }
    }
  }
  return found;
}

/** Folds that choose a number (program/src/fast/channel.ts has the same). */
const MIN = 0;
const MAX = 1;

/** NaN where either is; MAXNUM: only where both are. */
function choose(fold: i32, x: v128, y: v128): v128 {
  if (fold == MIN) return f32x4.min(x, y);
  if (fold == MAX) return f32x4.max(x, y);
  // pmax(a, b) is a < b ? b : a: a NaN in y loses.
  return f32x4.pmax(x, y);
}

/** Like sumRuns, the greatest or least of binary32 numbers, from `first` on. */
export function chooseRuns(
  fold: i32,
  first: f32,
  out: usize,
  runs: i32,
  n: i32,
  terms: i32,
  counts: usize,
  baseA: usize,
  a: usize,
  stepA: i32,
): void {
  for (let run = 0; run < runs; run++) {
    const count = (<usize>load<i32>(counts)) << 2;
    for (let i = 0; i < n; i += 4) {
      const skip = <usize>i * <usize>stepA;
      let best = f32x4.splat(first);
      for (let k: usize = 0; k < count; k += 4)
        best = choose(fold, best, gather4(baseA + <usize>load<u32>(a + k) + skip, <usize>stepA));
      v128.store(out + ((<usize>i) << 2), best);
    }
    out += (<usize>n) << 2;
    counts += 4;
    a += (<usize>terms) << 2;
  }
}

/** Sums, and sums of sizes, of rows of n binary32 numbers each. */
export function sumRows(sums: usize, sizes: usize, src: usize, rows: i32, n: i32): void {
  for (let row = 0; row < rows; row++) {
    let s = f64x2.splat(0);
    let d = s;
    let i = 0;
    for (; i + 2 <= n; i += 2) {
      const x = f64x2.promote_low_f32x4(v128.load64_zero(src + ((<usize>i) << 2)));
      s = f64x2.add(s, x);
      d = f64x2.add(d, f64x2.abs(x));
    }
    let sum = f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
    let size = f64x2.extract_lane(d, 0) + f64x2.extract_lane(d, 1);
    for (; i < n; i++) {
      const x = <f64>load<f32>(src + ((<usize>i) << 2));
      sum += x;
      size += Math.abs(x);
    }
    store<f64>(sums + ((<usize>row) << 3), sum);
    store<f64>(sizes + ((<usize>row) << 3), size);
    src += (<usize>n) << 2;
  }
}

/** The greatest or least of rows of n binary32 numbers each, from `first` on. */
export function chooseRows(fold: i32, first: f32, out: usize, src: usize, rows: i32, n: i32): void {
  for (let row = 0; row < rows; row++) {
    let best = f32x4.splat(first);
    let other = best;
    let third = best;
    let fourth = best;
    let i = 0;
    for (; i + 16 <= n; i += 16) {
      const at = src + ((<usize>i) << 2);
      best = choose(fold, best, v128.load(at));
      other = choose(fold, other, v128.load(at, 16));
      third = choose(fold, third, v128.load(at, 32));
      fourth = choose(fold, fourth, v128.load(at, 48));
    }
    best = choose(fold, choose(fold, best, other), choose(fold, third, fourth));
    for (; i + 4 <= n; i += 4) best = choose(fold, best, v128.load(src + ((<usize>i) << 2)));
    for (; i < n; i++) best = choose(fold, best, v128.load_splat<u32>(src + ((<usize>i) << 2)));
    best = choose(fold, best, v128.shuffle<u64>(best, best, 1, 0));
    best = choose(fold, best, v128.shuffle<u32>(best, best, 1, 0, 3, 2));
    store<f32>(out + ((<usize>row) << 2), f32x4.extract_lane(best, 0));
    src += (<usize>n) << 2;
  }
}

/** n binary32 integers as int32. */
export function truncate(dst: usize, src: usize, n: i32): void {
  for (let i = 0; i < n; i += 4, src += 16, dst += 16)
    v128.store(dst, i32x4.trunc_sat_f32x4_s(v128.load(src)));
}

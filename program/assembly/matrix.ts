/**
 * Float64 and int32 products of matrices in panels of rows, and the decision which float64 sums are known well enough to be rounded
 * (program/src/fast/matrix.ts tells why and what happens to the others).
 */
import { F32, I8, U8 } from "./kinds";
import { demote, multiplyAdd } from "./vectors";

/** Rows per panel of float64 factors and of the left int16 factor; the right int16 factor has twice as many. */
const PANEL = 4;

/** Depth that is worked on at a time: a panel of it stays in the first-level cache. */
const DEPTH_BLOCK = 512;

/**
 * Row i, value k of a matrix of binary32 at src[i * rowStride + k * depthStride] becomes float64 lane i % 4 of value k in panel i / 4. Missing rows of the
 * last panel are zeros. Writes the Euclidean norm of each row (NaN or infinite with special values), all panels' lanes, to norms.
 */
export function packF64(
  dst: usize,
  src: usize,
  count: i32,
  depth: i32,
  rowStride: i32,
  depthStride: i32,
  norms: usize,
): void {
  for (let first = 0; first < count; first += PANEL) {
    const from = src + <usize>first * rowStride * 4;
    let done = 0;
    v128.store(norms, f64x2.splat(0));
    v128.store(norms, f64x2.splat(0), 16);
    if (first + PANEL <= count) {
      if (rowStride == 1) done = packColumns(dst, from, depth, depthStride, norms);
      else if (depthStride == 1) done = packRows(dst, from, depth, rowStride, norms);
    }
    const rows = min(PANEL, count - first);
    for (let i = rows; i < PANEL; i++)
      for (let k = 0; k < depth; k++) store<f64>(dst + ((((<usize>k) << 2) + i) << 3), 0);
    for (let i = 0; i < rows; i++) {
      let square = load<f64>(norms + ((<usize>i) << 3));
      for (let k = done; k < depth; k++) {
        const x = <f64>load<f32>(from + ((<usize>i * rowStride + <usize>k * depthStride) << 2));
        store<f64>(dst + ((((<usize>k) << 2) + i) << 3), x);
        square += x * x;
      }
      store<f64>(norms + ((<usize>i) << 3), Math.sqrt(square));
    }
    dst += (<usize>depth) << 5;
    norms += 32;
  }
}

/** Four neighbouring rows of a matrix whose values of one depth are neighbours. @returns How many depths were packed. */
function packColumns(dst: usize, src: usize, depth: i32, depthStride: i32, squares: usize): i32 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (let k = 0; k < depth; k++) {
    const x = f64x2.promote_low_f32x4(v128.load64_zero(src));
    const y = f64x2.promote_low_f32x4(v128.load64_zero(src, 8));
    low = f64x2.add(low, f64x2.mul(x, x));
    high = f64x2.add(high, f64x2.mul(y, y));
    v128.store(dst, x);
    v128.store(dst, y, 16);
    src += (<usize>depthStride) << 2;
    dst += 32;
  }
  v128.store(squares, low);
  v128.store(squares, high, 16);
  return depth;
}

/** Four rows whose values are neighbours, two depths at a time. @returns How many depths were packed. */
function packRows(dst: usize, src: usize, depth: i32, rowStride: i32, squares: usize): i32 {
  const step = (<usize>rowStride) << 2;
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  const whole = depth & ~1;
  for (let k = 0; k < whole; k += 2) {
    const a = f64x2.promote_low_f32x4(v128.load64_zero(src));
    const b = f64x2.promote_low_f32x4(v128.load64_zero(src + step));
    const c = f64x2.promote_low_f32x4(v128.load64_zero(src + 2 * step));
    const d = f64x2.promote_low_f32x4(v128.load64_zero(src + 3 * step));
    const ab0 = v128.shuffle<u64>(a, b, 0, 2);
    const ab1 = v128.shuffle<u64>(a, b, 1, 3);
    const cd0 = v128.shuffle<u64>(c, d, 0, 2);
    const cd1 = v128.shuffle<u64>(c, d, 1, 3);
    low = f64x2.add(f64x2.add(low, f64x2.mul(ab0, ab0)), f64x2.mul(ab1, ab1));
    high = f64x2.add(f64x2.add(high, f64x2.mul(cd0, cd0)), f64x2.mul(cd1, cd1));
    v128.store(dst, ab0);
    v128.store(dst, cd0, 16);
    v128.store(dst, ab1, 32);
    v128.store(dst, cd1, 48);
    src += 8;
    dst += 64;
  }
  v128.store(squares, low);
  v128.store(squares, high, 16);
  return whole;
}

/** Sixteen sums of a tile over `depth` values, onto those in out unless they are the first. */
function tileF64(a: usize, b: usize, depth: i32, out: usize, width: usize, first: bool): void {
  const row1 = out + width;
  const row2 = row1 + width;
  const row3 = row2 + width;
  let s00 = f64x2.splat(0);
  let s01 = s00;
  let s10 = s00;
  let s11 = s00;
  let s20 = s00;
  let s21 = s00;
  let s30 = s00;
  let s31 = s00;
  if (!first) {
    s00 = v128.load(out);
    s01 = v128.load(out, 16);
    s10 = v128.load(row1);
    s11 = v128.load(row1, 16);
    s20 = v128.load(row2);
    s21 = v128.load(row2, 16);
    s30 = v128.load(row3);
    s31 = v128.load(row3, 16);
  }
  const end = a + ((<usize>depth) << 5);
  while (a < end) {
    const x = v128.load(b);
    const y = v128.load(b, 16);
    let p = v128.load_splat<u64>(a);
    s00 = multiplyAdd(p, x, s00);
    s01 = multiplyAdd(p, y, s01);
    p = v128.load_splat<u64>(a, 8);
    s10 = multiplyAdd(p, x, s10);
    s11 = multiplyAdd(p, y, s11);
    p = v128.load_splat<u64>(a, 16);
    s20 = multiplyAdd(p, x, s20);
    s21 = multiplyAdd(p, y, s21);
    p = v128.load_splat<u64>(a, 24);
    s30 = multiplyAdd(p, x, s30);
    s31 = multiplyAdd(p, y, s31);
    a += 32;
    b += 32;
  }
  v128.store(out, s00);
  v128.store(out, s01, 16);
  v128.store(row1, s10);
  v128.store(row1, s11, 16);
  v128.store(row2, s20);
  v128.store(row2, s21, 16);
  v128.store(row3, s30);
  v128.store(row3, s31, 16);
}

/** The four sums of one row of a panel (`a` points at its lane), onto those in out unless first, by two chains of additions. */
function tileRow(a: usize, b: usize, depth: i32, out: usize, first: bool): void {
  let s = f64x2.splat(0);
  let t = s;
  if (!first) {
    s = v128.load(out);
    t = v128.load(out, 16);
  }
  let u = f64x2.splat(0);
  let v = u;
  const whole = a + ((<usize>(depth & ~1)) << 5);
  while (a < whole) {
    const p = v128.load_splat<u64>(a);
    s = multiplyAdd(p, v128.load(b), s);
    t = multiplyAdd(p, v128.load(b, 16), t);
    const q = v128.load_splat<u64>(a, 32);
    u = multiplyAdd(q, v128.load(b, 32), u);
    v = multiplyAdd(q, v128.load(b, 48), v);
    a += 64;
    b += 64;
  }
  if (depth & 1) {
    const p = v128.load_splat<u64>(a);
    s = multiplyAdd(p, v128.load(b), s);
    t = multiplyAdd(p, v128.load(b, 16), t);
  }
  v128.store(out, f64x2.add(s, u));
  v128.store(out, f64x2.add(t, v), 16);
}

/** out[i * width + j] = sum of the products of row i of a and row j of b; width counts all lanes of b's panels, as the rows of out do of a's. */
export function productF64(out: usize, a: usize, b: usize, rows: i32, columns: i32, depth: i32): void {
  const width = (columns + PANEL - 1) & -PANEL;
  const panel = (<usize>depth) << 5;
  for (let k = 0; k < depth; k += DEPTH_BLOCK) {
    const some = min(DEPTH_BLOCK, depth - k);
    const skip = (<usize>k) << 5;
    for (let j = 0; j < width; j += PANEL) {
      const right = b + skip + panel * <usize>(j >> 2);
      for (let i = 0; i < rows; i += PANEL) {
        const left = a + skip + panel * <usize>(i >> 2);
        const at = out + ((<usize>i * width + j) << 3);
        if (rows - i > 2) tileF64(left, right, some, at, (<usize>width) << 3, k == 0);
        else
          for (let lane = 0; lane < rows - i; lane++)
            tileRow(left + ((<usize>lane) << 3), right, some, at + ((<usize>lane * width) << 3), k == 0);
      }
    }
  }
}

/** Rows per panel of binary32. */
const WIDE = 8;

/**
 * Like packF64, but as binary32 and in panels of eight rows: half as much to read again where few rows of the left factor meet it.
 * @param scratch Room for a panel of float64.
 */
export function packF32(
  dst: usize,
  src: usize,
  count: i32,
  depth: i32,
  rowStride: i32,
  depthStride: i32,
  norms: usize,
  scratch: usize,
): void {
  const half = (<usize>depth) << 5;
  for (let first = 0; first < count; first += WIDE) {
    const from = src + <usize>first * rowStride * 4;
    const rows = min(WIDE, count - first);
    if (rows <= PANEL) {
      memory.fill(scratch + half, 0, half);
      memory.fill(norms, 0, WIDE << 3);
    }
    packF64(scratch, from, min(PANEL, rows), depth, rowStride, depthStride, norms);
    if (rows > PANEL)
      packF64(
        scratch + half,
        from + PANEL * rowStride * 4,
        rows - PANEL,
        depth,
        rowStride,
        depthStride,
        norms + (PANEL << 3),
      );
    for (let at = scratch; at < scratch + half; at += 32) {
      v128.store(dst, demote(v128.load(at), v128.load(at, 16)));
      v128.store(dst, demote(v128.load(at + half), v128.load(at + half, 16)), 16);
      dst += 32;
    }
    norms += WIDE << 3;
  }
}

/** The sums of one row of a panel of float64 (`a` points at its lane) and a panel of binary32; the last four only if there is `room`. */
function tileF32(a: usize, b: usize, depth: i32, out: usize, room: bool): void {
  let s0 = f64x2.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let t0 = s0;
  let t1 = s0;
  let t2 = s0;
  let t3 = s0;
  const whole = a + ((<usize>(depth & ~1)) << 5);
  while (a < whole) {
    const p = v128.load_splat<u64>(a);
    s0 = multiplyAdd(p, f64x2.promote_low_f32x4(v128.load64_zero(b)), s0);
    s1 = multiplyAdd(p, f64x2.promote_low_f32x4(v128.load64_zero(b, 8)), s1);
    s2 = multiplyAdd(p, f64x2.promote_low_f32x4(v128.load64_zero(b, 16)), s2);
    s3 = multiplyAdd(p, f64x2.promote_low_f32x4(v128.load64_zero(b, 24)), s3);
    const q = v128.load_splat<u64>(a, 32);
    t0 = multiplyAdd(q, f64x2.promote_low_f32x4(v128.load64_zero(b, 32)), t0);
    t1 = multiplyAdd(q, f64x2.promote_low_f32x4(v128.load64_zero(b, 40)), t1);
    t2 = multiplyAdd(q, f64x2.promote_low_f32x4(v128.load64_zero(b, 48)), t2);
    t3 = multiplyAdd(q, f64x2.promote_low_f32x4(v128.load64_zero(b, 56)), t3);
    a += 64;
    b += 64;
  }
  if (depth & 1) {
    const p = v128.load_splat<u64>(a);
    s0 = multiplyAdd(p, f64x2.promote_low_f32x4(v128.load64_zero(b)), s0);
    s1 = multiplyAdd(p, f64x2.promote_low_f32x4(v128.load64_zero(b, 8)), s1);
    s2 = multiplyAdd(p, f64x2.promote_low_f32x4(v128.load64_zero(b, 16)), s2);
    s3 = multiplyAdd(p, f64x2.promote_low_f32x4(v128.load64_zero(b, 24)), s3);
  }
  v128.store(out, f64x2.add(s0, t0));
  v128.store(out, f64x2.add(s1, t1), 16);
  if (!room) return;
  v128.store(out, f64x2.add(s2, t2), 32);
  v128.store(out, f64x2.add(s3, t3), 48);
}

/** Like productF64, with b from packF32. */
export function productF32(out: usize, a: usize, b: usize, rows: i32, columns: i32, depth: i32): void {
  const width = (columns + PANEL - 1) & -PANEL;
  const panel = (<usize>depth) << 5;
  for (let j = 0; j < width; j += WIDE, b += panel)
    for (let i = 0; i < rows; i++)
      tileF32(
        a + panel * <usize>(i >> 2) + ((<usize>(i & 3)) << 3),
        b,
        depth,
        out + ((<usize>i * width + j) << 3),
        j + PANEL < width,
      );
}

/**
 * Rounds those sums to binary32 whose whole interval sum -+ factor * normA * normB rounds to one number (negative zero becomes zero); writes the
 * positions i * width + j of the others to `open`. @returns How many those are.
 */
export function decideF32(
  out: usize,
  sums: usize,
  rows: i32,
  columns: i32,
  normsA: usize,
  normsB: usize,
  factor: f64,
  open: usize,
): i32 {
  const width = (columns + PANEL - 1) & -PANEL;
  const zero = f32x4.splat(0);
  let found = 0;
  for (let i = 0; i < rows; i++) {
    const scale = f64x2.splat(factor * load<f64>(normsA + ((<usize>i) << 3)));
    for (let j = 0; j < width; j += PANEL) {
      const at = <usize>i * width + j;
      const s = v128.load(sums + (at << 3));
      const t = v128.load(sums + (at << 3), 16);
      const d = f64x2.mul(scale, v128.load(normsB + ((<usize>j) << 3)));
      const e = f64x2.mul(scale, v128.load(normsB + ((<usize>j) << 3), 16));
      const below = demote(f64x2.sub(s, d), f64x2.sub(t, e));
      const above = demote(f64x2.add(s, d), f64x2.add(t, e));
      v128.store(out + (at << 2), f32x4.add(below, zero));
      let same = i32x4.bitmask(f32x4.eq(below, above));
      if (same != 15) {
        for (let lane = 0; lane < PANEL && j + lane < columns; lane++) {
          if (!(same & 1)) {
            store<i32>(open + ((<usize>found) << 2), <i32>at + lane);
            found++;
          }
          same >>= 1;
        }
      }
    }
  }
  return found;
}

/**
 * Row i of a times row j of b, compensated: to result the float64 sum h, the float64 sum of the exact errors of its additions, that of their sizes, and that
 * of the products' sizes.
 */
export function compensated(result: usize, a: usize, i: i32, b: usize, j: i32, depth: i32): void {
  let p = a + (<usize>(i >> 2) * depth * 4 + (i & 3)) * 8;
  let q = b + (<usize>(j >> 2) * depth * 4 + (j & 3)) * 8;
  let h: f64 = 0;
  let c: f64 = 0;
  let errors: f64 = 0;
  let size: f64 = 0;
  for (let k = 0; k < depth; k++) {
    const x = load<f64>(p) * load<f64>(q);
    const s = h + x;
    const t = s - h;
    const e = h - (s - t) + (x - t);
    c += e;
    errors += Math.abs(e);
    size += Math.abs(x);
    h = s;
    p += 32;
    q += 32;
  }
  store<f64>(result, h);
  store<f64>(result, c, 8);
  store<f64>(result, errors, 16);
  store<f64>(result, size, 24);
}

function valueAt(kind: i32, src: usize, at: usize): i32 {
  if (kind == U8) return <i32>load<u8>(src + at);
  if (kind == I8) return <i32>load<i8>(src + at);
  return kind == F32 ? <i32>load<f32>(src + (at << 2)) : <i32>load<i16>(src + (at << 1));
}

/**
 * Like packF64 for integers of at most 15 bits once `zero` is subtracted: panels of `lanes` rows, two values of a row side by side, an odd depth
 * filled with a zero.
 */
export function packI16(
  dst: usize,
  src: usize,
  kind: i32,
  zero: i32,
  count: i32,
  depth: i32,
  rowStride: i32,
  depthStride: i32,
  lanes: i32,
): void {
  const even = (depth + 1) & ~1;
  const pair = (<usize>lanes) << 2;
  for (let first = 0; first < count; first += lanes) {
    for (let lane = 0; lane < lanes; lane++) {
      let to = dst + ((<usize>lane) << 2);
      if (first + lane >= count) {
        for (let k = 0; k < even; k += 2, to += pair) store<i32>(to, 0);
        continue;
      }
      let at = <usize>(first + lane) * rowStride;
      const step = <usize>depthStride;
      for (let k = 0; k + 1 < depth; k += 2, to += pair) {
        const x = valueAt(kind, src, at) - zero;
        const y = valueAt(kind, src, at + step) - zero;
        store<i32>(to, (x & 0xffff) | (y << 16));
        at += 2 * step;
      }
      if (depth & 1) store<i32>(to, (valueAt(kind, src, at) - zero) & 0xffff);
    }
    dst += pair * <usize>(even >> 1);
  }
}

function dotAdd(a: v128, b: v128, sum: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(a, b));
}

/** Four by eight sums over all pairs. */
function tileI16(a: usize, b: usize, pairs: i32, out: usize, width: usize): void {
  let s00 = i32x4.splat(0);
  let s01 = s00;
  let s10 = s00;
  let s11 = s00;
  let s20 = s00;
  let s21 = s00;
  let s30 = s00;
  let s31 = s00;
  const end = a + ((<usize>pairs) << 4);
  while (a < end) {
    const x = v128.load(b);
    const y = v128.load(b, 16);
    let p = v128.load_splat<u32>(a);
    s00 = dotAdd(p, x, s00);
    s01 = dotAdd(p, y, s01);
    p = v128.load_splat<u32>(a, 4);
    s10 = dotAdd(p, x, s10);
    s11 = dotAdd(p, y, s11);
    p = v128.load_splat<u32>(a, 8);
    s20 = dotAdd(p, x, s20);
    s21 = dotAdd(p, y, s21);
    p = v128.load_splat<u32>(a, 12);
    s30 = dotAdd(p, x, s30);
    s31 = dotAdd(p, y, s31);
    a += 16;
    b += 32;
  }
  v128.store(out, s00);
  v128.store(out, s01, 16);
  out += width;
  v128.store(out, s10);
  v128.store(out, s11, 16);
  out += width;
  v128.store(out, s20);
  v128.store(out, s21, 16);
  out += width;
  v128.store(out, s30);
  v128.store(out, s31, 16);
}

/** Like productF64, modulo 2^32; out's rows are filled up to a multiple of 4, its columns of 8. */
export function productI16(out: usize, a: usize, b: usize, rows: i32, columns: i32, depth: i32): void {
  const width = (columns + 7) & ~7;
  const pairs = (depth + 1) >> 1;
  for (let j = 0; j < columns; j += 8) {
    const right = b + ((<usize>pairs) << 2) * j;
    for (let i = 0; i < rows; i += PANEL)
      tileI16(
        a + ((<usize>pairs) << 2) * i,
        right,
        pairs,
        out + ((<usize>i * width + j) << 2),
        (<usize>width) << 2,
      );
  }
}

/**
 * Elementwise operations on four lanes at a time. Lanes are binary32 or int32; rows are written one after the other and may overwrite up to three
 * lanes behind their end, which the next row (or 16 spare bytes) makes good.
 */

import { I16, I8, U16, U8 } from "./kinds";

/** Four integers from memory as int32. */
function load4(src: usize, kind: i32): v128 {
  switch (kind) {
    case U8:
      return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(src)));
    case I8:
      return i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(src)));
    case U16:
      return v128.load_ext<u16>(src);
    case I16:
      return v128.load_ext<i16>(src);
    default:
      return v128.load(src);
  }
}

function sizeOf(kind: i32): usize {
  return kind == U8 || kind == I8 ? 4 : kind == U16 || kind == I16 ? 8 : 16;
}

/** n integers minus `zero` as int32, modulo 2^32. */
export function widenI32(dst: usize, src: usize, kind: i32, n: i32, zero: i32): void {
  const z = i32x4.splat(zero);
  const end = dst + ((<usize>n) << 2);
  if (kind == U8) for (; dst < end; src += 4, dst += 16) v128.store(dst, i32x4.sub(load4(src, U8), z));
  else if (kind == I8) for (; dst < end; src += 4, dst += 16) v128.store(dst, i32x4.sub(load4(src, I8), z));
  else {
    const step = sizeOf(kind);
    for (; dst < end; src += step, dst += 16) v128.store(dst, i32x4.sub(load4(src, kind), z));
  }
}

/** n integers minus `zero` as binary32, rounded to nearest even. */
export function widenF32(dst: usize, src: usize, kind: i32, n: i32, zero: i32): void {
  widenI32(dst, src, kind, n, zero);
  for (const end = dst + ((<usize>n) << 2); dst < end; dst += 16)
    v128.store(dst, f32x4.convert_i32x4_s(v128.load(dst)));
}

/** n int32 within the range of u8 or i8. */
export function narrow8(dst: usize, src: usize, n: i32, signed: bool): void {
  for (let i = 0; i < n; i += 16, src += 64, dst += 16) {
    const low = i16x8.narrow_i32x4_s(v128.load(src), v128.load(src, 16));
    const high = i16x8.narrow_i32x4_s(v128.load(src, 32), v128.load(src, 48));
    v128.store(dst, signed ? i8x16.narrow_i16x8_s(low, high) : i8x16.narrow_i16x8_u(low, high));
  }
}

/** One NaN, no negative zero. */
function canonical(x: v128): v128 {
  const sum = f32x4.add(x, f32x4.splat(0));
  return v128.bitselect(sum, i32x4.splat(0x7fc00000), f32x4.eq(sum, sum));
}

/**
 * a * b + c rounded once, of two lanes: the product of two binary32 numbers is exact in float64, its sum with c is rounded to odd (program/src/fast/float.ts) and
 * then to binary32.
 */
function fma2(a: v128, b: v128, c: v128): v128 {
  const p = f64x2.mul(f64x2.promote_low_f32x4(a), f64x2.promote_low_f32x4(b));
  const q = f64x2.promote_low_f32x4(c);
  const s = f64x2.add(p, q);
  const t = f64x2.sub(s, p);
  const e = f64x2.add(f64x2.sub(p, f64x2.sub(s, t)), f64x2.sub(q, t));
  const zero = f64x2.splat(0);
  // Neither 0 nor NaN, which specials give.
  const inexact = v128.or(f64x2.gt(e, zero), f64x2.lt(e, zero));
  const even = i64x2.eq(v128.and(s, i64x2.splat(1)), i64x2.splat(0));
  const away = i64x2.eq(f64x2.gt(e, zero), f64x2.gt(s, zero));
  // One step to the odd neighbour on the side of e: +1 away from zero, -1 toward it.
  const step = v128.bitselect(i64x2.splat(1), i64x2.splat(-1), away);
  return f32x4.demote_f64x2_zero(i64x2.add(s, v128.and(step, v128.and(inexact, even))));
}

function fma4(a: v128, b: v128, c: v128): v128 {
  const low = fma2(a, b, c);
  const high = fma2(
    v128.shuffle<u64>(a, a, 1, 1),
    v128.shuffle<u64>(b, b, 1, 1),
    v128.shuffle<u64>(c, c, 1, 1),
  );
  return v128.shuffle<u64>(low, high, 0, 2);
}

/** Operations (program/src/fast/pointwise.ts has the same). */
const ADD = 0;
const SUB = 1;
const MUL = 2;
const DIV = 3;
const MIN = 4;
const MAX = 5;
const COPY = 6;
const NEG = 7;
const ABS = 8;
const SQRT = 9;
const FLOOR = 10;
const CEIL = 11;
const RINT = 12;
const FMA = 13;
const QMUL = 14;
const QDIV = 15;
const SAT = 16;
const ADD_I32 = 17;
const SUB_I32 = 18;
const MUL_I32 = 19;

/** Rounds to integers from `least` to `most` less z and adds z; NaN gives the least. */
function saturate(x: v128, z: v128, least: v128, most: v128): v128 {
  const low = f32x4.sub(least, z);
  const high = f32x4.sub(most, z);
  // pmax(a, b) is a < b ? b : a, so NaN gives a.
  const rounded = f32x4.pmin(f32x4.pmax(low, f32x4.nearest(x)), high);
  return i32x4.trunc_sat_f32x4_s(f32x4.add(rounded, z));
}

/**
 * Rows of n lanes of `operation` on up to three operands, each at its address, with steps in bytes from row to row and from lane to lane (4, or 0: one
 * lane for the whole row). `least` and `most` bound what QMUL, QDIV and SAT give.
 */
export function map(
  operation: i32,
  out: usize,
  rows: i32,
  n: i32,
  a: usize,
  rowA: i32,
  stepA: i32,
  b: usize,
  rowB: i32,
  stepB: i32,
  c: usize,
  rowC: i32,
  stepC: i32,
  least: f32,
  most: f32,
): void {
  for (let row = 0; row < rows; row++) {
    mapRow(operation, out, n, a, stepA, b, stepB, c, stepC, f32x4.splat(least), f32x4.splat(most));
    out += (<usize>n) << 2;
    a += rowA;
    b += rowB;
    c += rowC;
  }
}

/** The next four lanes of an operand. */
function take(at: usize, step: i32): v128 {
  return step == 0 ? v128.load_splat<u32>(at) : v128.load(at);
}

function mapRow(
  operation: i32,
  out: usize,
  n: i32,
  a: usize,
  stepA: i32,
  b: usize,
  stepB: i32,
  c: usize,
  stepC: i32,
  least: v128,
  most: v128,
): void {
  const end = out + ((<usize>n) << 2);
  const da = (<usize>stepA) << 2;
  const db = (<usize>stepB) << 2;
  const dc = (<usize>stepC) << 2;
  switch (operation) {
    case ADD:
      for (; out < end; out += 16, a += da, b += db)
        v128.store(out, canonical(f32x4.add(take(a, stepA), take(b, stepB))));
      break;
    case SUB:
      for (; out < end; out += 16, a += da, b += db)
        v128.store(out, canonical(f32x4.sub(take(a, stepA), take(b, stepB))));
      break;
    case MUL:
      for (; out < end; out += 16, a += da, b += db)
        v128.store(out, canonical(f32x4.mul(take(a, stepA), take(b, stepB))));
      break;
    case DIV:
      for (; out < end; out += 16, a += da, b += db)
        v128.store(out, canonical(f32x4.div(take(a, stepA), take(b, stepB))));
      break;
    case MIN:
      for (; out < end; out += 16, a += da, b += db)
        v128.store(out, canonical(f32x4.min(take(a, stepA), take(b, stepB))));
      break;
    case MAX:
      for (; out < end; out += 16, a += da, b += db)
        v128.store(out, canonical(f32x4.max(take(a, stepA), take(b, stepB))));
      break;
    case COPY:
      for (; out < end; out += 16, a += da) v128.store(out, canonical(take(a, stepA)));
      break;
    case NEG:
      for (; out < end; out += 16, a += da) v128.store(out, canonical(f32x4.neg(take(a, stepA))));
      break;
    case ABS:
      for (; out < end; out += 16, a += da) v128.store(out, canonical(f32x4.abs(take(a, stepA))));
      break;
    case SQRT:
      for (; out < end; out += 16, a += da) v128.store(out, canonical(f32x4.sqrt(take(a, stepA))));
      break;
    case FLOOR:
      for (; out < end; out += 16, a += da) v128.store(out, canonical(f32x4.floor(take(a, stepA))));
      break;
    case CEIL:
      for (; out < end; out += 16, a += da) v128.store(out, canonical(f32x4.ceil(take(a, stepA))));
      break;
    case RINT:
      for (; out < end; out += 16, a += da) v128.store(out, canonical(f32x4.nearest(take(a, stepA))));
      break;
    case FMA:
      for (; out < end; out += 16, a += da, b += db, c += dc)
        v128.store(out, canonical(fma4(take(a, stepA), take(b, stepB), take(c, stepC))));
      break;
    case QMUL:
      for (; out < end; out += 16, a += da, b += db, c += dc)
        v128.store(out, saturate(f32x4.mul(take(a, stepA), take(b, stepB)), take(c, stepC), least, most));
      break;
    case QDIV:
      for (; out < end; out += 16, a += da, b += db, c += dc)
        v128.store(out, saturate(f32x4.div(take(a, stepA), take(b, stepB)), take(c, stepC), least, most));
      break;
    case SAT:
      for (; out < end; out += 16, a += da)
        v128.store(out, saturate(take(a, stepA), f32x4.splat(0), least, most));
      break;
    case ADD_I32:
      for (; out < end; out += 16, a += da, b += db)
        v128.store(out, i32x4.add(take(a, stepA), take(b, stepB)));
      break;
    case SUB_I32:
      for (; out < end; out += 16, a += da, b += db)
        v128.store(out, i32x4.sub(take(a, stepA), take(b, stepB)));
      break;
    case MUL_I32:
      for (; out < end; out += 16, a += da, b += db)
        v128.store(out, i32x4.mul(take(a, stepA), take(b, stepB)));
      break;
  }
}

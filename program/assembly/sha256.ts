/**
 * SHA-256 (FIPS 180-4) of many messages of one length, four at a time: lane i of every vector belongs to message i of a group.
 */

const K: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
]);

/** The initial hash value. */
const H: usize = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);

/** Sixty-four vectors: the message schedule of a block, K added. */
const W: usize = memory.data(1024, 16);
/** The same of the block that pads messages of the length at work. */
const PADDING: usize = memory.data(1024, 16);
/** Eight vectors: the hash so far. */
const STATE: usize = memory.data(128, 16);

/** Adds to the first sixteen words of a schedule the others, and K to all. */
function extend(at: usize): void {
  const end = at + 1024;
  for (let to = at + 256; to < end; to += 16) {
    const x = v128.load(to - 240);
    const y = v128.load(to - 32);
    const a = v128.xor(
      v128.xor(v128.xor(i32x4.shr_u(x, 7), i32x4.shl(x, 25)), v128.xor(i32x4.shr_u(x, 18), i32x4.shl(x, 14))),
      i32x4.shr_u(x, 3),
    );
    const b = v128.xor(
      v128.xor(
        v128.xor(i32x4.shr_u(y, 17), i32x4.shl(y, 15)),
        v128.xor(i32x4.shr_u(y, 19), i32x4.shl(y, 13)),
      ),
      i32x4.shr_u(y, 10),
    );
    v128.store(to, i32x4.add(i32x4.add(a, b), i32x4.add(v128.load(to - 256), v128.load(to - 112))));
  }
  for (let k = K; at < end; at += 16, k += 4)
    v128.store(at, i32x4.add(v128.load(at), v128.load_splat<u32>(k)));
}

/** Fills PADDING for messages of so many bytes, a multiple of 64. */
function prepare(bytes: i32): void {
  memory.fill(PADDING, 0, 256);
  v128.store(PADDING, i32x4.splat(0x80000000));
  v128.store(PADDING, i32x4.splat(bytes << 3), 240);
  extend(PADDING);
}

/** Big-endian words of 16 bytes. */
function swap(x: v128): v128 {
  return i8x16.shuffle(x, x, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

/** Writes the columns of four rows of big-endian words, `step` bytes apart. */
function transpose(to: usize, step: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab0 = i32x4.shuffle(a, b, 0, 4, 1, 5);
  const ab1 = i32x4.shuffle(a, b, 2, 6, 3, 7);
  const cd0 = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const cd1 = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store(to, swap(i64x2.shuffle(ab0, cd0, 0, 2)));
  v128.store(to + step, swap(i64x2.shuffle(ab0, cd0, 1, 3)));
  v128.store(to + 2 * step, swap(i64x2.shuffle(ab1, cd1, 0, 2)));
  v128.store(to + 3 * step, swap(i64x2.shuffle(ab1, cd1, 1, 3)));
}

/** Writes the schedule of the 64 bytes at src, src + bytes, src + 2 bytes and src + 3 bytes to W. */
function schedule(src: usize, bytes: usize): void {
  for (let at = W; at < W + 256; at += 64, src += 16) {
    const a = v128.load(src);
    const b = v128.load(src + bytes);
    const c = v128.load(src + 2 * bytes);
    const d = v128.load(src + 3 * bytes);
    transpose(at, 16, a, b, c, d);
  }
  extend(W);
}

function sum0(x: v128): v128 {
  return v128.xor(
    v128.xor(v128.xor(i32x4.shr_u(x, 2), i32x4.shl(x, 30)), v128.xor(i32x4.shr_u(x, 13), i32x4.shl(x, 19))),
    v128.xor(i32x4.shr_u(x, 22), i32x4.shl(x, 10)),
  );
}

function sum1(x: v128): v128 {
  return v128.xor(
    v128.xor(v128.xor(i32x4.shr_u(x, 6), i32x4.shl(x, 26)), v128.xor(i32x4.shr_u(x, 11), i32x4.shl(x, 21))),
    v128.xor(i32x4.shr_u(x, 25), i32x4.shl(x, 7)),
  );
}

/** x where the bits of e are set, else y. */
function choose(e: v128, x: v128, y: v128): v128 {
  return v128.xor(y, v128.and(e, v128.xor(x, y)));
}

function majority(a: v128, b: v128, c: v128): v128 {
  return v128.xor(v128.and(v128.xor(a, b), v128.xor(b, c)), b);
}

/** Compresses the block whose schedule stands at `from` into STATE; eight rounds at a time, so that no value moves. */
function compress(from: usize): void {
  let a = v128.load(STATE);
  let b = v128.load(STATE, 16);
  let c = v128.load(STATE, 32);
  let d = v128.load(STATE, 48);
  let e = v128.load(STATE, 64);
  let f = v128.load(STATE, 80);
  let g = v128.load(STATE, 96);
  let h = v128.load(STATE, 112);
  for (const end = from + 1024; from < end; from += 128) {
    let x: v128;
    x = i32x4.add(i32x4.add(h, sum1(e)), i32x4.add(choose(e, f, g), v128.load(from)));
    d = i32x4.add(d, x);
    h = i32x4.add(x, i32x4.add(sum0(a), majority(a, b, c)));
    x = i32x4.add(i32x4.add(g, sum1(d)), i32x4.add(choose(d, e, f), v128.load(from, 16)));
    c = i32x4.add(c, x);
    g = i32x4.add(x, i32x4.add(sum0(h), majority(h, a, b)));
    x = i32x4.add(i32x4.add(f, sum1(c)), i32x4.add(choose(c, d, e), v128.load(from, 32)));
    b = i32x4.add(b, x);
    f = i32x4.add(x, i32x4.add(sum0(g), majority(g, h, a)));
    x = i32x4.add(i32x4.add(e, sum1(b)), i32x4.add(choose(b, c, d), v128.load(from, 48)));
    a = i32x4.add(a, x);
    e = i32x4.add(x, i32x4.add(sum0(f), majority(f, g, h)));
    x = i32x4.add(i32x4.add(d, sum1(a)), i32x4.add(choose(a, b, c), v128.load(from, 64)));
    h = i32x4.add(h, x);
    d = i32x4.add(x, i32x4.add(sum0(e), majority(e, f, g)));
    x = i32x4.add(i32x4.add(c, sum1(h)), i32x4.add(choose(h, a, b), v128.load(from, 80)));
    g = i32x4.add(g, x);
    c = i32x4.add(x, i32x4.add(sum0(d), majority(d, e, f)));
    x = i32x4.add(i32x4.add(b, sum1(g)), i32x4.add(choose(g, h, a), v128.load(from, 96)));
    f = i32x4.add(f, x);
    b = i32x4.add(x, i32x4.add(sum0(c), majority(c, d, e)));
    x = i32x4.add(i32x4.add(a, sum1(f)), i32x4.add(choose(f, g, h), v128.load(from, 112)));
    e = i32x4.add(e, x);
    a = i32x4.add(x, i32x4.add(sum0(b), majority(b, c, d)));
  }
  v128.store(STATE, i32x4.add(a, v128.load(STATE)));
  v128.store(STATE, i32x4.add(b, v128.load(STATE, 16)), 16);
  v128.store(STATE, i32x4.add(c, v128.load(STATE, 32)), 32);
  v128.store(STATE, i32x4.add(d, v128.load(STATE, 48)), 48);
  v128.store(STATE, i32x4.add(e, v128.load(STATE, 64)), 64);
  v128.store(STATE, i32x4.add(f, v128.load(STATE, 80)), 80);
  v128.store(STATE, i32x4.add(g, v128.load(STATE, 96)), 96);
  v128.store(STATE, i32x4.add(h, v128.load(STATE, 112)), 112);
}

/**
 * Hashes of 4 * groups messages of `bytes` bytes each, a multiple of 64, one after the other: 32 bytes each at out.
 */
export function sha256(out: usize, src: usize, bytes: i32, groups: i32): void {
  prepare(bytes);
  for (let group = 0; group < groups; group++) {
    for (let i: usize = 0; i < 8; i++) v128.store(STATE + (i << 4), v128.load_splat<u32>(H + (i << 2)));
    for (let block: usize = 0; block < <usize>bytes; block += 64) {
      schedule(src + block, <usize>bytes);
      compress(W);
    }
    compress(PADDING);
    for (let half: usize = 0; half < 2; half++) {
      const at = STATE + (half << 6);
      const a = v128.load(at);
      const b = v128.load(at, 16);
      const c = v128.load(at, 32);
      const d = v128.load(at, 48);
      transpose(out + (half << 4), 32, a, b, c, d);
    }
    src += (<usize>bytes) << 2;
    out += 128;
  }
}

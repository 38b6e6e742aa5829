/**
 * Float64 products of matrices of binary32 values: stage 0 of bound-and-check. Any engine may take its place that sums products in
 * float64 in whatever order, fused or not: the later stages (rows.ts, matrix.ts) only assume that.
 */

/** Row i is data[offset + i * stride ...]. */
export interface Rows {
  readonly data: Float32Array;
  readonly offset: number;
  readonly stride: number;
  readonly count: number;
}

/** out[i * b.count + j] = sum over k < depth of a[i][k] * b[j][k]. */
export type MatrixProduct = (a: Rows, b: Rows, depth: number, out: Float64Array) => void;

function dot(a: Float32Array, at: number, b: Float32Array, bt: number, depth: number): number {
  let sum = 0;
  for (let k = 0; k < depth; k++) sum += (a[at + k] ?? 0) * (b[bt + k] ?? 0);
  return sum;
}

/** A tile of four by four: 16 sums in registers for 8 reads. */
function tile(
  a: Float32Array,
  a0: number,
  da: number,
  b: Float32Array,
  b0: number,
  db: number,
  depth: number,
  out: Float64Array,
  at: number,
  width: number,
): void {
  const a1 = a0 + da;
  const a2 = a1 + da;
  const a3 = a2 + da;
  const b1 = b0 + db;
  const b2 = b1 + db;
  const b3 = b2 + db;
  let s00 = 0;
  let s01 = 0;
  let s02 = 0;
  let s03 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s13 = 0;
  let s20 = 0;
  let s21 = 0;
  let s22 = 0;
  let s23 = 0;
  let s30 = 0;
  let s31 = 0;
  let s32 = 0;
  let s33 = 0;
  for (let k = 0; k < depth; k++) {
    const w = a[a0 + k] ?? 0;
    const x = a[a1 + k] ?? 0;
    const y = a[a2 + k] ?? 0;
    const z = a[a3 + k] ?? 0;
    let v = b[b0 + k] ?? 0;
    s00 += w * v;
    s10 += x * v;
    s20 += y * v;
    s30 += z * v;
    v = b[b1 + k] ?? 0;
    s01 += w * v;
    s11 += x * v;
    s21 += y * v;
    s31 += z * v;
    v = b[b2 + k] ?? 0;
    s02 += w * v;
    s12 += x * v;
    s22 += y * v;
    s32 += z * v;
    v = b[b3 + k] ?? 0;
    s03 += w * v;
    s13 += x * v;
    s23 += y * v;
    s33 += z * v;
  }
  out[at] = s00;
  out[at + 1] = s01;
  out[at + 2] = s02;
  out[at + 3] = s03;
  let row = at + width;
  out[row] = s10;
  out[row + 1] = s11;
  out[row + 2] = s12;
  out[row + 3] = s13;
  row += width;
  out[row] = s20;
  out[row + 1] = s21;
  out[row + 2] = s22;
  out[row + 3] = s23;
  row += width;
  out[row] = s30;
  out[row + 1] = s31;
  out[row + 2] = s32;
  out[row + 3] = s33;
}

/** Four rows of b against one of a. */
function strip(
  a: Float32Array,
  a0: number,
  b: Float32Array,
  b0: number,
  db: number,
  depth: number,
  out: Float64Array,
  at: number,
  step: number,
): void {
  const b1 = b0 + db;
  const b2 = b1 + db;
  const b3 = b2 + db;
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let k = 0; k < depth; k++) {
    const v = a[a0 + k] ?? 0;
    s0 += v * (b[b0 + k] ?? 0);
    s1 += v * (b[b1 + k] ?? 0);
    s2 += v * (b[b2 + k] ?? 0);
    s3 += v * (b[b3 + k] ?? 0);
  }
  out[at] = s0;
  out[at + step] = s1;
  out[at + 2 * step] = s2;
  out[at + 3 * step] = s3;
}

/** In plain JavaScript. Rows of a should together fit the second-level cache. */
export const matrixProduct: MatrixProduct = (a, b, depth, out) => {
  const m = a.count;
  const n = b.count;
  const rowA = (i: number): number => a.offset + i * a.stride;
  const rowB = (j: number): number => b.offset + j * b.stride;
  let j = 0;
  for (; j + 4 <= n; j += 4) {
    let i = 0;
    for (; i + 4 <= m; i += 4)
      tile(a.data, rowA(i), a.stride, b.data, rowB(j), b.stride, depth, out, i * n + j, n);
    for (; i < m; i++) strip(a.data, rowA(i), b.data, rowB(j), b.stride, depth, out, i * n + j, 1);
  }
  for (; j < n; j++) {
    let i = 0;
    for (; i + 4 <= m; i += 4) strip(b.data, rowB(j), a.data, rowA(i), a.stride, depth, out, i * n + j, n);
    for (; i < m; i++) out[i * n + j] = dot(a.data, rowA(i), b.data, rowB(j), depth);
  }
};

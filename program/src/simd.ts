/**
 * The kernels of program/assembly, compiled to WebAssembly with SIMD, and the memory that they work on.
 */
import { readFileSync } from "node:fs";

type Product = (out: number, a: number, b: number, rows: number, columns: number, depth: number) => void;

type Factor = [
  dst: number,
  src: number,
  count: number,
  depth: number,
  rowStride: number,
  depthStride: number,
  norms: number,
];

/** See program/assembly for what each does. Addresses in bytes, counts in elements. */
export interface Kernels {
  readonly memory: WebAssembly.Memory;
  readonly heap: () => number;
  readonly packF64: (...factor: Factor) => void;
  readonly packF32: (...factorAndScratch: [...Factor, scratch: number]) => void;
  readonly productF32: Product;
  readonly productF64: Product;
  readonly decideF32: (
    out: number,
    sums: number,
    rows: number,
    columns: number,
    normsA: number,
    normsB: number,
    factor: number,
    open: number,
  ) => number;
  readonly compensated: (result: number, a: number, i: number, b: number, j: number, depth: number) => void;
  readonly packI16: (
    dst: number,
    src: number,
    kind: number,
    zero: number,
    count: number,
    depth: number,
    rowStride: number,
    depthStride: number,
    lanes: number,
  ) => void;
  readonly sumRuns: (
    sums: number,
    sizes: number,
    runs: number,
    n: number,
    terms: number,
    counts: number,
    baseA: number,
    a: number,
    stepA: number,
    baseB: number,
    b: number,
    stepB: number,
  ) => void;
  readonly sumRunsI32: (
    sums: number,
    runs: number,
    n: number,
    terms: number,
    counts: number,
    baseA: number,
    a: number,
    stepA: number,
    baseB: number,
    b: number,
    stepB: number,
  ) => void;
  readonly decideSums: (
    out: number,
    sums: number,
    sizes: number,
    n: number,
    factor: number,
    open: number,
  ) => number;
  readonly chooseRuns: (
    fold: number,
    first: number,
    out: number,
    runs: number,
    n: number,
    terms: number,
    counts: number,
    baseA: number,
    a: number,
    stepA: number,
  ) => void;
  readonly sumRows: (sums: number, sizes: number, src: number, rows: number, n: number) => void;
  readonly chooseRows: (
    fold: number,
    first: number,
    out: number,
    src: number,
    rows: number,
    n: number,
  ) => void;
  readonly elementary: (
    kind: number,
    tables: number,
    out: number,
    src: number,
    n: number,
    open: number,
  ) => number;
  readonly sha256: (out: number, src: number, bytes: number, groups: number) => void;
  readonly truncate: (dst: number, src: number, n: number) => void;
  readonly widenF32: (dst: number, src: number, kind: number, n: number, zero: number) => void;
  readonly widenI32: (dst: number, src: number, kind: number, n: number, zero: number) => void;
  readonly narrow8: (dst: number, src: number, n: number, signed: number) => void;
  readonly map: (
    operation: number,
    out: number,
    rows: number,
    n: number,
    a: number,
    rowA: number,
    stepA: number,
    b: number,
    rowB: number,
    stepB: number,
    c: number,
    rowC: number,
    stepC: number,
    least: number,
    most: number,
  ) => void;
  readonly productI16: Product;
}

/** Fused multiply-add where the engine has it (relaxed SIMD): faster, and no bound depends on whether products are fused. */
function load(): Kernels {
  const file = (name: string): Uint8Array<ArrayBuffer> =>
    new Uint8Array(readFileSync(new URL(`../build/${name}.wasm`, import.meta.url)));
  const relaxed = file("kernels-relaxed");
  const code = WebAssembly.validate(relaxed) ? relaxed : file("kernels");
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code));
  return exports as unknown as Kernels;
}

export const kernels = load();

const PAGE = 65536;
/** Bytes of what a program pins at most. */
const MOST_PINNED = 2 ** 27;
/** Below are things that stay, above what the instruction at work needs. */
let floor = (kernels.heap() + 15) & ~15;
let top = floor;
let views = viewsOf();

function viewsOf() {
  const { buffer } = kernels.memory;
  return {
    f32: new Float32Array(buffer),
    f64: new Float64Array(buffer),
    u8: new Uint8Array(buffer),
    i8: new Int8Array(buffer),
    u16: new Uint16Array(buffer),
    i16: new Int16Array(buffer),
    u32: new Uint32Array(buffer),
    i32: new Int32Array(buffer),
  };
}

/** Forgets all addresses that `allocate` gave, or those from a mark on. */
export function free(mark = floor): void {
  top = mark;
}

/**
 * Address of so many bytes, not cleared, until freed. Views of the memory that were taken before are void.
 * @throws RangeError if WebAssembly's 4 GiB are used up.
 */
export function allocate(bytes: number): number {
  const at = top;
  top = at + Math.ceil(bytes / 16) * 16;
  const missing = top - views.u8.length;
  if (missing > 0) {
    kernels.memory.grow(Math.ceil(missing / PAGE));
    views = viewsOf();
  }
  return at;
}

/** Copies a table to where it stays for good; to be called before anything is pinned. @returns Its address. */
export function reserve(table: Float64Array): number {
  free();
  const at = allocate(table.byteLength);
  views.f64.set(table, at / 8);
  floor = top;
  unpinned = floor;
  return at;
}

let unpinned = floor;
let owner = new WeakRef<object>({});
/** Addresses of what the owner has pinned. */
let pins = new WeakMap<object, number>();

/** Makes a program the owner of what is pinned from now on; what another one pinned is gone. */
export function own(program: object): void {
  if (owner.deref() === program) return;
  owner = new WeakRef(program);
  pins = new WeakMap();
  floor = unpinned;
}

/**
 * Address at which something of the program that runs stays between its instructions and runs. Frees whatever was allocated.
 * @param write Called with the address, the first time. @returns undefined if there is no more room for such.
 */
export function pinned(thing: object, bytes: number, write: (address: number) => void): number | undefined {
  const known = pins.get(thing);
  if (known !== undefined) return known;
  if (floor - unpinned + bytes > MOST_PINNED) return undefined;
  free();
  const at = allocate(bytes);
  floor = top;
  write(at);
  pins.set(thing, at);
  return at;
}

/** The whole memory as elements: element k is at address k times their size. */
export const view = {
  f32: (): Float32Array => views.f32,
  f64: (): Float64Array => views.f64,
  u8: (): Uint8Array => views.u8,
  i8: (): Int8Array => views.i8,
  u16: (): Uint16Array => views.u16,
  i16: (): Int16Array => views.i16,
  u32: (): Uint32Array => views.u32,
  i32: (): Int32Array => views.i32,
};

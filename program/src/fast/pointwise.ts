/**
 * Elementwise instructions on views that are never out of range, whose elements the kernels hold as binary32 or int32 lanes
 * (program/assembly/pointwise.ts): blocks of the operands are copied to the kernels' memory, widened, computed and copied back.
 *
 * Sums, products, quotients and roots of binary32 lanes round once; integers up to 16 bits are binary32 numbers. qmul and qdiv round their first
 * operand to binary32 themselves, as copy does.
 */
import { dtype, integerRange, isInteger, type DTypeName } from "../dtype.ts";
import { product, type Body, type Instruction, type TensorSource } from "../instruction.ts";
import { kernelTables } from "./approximate.ts";
import { elementaryStages, exactly } from "./elementary.ts";
import { joinDims, type Lookup } from "./read.ts";
import { allocate, free, kernels, reserve, view } from "../simd.ts";
import { copyBytes, elementsOf, KINDS, type Elements, type Tensor } from "./tensor.ts";
import { literalValue, planTensor } from "./view.ts";

/** Lanes of a block: three operands and a result stay in the second-level cache. */
const BLOCK = 8192;
/** Room behind a block for lanes of a last group of four, or of sixteen bytes. */
const SPARE = 64;
/** Operands of so few elements are copied whole: a view of what is needed of them would take longer. */
const WHOLE = 1024;

/** Operations as in program/assembly/pointwise.ts. */
const F32: Partial<Record<Body, number>> = {
  ...{ add: 0, sub: 1, mul: 2, div: 3, min: 4, max: 5, copy: 6, neg: 7, abs: 8, sqrt: 9 },
  ...{ floor: 10, ceil: 11, rint: 12, fma: 13 },
};
const TO_SMALL: Partial<Record<Body, number>> = { qmul: 14, qdiv: 15, sat: 16 };
const I32: Partial<Record<Body, number>> = { add: 17, sub: 18, mul: 19 };

/** Functions of binary32 as in program/assembly/elementary.ts. */
const FUNCTIONS = { exp: 0, expm1: 1, log: 2, tanh: 3, erf: 4 } as const;
const TABLES = reserve(kernelTables());

function isFunction(body: Body): body is keyof typeof FUNCTIONS {
  return body in FUNCTIONS;
}

/** What like instructions have in common: in an unrolled loop it stays in the cache, as plans of their own would not. */
interface Shape {
  readonly operation: number;
  /** Set instead for elementary functions, which have one operand. */
  readonly elementary?: keyof typeof FUNCTIONS;
  readonly lanes: "f32" | "i32";
  /** Whether results are narrowed to bytes. */
  readonly small: boolean;
  /** Merged output dimensions, at least two. */
  readonly sizes: readonly number[];
  /** Of a block. */
  readonly rows: number;
  readonly columns: number;
  /** Planes of the last two dimensions. */
  readonly planes: number;
  /** One to three; what they hold lasts for one run. */
  readonly sources: readonly [Source, ...Source[]];
  readonly least: number;
  readonly most: number;
}

/** An operand's tensor, and the address of the first element that is read. */
interface Place {
  readonly source: TensorSource;
  readonly id: number;
  readonly offset: number;
}

export interface PointwisePlan {
  readonly shape: Shape;
  /** Per source; undefined: a literal. */
  readonly places: readonly (Place | undefined)[];
}

/** By what they are made of. */
const shapes = new Map<string, Shape>();
const MOST_SHAPES = 4096;

/** How an instruction's lanes compute it; undefined if they do not. */
function operationOf({
  body,
  dtype: name,
  loads,
}: Instruction): Pick<Shape, "operation" | "elementary" | "lanes"> | undefined {
  const names = loads.map((load) => (load.kind === "index" ? "i64" : load.dtype));
  if (names.some((of) => KINDS[of] === undefined)) return undefined;
  const zeros = loads.map((load) => (load.kind === "tensor" ? (load.zero ?? 0) : 0));
  // What binary32 holds: not all int32, and not small integers less a large zero point.
  const held = (k: number): boolean => names[k] !== "i32" && Math.abs(zeros[k] ?? 0) <= 2 ** 20;
  if (isFunction(body))
    return name === "f32" && names[0] === "f32"
      ? { operation: FUNCTIONS[body], elementary: body, lanes: "f32" }
      : undefined;
  // Right modulo 2^32, so modulo less too.
  const wrapped = name !== "bool" && isInteger(name) && names.every(isInteger) ? I32[body] : undefined;
  if (wrapped !== undefined)
    return KINDS[name] === undefined ? undefined : { operation: wrapped, lanes: "i32" };
  const operation = name === "f32" ? F32[body] : name === "u8" || name === "i8" ? TO_SMALL[body] : undefined;
  if (operation === undefined) return undefined;
  const rounds = body === "qmul" || body === "qdiv" || body === "copy";
  if (!names.every((of, k) => held(k) || (k === 0 && rounds && of === "i32" && zeros[0] === 0)))
    return undefined;
  if (body === "sat" && names[0] !== "f32") return undefined;
  return { operation, lanes: "f32" };
}

/** @returns undefined if the instruction is not of this form. */
export function planPointwise(instruction: Instruction): PointwisePlan | undefined {
  const { fold, dtype: name, outDims, loads } = instruction;
  const chosen = fold === "none" ? operationOf(instruction) : undefined;
  if (chosen === undefined) return undefined;
  const operands: Operand[] = [];
  const places: (Place | undefined)[] = [];
  for (const load of loads) {
    if (load.kind === "index") return undefined;
    const plan = load.kind === "tensor" ? planTensor(load, outDims, true) : undefined;
    if (load.kind === "tensor" && (plan === undefined || plan.tables.length > 0 || plan.limit !== Infinity))
      return undefined;
    const literal = load.kind === "literal" ? literalValue(load.dtype, load.bits) : 0;
    if (literal === undefined || (isInteger(load.dtype) && Math.abs(literal) > 2 ** 20)) return undefined;
    const strides = plan?.strides ?? outDims.map(() => 0);
    operands.push({ dtype: load.dtype, literal, zero: plan?.zero ?? 0, strides });
    places.push(
      load.kind === "tensor" ? { source: load.source, id: load.id, offset: plan?.offset ?? 0 } : undefined,
    );
  }
  const literals = loads.map((load) => (load.kind === "literal" ? load.bits.toString() : ""));
  const rest = operands.map(({ dtype: of, zero, strides }) => [of, zero, ...strides]);
  const key = JSON.stringify([chosen, name, outDims, literals, rest]);
  const shape = shapes.get(key) ?? shapeOf(instruction, chosen, operands);
  if (shapes.size >= MOST_SHAPES) shapes.clear();
  shapes.set(key, shape);
  return { shape, places };
}

interface Operand {
  readonly dtype: DTypeName;
  /** The number that stands for an operand without a tensor. */
  readonly literal: number;
  readonly zero: number;
  /** Per output dimension. */
  readonly strides: readonly number[];
}

function shapeOf(
  { dtype: name, outDims }: Instruction,
  chosen: Pick<Shape, "operation" | "elementary" | "lanes">,
  operands: readonly Operand[],
): Shape {
  const { sizes, strides } = joinDims(
    outDims,
    operands.map((operand) => operand.strides),
  );
  const rank = Math.max(2, sizes.length);
  const pad = (of: readonly number[], by: number): number[] => [
    ...Array<number>(rank - of.length).fill(by),
    ...of,
  ];
  const dims = pad(sizes, 1);
  const [height = 1, width = 1] = dims.slice(-2);
  const columns = Math.min(width, BLOCK);
  const rows = Math.max(1, Math.min(height, Math.floor(BLOCK / columns)));
  const [first = NONE, ...rest] = operands.map(({ dtype: of, literal, zero }, k): Source => {
    const own = pad(strides[k] ?? [], 0);
    const whole = layoutOf(own, rows, columns);
    const { bytes } = dtype(of);
    return { ...NONE, kind: KINDS[of] ?? 0, bytes, zero, literal, strides: own, whole };
  });
  const [least = 0, most = 0] = isInteger(name) ? integerRange(name).map(Number) : [];
  return {
    ...chosen,
    small: chosen.lanes === "f32" && name !== "f32",
    sizes: dims,
    rows,
    columns,
    planes: product(dims.slice(0, -2)),
    sources: [first, ...rest],
    least,
    most,
  };
}

/** What a block of so many rows and columns reads of an operand, each element once where it repeats. */
interface Layout {
  /** Rows and columns without repetitions. */
  readonly height: number;
  readonly width: number;
  /** Strides, 0 where there is one row or column. */
  readonly dr: number;
  readonly dc: number;
  /** From row to row where the elements stand in the kernels' memory. */
  readonly pitch: number;
  /** Elements from the first to the last there. */
  readonly count: number;
  /** Whether they are such a run of the operand itself. */
  readonly run: boolean;
}

function layoutOf(strides: readonly number[], rows: number, columns: number): Layout {
  const dr = rows === 1 ? 0 : (strides.at(-2) ?? 0);
  const dc = columns === 1 ? 0 : (strides.at(-1) ?? 0);
  const height = dr === 0 ? 1 : rows;
  const width = dc === 0 ? 1 : columns;
  const run = (dc === 1 || width === 1) && (height === 1 || (dr >= width && dr <= 2 * width));
  const pitch = run && height > 1 ? dr : width;
  return { height, width, dr, dc, pitch, count: (height - 1) * pitch + width, run };
}

/** An operand with its data and its places in the kernels' memory. */
interface Source {
  readonly kind: number;
  readonly bytes: number;
  readonly zero: number;
  readonly literal: number;
  /** Per merged dimension. */
  readonly strides: readonly number[];
  /** Of a whole block. */
  readonly whole: Layout;
  /** undefined: a literal. */
  elements: Elements | undefined;
  /** Their bytes. */
  data: Uint8Array;
  /** Address of the first element that the block at work reads, of those the operand has. */
  start: number;
  rawAt: number;
  lanesAt: number;
  /** Where the block's lanes stand: steps in bytes. */
  at: number;
  row: number;
  step: number;
}

const NONE: Source = {
  ...{ kind: 0, bytes: 4, zero: 0, literal: 0, strides: [0, 0], whole: layoutOf([0, 0], 1, 1) },
  ...{ elements: undefined, data: new Uint8Array(), start: 0, rawAt: 0, lanesAt: 0, at: 0, row: 0, step: 0 },
};

/** A view of the kernels' memory as elements of a kind. */
function rawOf(kind: number): Elements {
  switch (kind) {
    case 0:
      return view.f32();
    case 2:
      return view.i8();
    case 3:
      return view.u16();
    case 4:
      return view.i16();
    case 5:
      return view.i32();
    default:
      return view.u8();
  }
}

/** @param from Where the elements are. @returns Where the lanes are. */
function widen({ kind, zero, lanesAt }: Source, from: number, count: number, lanes: "f32" | "i32"): number {
  if (lanes === "f32") {
    if (kind === 0) return from;
    kernels.widenF32(lanesAt, from, kind, count, zero);
  } else {
    if (kind === 5 && zero === 0) return from;
    kernels.widenI32(lanesAt, from, kind, count, zero);
  }
  return lanesAt;
}

/** Copies what a block reads, from address `p` on. */
function place(source: Source, p: number, layout: Layout, lanes: "f32" | "i32"): void {
  const { elements, data, rawAt, literal, bytes, kind } = source;
  if (elements === undefined) {
    if (lanes === "f32") view.f32()[rawAt / 4] = literal;
    else view.i32()[rawAt / 4] = literal;
    source.at = rawAt;
    source.row = 0;
    source.step = 0;
    return;
  }
  const { height, width, dr, dc, count } = layout;
  let from = rawAt;
  if (layout.run && elements.length <= WHOLE) {
    copyBytes(view.u8(), rawAt, data, 0, data.length);
    from += p * bytes;
  } else if (layout.run) copyBytes(view.u8(), rawAt, data, p * bytes, (p + count) * bytes);
  else if (dc === 1)
    for (let r = 0; r < height; r++) {
      const start = (p + r * dr) * bytes;
      copyBytes(view.u8(), rawAt + r * width * bytes, data, start, start + width * bytes);
    }
  else gather(rawOf(kind), rawAt / bytes, elements, p, height, dr, width, dc);
  source.at = widen(source, from, count, lanes);
  source.row = dr === 0 ? 0 : layout.pitch * 4;
  source.step = dc === 0 ? 0 : 4;
}

function gather(
  to: Elements,
  at: number,
  from: Elements,
  p: number,
  rows: number,
  dr: number,
  columns: number,
  dc: number,
): void {
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) to[at + r * columns + c] = from[p + r * dr + c * dc] ?? 0;
}

/** m rows of n values of an elementary function. */
function evaluate(
  body: keyof typeof FUNCTIONS,
  out: number,
  x: Source,
  m: number,
  n: number,
  open: number,
): void {
  const whole = x.step !== 0 && (m === 1 || x.row === n * 4);
  const rows = whole ? 1 : m;
  const columns = whole ? m * n : n;
  for (let r = 0; r < rows; r++) {
    const from = x.at + r * x.row;
    const to = out + r * columns * 4;
    // One value for the whole row is computed once.
    const count = x.step === 0 ? 1 : columns;
    const left = kernels.elementary(FUNCTIONS[body], TABLES, to, from, count, open);
    elementaryStages.bound += count - left;
    for (let k = 0; k < left; k++) {
      const i = view.i32()[open / 4 + k] ?? 0;
      view.f32()[to / 4 + i] = exactly(body, "f32", view.f32()[from / 4 + i] ?? 0, 0);
    }
    if (x.step === 0) view.f32().fill(view.f32()[to / 4] ?? 0, to / 4, to / 4 + columns);
  }
}

/** Joins the operands with their data. @returns false if an operand's elements are of no kind the kernels know. */
function join({ shape: { sources }, places }: PointwisePlan, lookup: Lookup): boolean {
  for (let k = 0; k < sources.length; k++) {
    const source = sources[k] ?? NONE;
    const place = places[k];
    const { bytes } = source;
    const { count } = source.whole;
    source.rawAt = allocate(Math.max(count, WHOLE) * bytes + SPARE);
    source.lanesAt = bytes === 4 ? source.rawAt : allocate(count * 4 + SPARE);
    source.start = 0;
    source.elements = undefined;
    if (place === undefined) continue;
    source.start = place.offset;
    const tensor = lookup(place.source, place.id);
    source.elements = elementsOf(tensor);
    source.data = tensor.data;
    if (source.elements === undefined) return false;
  }
  return true;
}

/** Moves the sources to the next plane. */
function advance(sources: readonly Source[], index: number[], sizes: readonly number[]): void {
  for (let d = sizes.length - 3; d >= 0; d--) {
    const size = sizes[d] ?? 1;
    const i = (index[d] ?? 0) + 1;
    const by = i < size ? 1 : 1 - size;
    index[d] = i < size ? i : 0;
    for (const source of sources) source.start += by * (source.strides[d] ?? 0);
    if (i < size) break;
  }
}

/** @returns false, with nothing written, if an operand's elements are of no kind the kernels know. */
export function runPointwise(plan: PointwisePlan, lookup: Lookup, out: Tensor): boolean {
  const { shape } = plan;
  const { operation, elementary, lanes, small, sizes, sources, least, most } = shape;
  free();
  const target = elementsOf(out);
  if (target === undefined || !join(plan, lookup)) return false;
  const block = shape.rows * shape.columns;
  const result = allocate(block * 4 + SPARE);
  const narrow = small ? allocate(block + SPARE) : result;
  const open = elementary === undefined ? 0 : allocate(block * 4);
  const rank = sizes.length;
  const height = sizes[rank - 2] ?? 1;
  const width = sizes[rank - 1] ?? 1;
  const index = sizes.map(() => 0);
  const results = rawOf(small ? (out.dtype === "u8" ? 1 : 2) : lanes === "f32" ? 0 : 5);
  const from = small ? narrow : result / 4;
  const { BYTES_PER_ELEMENT: bytes } = results;
  const same = bytes === target.BYTES_PER_ELEMENT;
  const a = sources[0];
  const b = sources[1] ?? a;
  const c = sources[2] ?? b;
  for (let plane = 0; plane < shape.planes; plane++) {
    for (let row = 0; row < height; row += shape.rows)
      for (let column = 0; column < width; column += shape.columns) {
        const m = Math.min(shape.rows, height - row);
        const n = Math.min(shape.columns, width - column);
        const whole = m === shape.rows && n === shape.columns;
        for (const source of sources) {
          const { strides } = source;
          const p = source.start + row * (strides[rank - 2] ?? 0) + column * (strides[rank - 1] ?? 0);
          place(source, p, whole ? source.whole : layoutOf(strides, m, n), lanes);
        }
        if (elementary !== undefined) evaluate(elementary, result, a, m, n, open);
        else
          kernels.map(
            operation,
            result,
            m,
            n,
            a.at,
            a.row,
            a.step,
            b.at,
            b.row,
            b.step,
            c.at,
            c.row,
            c.step,
            least,
            most,
          );
        if (small) kernels.narrow8(narrow, result, m * n, out.dtype === "i8" ? 1 : 0);
        const at = (plane * height + row) * width + column;
        if (same) copyBytes(out.data, at * bytes, view.u8(), from * bytes, (from + m * n) * bytes);
        // Integers are cut to the output's size.
        else target.set(results.subarray(from, from + m * n), at);
      }
    advance(sources, index, sizes);
  }
  for (const source of sources) {
    source.elements = undefined;
    source.data = NONE.data;
  }
  return true;
}

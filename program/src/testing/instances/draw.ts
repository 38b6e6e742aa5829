/** What makers of valid nodes draw from. */
import { dtype, isFloat, type DTypeName } from "../../dtype.ts";
import { product } from "../../instruction.ts";
import { setElementBits } from "../../naive/value.ts";
import { numberBits } from "../../onnx/host.ts";
import { randomTensor } from "../elements.ts";
import { tensor, type AttributeValue, type Case, type TestTensor } from "../onnx.ts";
import type { Rng } from "../rng.ts";

/** A valid node: a case whose opset is given, and of whose inputs some have to be known. */
export interface Instance extends Pick<Case, "inputs" | "outputs"> {
  readonly attributes?: Readonly<Record<string, AttributeValue | undefined>>;
  /** Inputs that have to be initializers. */
  readonly known?: readonly number[];
}

/** A random valid node of the operator in that opset version of its domain. */
export type Maker = (d: Draw, opset: number) => Instance;
export type Makers = Readonly<Record<string, Maker>>;

export const FLOATS = ["f32", "f16", "bf16"] as const;
export const INTEGERS = ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64"] as const;
export const ALL = ["bool", ...INTEGERS, ...FLOATS] as const;

/** Codes of TensorProto.DataType. */
export const CODES: Readonly<Record<(typeof ALL)[number], number>> = {
  ...{ f32: 1, u8: 2, i8: 3, u16: 4, i16: 5, i32: 6, i64: 7, bool: 9, f16: 10, u32: 12, u64: 13, bf16: 16 },
};

export class Draw {
  readonly rng: Rng;

  constructor(rng: Rng) {
    this.rng = rng;
  }

  int(from: number, to: number): number {
    return this.rng.int(from, to);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.rng.int(0, items.length - 1)] as T;
  }

  chance(probability: number): boolean {
    return this.rng.chance(probability);
  }

  flag(): number {
    return this.rng.int(0, 1);
  }

  float(): DTypeName {
    return this.pick(["f32", "f32", ...FLOATS]);
  }

  /** As many sizes, of at most `most`. */
  dims(rank: number, most = 4): number[] {
    return Array.from({ length: rank }, () => this.int(1, most));
  }

  shape(least = 0, ranks = 3, most = 4): number[] {
    return this.dims(this.int(least, ranks), most);
  }

  /** Elements of any kind: specials, extremes, ties. */
  any(name: DTypeName, shape: readonly number[]): TestTensor {
    return { dtype: name, shape, data: randomTensor(this.rng, name, product(shape)) };
  }

  /** Integers of low..high, or eighths between them. */
  mild(name: DTypeName, shape: readonly number[], low: number, high: number): TestTensor {
    const draw = () => (isFloat(name) ? this.int(8 * low, 8 * high) / 8 : this.int(low, high));
    return tensor(name, shape, Array.from({ length: product(shape) }, draw));
  }

  /** Scales: mostly of a sound size. */
  scale(shape: readonly number[] = [], name: DTypeName = "f32"): TestTensor {
    if (this.chance(0.1)) return this.any(name, shape);
    const data = new Uint8Array(product(shape) * dtype(name).bytes);
    for (let i = 0; i < product(shape); i++)
      setElementBits(name, data, i, numberBits(name, this.int(1, 4000) / 2 ** this.int(6, 14)));
    return { dtype: name, shape, data };
  }

  /** A shape that broadcasts to the given one. */
  narrower(shape: readonly number[]): number[] {
    const own = shape.map((size) => (this.chance(0.3) ? 1 : size));
    return this.chance(0.3) ? own.slice(this.int(0, own.length)) : own;
  }

  axis(rank: number): number {
    return this.int(-rank, rank - 1);
  }

  /** Some different axes, at least `least`. */
  axes(rank: number, least = 1): number[] {
    const all = this.shuffled(Array.from({ length: rank }, (_, d) => d)).slice(0, this.int(least, rank));
    return all.map((axis) => (this.chance(0.3) ? axis - rank : axis));
  }

  shuffled<T>(items: readonly T[]): T[] {
    const keyed = items.map((item) => ({ item, key: this.rng.u32() }));
    return keyed.toSorted((x, y) => x.key - y.key).map(({ item }) => item);
  }

  optional<T>(value: T, probability = 0.5): T | undefined {
    return this.chance(probability) ? value : undefined;
  }

  /** A float attribute. */
  number(low = -2, high = 2): { readonly float: number } {
    return { float: Math.fround(low + (this.rng.u32() / 2 ** 32) * (high - low)) };
  }

  floats(count: number, low = -2, high = 2): { readonly floats: readonly number[] } {
    return { floats: Array.from({ length: count }, () => this.number(low, high).float) };
  }
}

export const i64 = (...values: readonly number[]): TestTensor => tensor("i64", [values.length], values);
export const scalar = (name: DTypeName, value: number): TestTensor => tensor(name, [], [value]);

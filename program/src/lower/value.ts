/**
 * Values during lowering: strided views over stored tensors, so that reshaping, transposing, slicing and broadcasting
 * need no instruction.
 */
import type { DTypeName } from "../dtype.ts";
import { product, type TensorSource } from "../instruction.ts";
import { ModelError } from "../onnx/error.ts";
import type { NarrowBits } from "../onnx/host.ts";

/** A stored tensor: an input, a constant or the output of an instruction, by its index in the builder. */
export interface TensorRef {
  readonly source: TensorSource;
  readonly id: number;
  readonly dtype: DTypeName;
  readonly elements: number;
}

/** `size` steps of `stride` elements; a stride may be zero or negative. */
export interface Factor {
  readonly size: number;
  readonly stride: number;
}

/**
 * A tensor as an ONNX operator sees it. Dimension d runs row-major over the factors dims[d], whose sizes multiply to
 * shape[d] (none for a dimension of size 1).
 */
export interface Value {
  readonly dtype: DTypeName;
  readonly shape: readonly number[];
  readonly tensor: TensorRef;
  readonly offset: number;
  readonly dims: readonly (readonly Factor[])[];
  /** Of a value of a narrower ONNX type than its dtype, which views of it keep; computed values are never narrow. */
  readonly bits?: NarrowBits | undefined;
}

/** The whole of a stored tensor, row-major. */
export function whole(tensor: TensorRef, shape: readonly number[]): Value {
  const strides = rowMajor(shape);
  const dims = shape.map((size, d) => merge([{ size, stride: strides[d] ?? 1 }]));
  return { dtype: tensor.dtype, shape, tensor, offset: 0, dims };
}

export function rowMajor(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = stride;
    stride *= shape[d] ?? 1;
  }
  return strides;
}

/** Drops factors of size 1 and joins neighbours that step evenly. */
function merge(factors: readonly Factor[]): Factor[] {
  const merged: Factor[] = [];
  for (const factor of factors) {
    const last = merged.at(-1);
    if (factor.size === 1) continue;
    if (last !== undefined && last.stride === factor.stride * factor.size)
      merged[merged.length - 1] = { size: last.size * factor.size, stride: factor.stride };
    else merged.push(factor);
  }
  return merged;
}

export function isEmpty(value: Value): boolean {
  return value.shape.includes(0);
}

/** Whether the view is the stored tensor itself, row-major. */
export function isWhole(value: Value): boolean {
  if (value.offset !== 0 || product(value.shape) !== value.tensor.elements) return false;
  const factors = merge(value.dims.flat());
  return factors.length === 0 || (factors.length === 1 && factors[0]?.stride === 1);
}

/** Output dimension d is input dimension perm[d]. */
export function transpose(value: Value, perm: readonly number[]): Value {
  const shape = perm.map((d) => value.shape[d] ?? 1);
  return { ...value, shape, dims: perm.map((d) => value.dims[d] ?? []) };
}

export function inverse(perm: readonly number[]): number[] {
  const result: number[] = [];
  perm.forEach((from, to) => (result[from] = to));
  return result;
}

/** The same elements in another shape; undefined if that takes a copy. */
export function reshape(value: Value, shape: readonly number[]): Value | undefined {
  if (isEmpty(value)) return { ...value, shape, dims: shape.map((size) => merge([{ size, stride: 0 }])) };
  const factors = merge(value.dims.flat());
  const dims: Factor[][] = [];
  for (const size of shape) {
    const taken: Factor[] = [];
    let need = size;
    while (need > 1) {
      const factor = factors.shift();
      if (factor === undefined) return undefined;
      if (need % factor.size === 0) {
        taken.push(factor);
        need /= factor.size;
      } else if (factor.size % need === 0) {
        const inner = factor.size / need;
        taken.push({ size: need, stride: factor.stride * inner });
        factors.unshift({ size: inner, stride: factor.stride });
        need = 1;
      } else return undefined;
    }
    dims.push(merge(taken));
  }
  return factors.length === 0 ? { ...value, shape, dims } : undefined;
}

/** Elements start, start + step, ... of one axis (`count` of them, in range); undefined if that takes a copy. */
export function slice(
  value: Value,
  axis: number,
  start: number,
  count: number,
  step: number,
): Value | undefined {
  const size = value.shape[axis] ?? 1;
  const factors = value.dims[axis] ?? [];
  const shape = value.shape.with(axis, count);
  if (count === 0 || isEmpty(value))
    return { ...value, shape, dims: value.dims.with(axis, [{ size: count, stride: 0 }]) };
  if (count === 1) {
    let offset = value.offset;
    let rest = start;
    for (const factor of factors.toReversed()) {
      offset += (rest % factor.size) * factor.stride;
      rest = Math.floor(rest / factor.size);
    }
    return { ...value, shape, offset, dims: value.dims.with(axis, []) };
  }
  if (start === 0 && count === size && step === 1) return value;
  const [factor] = factors;
  if (factor === undefined || factors.length > 1) return undefined;
  const dims = value.dims.with(axis, [{ size: count, stride: factor.stride * step }]);
  return { ...value, shape, offset: value.offset + start * factor.stride, dims };
}

/** NumPy broadcasting to a shape that the value's own broadcasts to. */
export function expand(value: Value, shape: readonly number[]): Value {
  const lead = shape.length - value.shape.length;
  const dims = shape.map((size, d) => {
    const own = d < lead ? 1 : (value.shape[d - lead] ?? 1);
    if (own === size) return d < lead ? [] : (value.dims[d - lead] ?? []);
    return [{ size, stride: 0 }];
  });
  return { ...value, shape, dims };
}

/** @throws {ModelError} MALFORMED if two sizes differ and neither is 1. */
export function broadcastShapes(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, d) => {
    const sizes = shapes.map((shape) => shape[d - rank + shape.length] ?? 1).filter((size) => size !== 1);
    const [size] = sizes;
    if (sizes.some((other) => other !== size))
      throw new ModelError(
        "MALFORMED",
        `shapes ${shapes.map((s) => `[${s.join(", ")}]`).join(" and ")} do not broadcast`,
      );
    return size ?? 1;
  });
}

/** Dimensions from the most to the least significant in storage. */
export function storageOrder(value: Value): number[] {
  let last = Infinity;
  const keys = value.dims.map((factors) => {
    const stride = Math.abs(factors[0]?.stride ?? 0);
    if (stride !== 0) last = stride;
    return last;
  });
  return keys.map((_, d) => d).sort((a, b) => (keys[b] ?? 0) - (keys[a] ?? 0) || a - b);
}

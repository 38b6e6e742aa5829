/**
 * Stored coordinates -> the shortest instruction that computes the same: axes that cannot be out of range become one
 * address, iteration dimensions that step alike become one dimension.
 */
import type { Affine, Axis, Instruction, Load, TensorLoad } from "../instruction.ts";
import { product } from "../instruction.ts";
import { ModelError } from "../onnx/error.ts";
import { LIMITS } from "../encode.ts";
import { affine, alwaysInRange, bounds, coefOf, flipped, substitute } from "./affine.ts";
import { sizesOf, type Spec, type StoredLoad } from "./spec.ts";

/** @throws {ModelError} TOO_LARGE if the instruction is beyond what the encoding can state. */
export function simplify(
  spec: Spec,
  loads: readonly (StoredLoad | { readonly index: Affine })[],
): Instruction {
  const sizes = sizesOf(spec);
  const instruction: Instruction = {
    body: spec.body,
    fold: spec.fold ?? "none",
    dtype: spec.dtype,
    outDims: spec.out,
    redDims: spec.red ?? [],
    loads: loads.map((load): Load =>
      "index" in load ? { kind: "index", at: load.index } : tensorLoad(load, sizes),
    ),
  };
  const simple = joinDims(dropUnitDims(instruction));
  checkLimits(simple);
  return simple;
}

function tensorLoad(load: StoredLoad, sizes: readonly number[]): TensorLoad {
  const { tensor, zero, fill } = load;
  let offset = load.offset;
  const checked: Axis[] = [];
  const steps: (readonly [dim: number, coef: number])[] = [];
  for (const { size, stride, at } of load.axes) {
    if ("gather" in at) {
      if (stride < 0) throw new RangeError("a gathered axis cannot run backwards");
      checked.push({ size, stride, at: { gather: tensorLoad(at.gather, sizes) } });
    } else if (alwaysInRange(at, size, sizes) && at.div === 1) {
      offset += stride * at.c0;
      for (const { dim, coef } of at.terms) steps.push([dim, coef * stride]);
    } else if (stride < 0) {
      offset += stride * (size - 1);
      checked.push({ size, stride: -stride, at: flipped(at, size) });
    } else checked.push({ size, stride, at });
  }
  return {
    kind: "tensor",
    source: tensor.source,
    id: tensor.id,
    dtype: tensor.dtype,
    elements: tensor.elements,
    ...(zero === undefined || zero === 0 ? {} : { zero }),
    ...(fill === undefined ? {} : { fill }),
    axes: [...distinct(checked), ...addressAxes(affine(steps, offset), sizes)],
  };
}

/** A condition that another axis states already needs no axis of its own. */
function distinct(axes: readonly Axis[]): Axis[] {
  const implied = (a: Axis, b: Axis) =>
    a !== b &&
    a.stride === 0 &&
    b.stride !== 0 &&
    a.size === b.size &&
    JSON.stringify(a.at) === JSON.stringify(b.at);
  return axes.filter((a) => "gather" in a.at || !axes.some((b) => !("gather" in b.at) && implied(a, b)));
}

/** The part of the address that is always in range, as at most as many axes as its terms need. */
function addressAxes(address: Affine, sizes: readonly number[]): Axis[] {
  if (address.terms.length === 0 && address.c0 === 0) return [];
  const axes: Axis[] = [];
  let { c0 } = address;
  for (const { dim, coef } of address.terms) if (coef < 0) c0 += coef * ((sizes[dim] ?? 1) - 1);
  // Negative coefficients keep their own part of the offset, so that each axis alone is never negative.
  for (let from = 0; from === 0 || from < address.terms.length; from += LIMITS.terms) {
    const terms = address.terms.slice(from, from + LIMITS.terms);
    const start = terms.reduce(
      (sum, { dim, coef }) => sum + (coef < 0 ? -coef * ((sizes[dim] ?? 1) - 1) : 0),
      0,
    );
    const part: Affine = { c0: start + (from === 0 ? c0 : 0), terms, div: 1, exact: false };
    const stride = [part.c0, ...terms.map((term) => Math.abs(term.coef))].reduce(gcd);
    const at: Affine = {
      ...part,
      c0: part.c0 / stride,
      terms: terms.map(({ dim, coef }) => ({ dim, coef: coef / stride })),
    };
    axes.push({ size: bounds(at, sizes)[1] + 1, stride, at });
  }
  return axes;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** Applies `f` to every affine expression. */
function mapAffines(instruction: Instruction, f: (a: Affine) => Affine): Instruction {
  const tensor = (load: TensorLoad): TensorLoad => ({
    ...load,
    axes: load.axes.map((axis) => ({
      ...axis,
      at: "gather" in axis.at ? { gather: tensor(axis.at.gather) } : f(axis.at),
    })),
  });
  const loads = instruction.loads.map((load): Load => {
    if (load.kind === "literal") return load;
    return load.kind === "index" ? { ...load, at: f(load.at) } : tensor(load);
  });
  return { ...instruction, loads };
}

function affinesOf(load: Load): Affine[] {
  if (load.kind === "literal") return [];
  if (load.kind === "index") return [load.at];
  return load.axes.flatMap((axis) => ("gather" in axis.at ? affinesOf(axis.at.gather) : [axis.at]));
}

function dropUnitDims(instruction: Instruction): Instruction {
  const sizes = [...instruction.outDims, ...instruction.redDims];
  let next = 0;
  const renamed = sizes.map((size) => (size === 1 ? -1 : next++));
  const keep = (size: number) => size !== 1;
  return {
    ...mapAffines(instruction, (a) =>
      substitute(a, ({ dim, coef }) => {
        const to = renamed[dim] ?? -1;
        return to < 0 ? [] : [{ dim: to, coef }];
      }),
    ),
    outDims: instruction.outDims.filter(keep),
    redDims: instruction.redDims.filter(keep),
  };
}

/** Joins neighbouring dimensions d, d + 1 wherever a step of d is a full run of d + 1 in every expression. */
function joinDims(instruction: Instruction): Instruction {
  let joined = instruction;
  const total = instruction.outDims.length + instruction.redDims.length;
  for (let d = total - 2; d >= 0; d--) {
    if (d === instruction.outDims.length - 1) continue;
    const sizes = [...joined.outDims, ...joined.redDims];
    const run = sizes[d + 1] ?? 1;
    const even = joined.loads.flatMap(affinesOf).every((a) => coefOf(a, d) === coefOf(a, d + 1) * run);
    if (!even) continue;
    const isOut = d < joined.outDims.length;
    const join = (dims: readonly number[], k: number) => dims.toSpliced(k, 2, (dims[k] ?? 1) * run);
    joined = {
      ...mapAffines(joined, (a) =>
        substitute(a, ({ dim, coef }) => {
          if (dim === d) return [];
          return [{ dim: dim > d ? dim - 1 : dim, coef }];
        }),
      ),
      outDims: isOut ? join(joined.outDims, d) : joined.outDims,
      redDims: isOut ? joined.redDims : join(joined.redDims, d - joined.outDims.length),
    };
  }
  return joined;
}

/** Static limits of docs/program.md §6. */
function checkLimits(instruction: Instruction): void {
  const refuse = (reason: string): never => {
    throw new ModelError("TOO_LARGE", reason);
  };
  const { outDims, redDims } = instruction;
  if (product(outDims) > LIMITS.outElements) refuse(`a tensor of shape [${outDims.join(", ")}]`);
  if (product(redDims) > LIMITS.redElements) refuse(`a reduction over [${redDims.join(", ")}]`);
  if (outDims.length > LIMITS.dims || redDims.length > LIMITS.dims)
    refuse("an instruction of more than 8 dimensions");
  const small = (value: number) => value >= -(2 ** 31) && value < 2 ** 31;
  const tensor = (load: TensorLoad): void => {
    if (load.axes.length > LIMITS.axes) refuse("a view of more than 8 axes");
    for (const axis of load.axes) {
      if (axis.size > LIMITS.outElements || axis.stride > LIMITS.outElements)
        refuse("a view beyond 2^32 elements");
      if ("gather" in axis.at) tensor(axis.at.gather);
    }
  };
  for (const load of instruction.loads) {
    if (load.kind === "tensor") tensor(load);
    for (const a of affinesOf(load))
      if (a.terms.length > LIMITS.terms || !small(a.c0) || !a.terms.every((term) => small(term.coef)))
        refuse("an index expression beyond 32 bits or 8 terms");
  }
}

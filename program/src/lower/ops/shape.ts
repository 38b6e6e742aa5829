/**
 * Operators that only rearrange (ONNX Operators: Reshape, Flatten, Transpose, Squeeze, Unsqueeze, Slice, Split, Expand, Tile,
 * Identity, OptionalGetElement of tensors, Dropout, DepthToSpace, SpaceToDepth). Most are views and cost no instruction.
 */
import { product } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { checkShape } from "../../onnx/tensor.ts";
import {
  normalAxes,
  normalAxis,
  reshape as reshaped,
  slice as sliced,
  squeeze as squeezed,
  unsqueeze as unsqueezed,
} from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";

function reshape(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  const asked = b.integers(inputs.at(1), "the shape");
  const allowZero = attributes.int("allowzero") === 1;
  const sizes = asked.map((size, d) => {
    if (size !== 0 || allowZero) return size;
    if (d >= x.shape.length)
      throw new ModelError("MALFORMED", `shape entry ${d} copies a dimension that is not there`);
    return x.shape[d] ?? 1;
  });
  const free = sizes.indexOf(-1);
  if (free >= 0) {
    const rest = product(sizes.toSpliced(free, 1));
    sizes[free] = rest === 0 ? 0 : product(x.shape) / rest;
    if (!Number.isInteger(sizes[free]))
      throw new ModelError("MALFORMED", `no size fits shape [${asked.join(", ")}]`);
  }
  return [reshaped(b, x, checkShape(sizes, "the result"))];
}

function flatten(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  const axis = attributes.int("axis") ?? 1;
  const split = axis === x.shape.length ? axis : normalAxis(axis, x.shape.length);
  return [reshaped(b, x, [product(x.shape.slice(0, split)), product(x.shape.slice(split))])];
}

function transpose(inputs: Inputs, { attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  const perm = attributes.ints("perm") ?? x.shape.map((_, d) => x.shape.length - 1 - d);
  if (perm.toSorted((a, c) => a - c).join() !== x.shape.map((_, d) => d).join())
    throw new ModelError("MALFORMED", `perm [${perm.join(", ")}] of a tensor of rank ${x.shape.length}`);
  return [view.transpose(x, perm)];
}

/** Axes from the attribute of older opsets or the input of newer ones. */
function axesOf(inputs: Inputs, { b, attributes }: Context): number[] | undefined {
  const input = inputs.optional(1);
  return input === undefined ? attributes.ints("axes") : b.integers(input, "axes");
}

function squeeze(inputs: Inputs, context: Context): readonly Value[] {
  const x = inputs.at(0);
  const listed = axesOf(inputs, context);
  const ones = x.shape.flatMap((size, d) => (size === 1 ? [d] : []));
  const axes = listed === undefined ? ones : normalAxes(listed, x.shape.length);
  if (axes.some((d) => x.shape[d] !== 1))
    throw new ModelError("MALFORMED", "an axis to squeeze is not of size 1");
  return [squeezed(x, axes)];
}

function unsqueeze(inputs: Inputs, context: Context): readonly Value[] {
  const x = inputs.at(0);
  const axes = axesOf(inputs, context);
  if (axes === undefined) throw new ModelError("MALFORMED", "no axes");
  const rank = x.shape.length + axes.length;
  checkShape(
    Array.from({ length: rank }, () => 1),
    "the result",
  );
  return [unsqueezed(x, normalAxes(axes, rank))];
}

function slice(inputs: Inputs, context: Context): readonly Value[] {
  const { b, opset, attributes } = context;
  const x = inputs.at(0);
  const byInput = opset >= 10;
  const list = (index: number, name: string) => {
    if (!byInput) return attributes.ints(name);
    const input = inputs.optional(index);
    return input && b.integers(input, name);
  };
  const [starts, ends] = [list(1, "starts"), list(2, "ends")];
  if (starts === undefined || ends?.length !== starts.length)
    throw new ModelError("MALFORMED", "starts and ends differ in length");
  const axes = normalAxes(list(3, "axes") ?? starts.map((_, k) => k), x.shape.length);
  const steps = (byInput ? list(4, "steps") : undefined) ?? starts.map(() => 1);
  if (axes.length !== starts.length || steps.length !== starts.length || steps.includes(0))
    throw new ModelError("MALFORMED", "axes or steps do not fit starts");
  return [
    axes.reduce((value, axis, k) => {
      const { start, count, step } = range(x.shape[axis] ?? 1, starts[k] ?? 0, ends[k] ?? 0, steps[k] ?? 1);
      return sliced(b, value, axis, start, count, step);
    }, x),
  ];
}

/** Python's slice(start, end, step) of `size` elements. */
function range(
  size: number,
  start: number,
  end: number,
  step: number,
): { start: number; count: number; step: number } {
  const [least, most] = step > 0 ? [0, size] : [-1, size - 1];
  const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + size : at, least), most);
  const first = clamp(start);
  const count = Math.max(0, Math.ceil((clamp(end) - first) / step));
  return { start: first, count, step: count === 1 ? 1 : step };
}

function split(inputs: Inputs, { b, attributes, outputs }: Context): readonly Value[] {
  const x = inputs.at(0);
  const axis = normalAxis(attributes.int("axis") ?? 0, x.shape.length);
  const size = x.shape[axis] ?? 1;
  const input = inputs.optional(1);
  const given = input === undefined ? attributes.ints("split") : b.integers(input, "split");
  const each = Math.ceil(size / (attributes.int("num_outputs") ?? outputs));
  const sizes =
    given ?? Array.from({ length: outputs }, (_, k) => Math.max(0, Math.min(each, size - k * each)));
  if (sizes.some((part) => part < 0) || sizes.reduce((a, c) => a + c, 0) !== size)
    throw new ModelError("MALFORMED", `${size} elements cannot be split into [${sizes.join(", ")}]`);
  let start = 0;
  return sizes.map((count) => {
    const part = sliced(b, x, axis, start, count);
    start += count;
    return part;
  });
}

function expand(inputs: Inputs, { b }: Context): readonly Value[] {
  const x = inputs.at(0);
  const target = checkShape(b.integers(inputs.at(1), "the shape"), "the shape");
  return [view.expand(x, checkShape(view.broadcastShapes([x.shape, target]), "the result"))];
}

function tile(inputs: Inputs, { b }: Context): readonly Value[] {
  const x = inputs.at(0);
  const repeats = b.integers(inputs.at(1), "repeats");
  if (repeats.length !== x.shape.length) throw new ModelError("MALFORMED", "repeats do not fit the input");
  const shape = checkShape(
    x.shape.map((size, d) => size * (repeats[d] ?? 1)),
    "the result",
  );
  const apart = unsqueezed(
    x,
    x.shape.map((_, d) => 2 * d),
  );
  const spread = view.expand(
    apart,
    x.shape.flatMap((size, d) => [repeats[d] ?? 1, size]),
  );
  return [reshaped(b, spread, shape)];
}

function identity(inputs: Inputs): readonly Value[] {
  return [inputs.at(0)];
}

function dropout(inputs: Inputs, { b }: Context): readonly Value[] {
  const x = inputs.at(0);
  const training = inputs.optional(2);
  if (training !== undefined && b.integers(training, "training_mode")[0] !== 0)
    throw new ModelError("UNSUPPORTED_USE", "training mode");
  return [x, view.expand(b.scalar("bool", 1), x.shape)];
}

function blocks(
  inputs: Inputs,
  { attributes }: Context,
  divided: readonly number[],
): { x: Value; shape: number[]; size: number } {
  const x = inputs.at(0);
  const size = attributes.int("blocksize") ?? 0;
  if (x.shape.length !== 4 || size < 1) throw new ModelError("MALFORMED", "blocksize or rank");
  if (divided.some((d) => (x.shape[d] ?? 1) % (d === 1 ? size * size : size) !== 0))
    throw new ModelError("MALFORMED", "blocksize does not divide the input");
  return { x, shape: [...x.shape], size };
}

function depthToSpace(inputs: Inputs, context: Context): readonly Value[] {
  const { x, shape, size } = blocks(inputs, context, [1]);
  const [n = 1, c = 1, h = 1, w = 1] = shape;
  const depth = c / (size * size);
  const columnFirst = context.attributes.string("mode") === "CRD";
  const apart = reshaped(
    context.b,
    x,
    columnFirst ? [n, depth, size, size, h, w] : [n, size, size, depth, h, w],
  );
  const moved = view.transpose(apart, columnFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]);
  return [reshaped(context.b, moved, [n, depth, h * size, w * size])];
}

function spaceToDepth(inputs: Inputs, context: Context): readonly Value[] {
  const { x, shape, size } = blocks(inputs, context, [2, 3]);
  const [n = 1, c = 1, h = 1, w = 1] = shape;
  const apart = reshaped(context.b, x, [n, c, h / size, size, w / size, size]);
  const moved = view.transpose(apart, [0, 3, 5, 1, 2, 4]);
  return [reshaped(context.b, moved, [n, c * size * size, h / size, w / size])];
}

export const SHAPE: RuleTable = {
  Reshape: rule(5, ["allowzero"], reshape),
  Flatten: rule(1, ["axis"], flatten),
  Transpose: rule(1, ["perm"], transpose),
  Squeeze: rule(1, ["axes"], squeeze),
  Unsqueeze: rule(1, ["axes"], unsqueeze),
  Slice: rule(1, ["axes", "ends", "starts"], slice),
  Split: rule(2, ["axis", "num_outputs", "split"], split),
  Expand: rule(8, [], expand),
  Tile: rule(6, [], tile),
  Identity: rule(1, [], identity),
  OptionalGetElement: rule(18, [], identity),
  Dropout: rule(7, ["ratio", "seed"], dropout),
  DepthToSpace: rule(1, ["blocksize", "mode"], depthToSpace),
  SpaceToDepth: rule(1, ["blocksize"], spaceToDepth),
};

/**
 * Placing a tensor in another (ONNX Operators: CenterCropPad, MaxUnpool).
 */
import { isFloat } from "../../dtype.ts";
import { product } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { checkShape } from "../../onnx/tensor.ts";
import { affine, at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { normalAxes, reshape, slice } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import type { Value } from "../value.ts";
import { spatial } from "./pool.ts";
import { perAxis } from "./window.ts";

/** x from position `begin` on in a tensor of zeros. */
function inZeros(b: Builder, x: Value, begin: readonly number[], shape: readonly number[]): Value {
  if (x.shape.join() === shape.join()) return x;
  const coordinates = shape.map((_, d) => affine([[d, 1]], -(begin[d] ?? 0)));
  return b.emit({
    body: "copy",
    dtype: x.dtype,
    out: shape,
    loads: [{ value: x, at: coordinates, fill: 0n }],
  });
}

function centerCropPad(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  const sizes = b.integers(inputs.at(1), "the shape");
  const listed = attributes.ints("axes");
  const axes = listed === undefined ? x.shape.map((_, d) => d) : normalAxes(listed, x.shape.length);
  if (axes.length !== sizes.length)
    throw new ModelError("MALFORMED", `${sizes.length} sizes for ${axes.length} axes`);
  const shape = checkShape(
    x.shape.map((size, d) => (axes.includes(d) ? (sizes[axes.indexOf(d)] ?? size) : size)),
    "the result",
  );
  const cropped = shape.reduce((value, size, d) => {
    const own = value.shape[d] ?? 1;
    return size < own ? slice(b, value, d, Math.floor((own - size) / 2), size) : value;
  }, x);
  const begin = shape.map((size, d) => Math.floor((size - (cropped.shape[d] ?? 1)) / 2));
  return [inZeros(b, cropped, begin, shape)];
}

/** Every element of the result looks at every index: more comparisons than these are refused. */
const MAX_COMPARISONS = 2 ** 30;

/** The element of x whose index is that of the position, the last if there are several; else 0. */
function maxUnpool(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [x, indices, asked] = [inputs.at(0), inputs.at(1), inputs.optional(2)];
  if (!isFloat(x.dtype)) throw new ModelError("UNSUPPORTED_DTYPE", `MaxUnpool of ${x.dtype}`);
  if (indices.dtype !== "i64" || indices.shape.join() !== x.shape.join())
    throw new ModelError("MALFORMED", "the indices are not i64 or not of the shape of X");
  const input = spatial(x);
  const rank = input.length;
  if (!attributes.names.includes("kernel_shape")) throw new ModelError("MALFORMED", "no kernel_shape");
  const kernel = perAxis(attributes, "kernel_shape", rank, 1, 1);
  const strides = perAxis(attributes, "strides", rank, 1, 1);
  const pads = perAxis(attributes, "pads", 2 * rank, 0, 0);
  const sizes = input.map(
    (size, d) => (size - 1) * (strides[d] ?? 1) - (pads[d] ?? 0) - (pads[rank + d] ?? 0) + (kernel[d] ?? 1),
  );
  const shape = checkShape([...x.shape.slice(0, 2), ...sizes], "the result");
  const [from, to] = [product(x.shape), product(shape)];
  if (from * to > MAX_COMPARISONS) throw new ModelError("TOO_LARGE", `${from} indices for ${to} elements`);
  const source = b.emit({
    body: "seleq",
    fold: "max",
    dtype: "i64",
    out: [to],
    red: [from],
    loads: [{ value: reshape(b, indices, [from]), at: [at(1)] }, { index: at(0) }, { index: at(1) }],
  });
  const taken = b.emit({
    body: "copy",
    dtype: x.dtype,
    out: [to],
    loads: [{ value: reshape(b, x, [from]), at: [{ gather: source, at: [at(0)] }], fill: 0n }],
  });
  const result = reshape(b, taken, shape);
  if (asked === undefined) return [result];
  // A larger result has further zeros at the end of each axis.
  const larger = checkShape(b.integers(asked, "output_shape"), "the result");
  if (larger.length !== shape.length || larger.some((size, d) => size < (shape[d] ?? 1)))
    throw new ModelError(
      "MALFORMED",
      `output_shape is [${larger.join(", ")}], less than [${shape.join(", ")}]`,
    );
  return [
    inZeros(
      b,
      result,
      shape.map(() => 0),
      larger,
    ),
  ];
}

export const PLACE: RuleTable = {
  CenterCropPad: rule(18, ["axes"], centerCropPad),
  MaxUnpool: rule(9, ["kernel_shape", "pads", "strides"], maxUnpool),
};

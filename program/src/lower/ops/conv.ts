/**
 * Convolution (ONNX Operators: Conv, ConvInteger). The sum of products is exact and rounded once; the bias is then added.
 */
import type { DTypeName } from "../../dtype.ts";
import { isFloat } from "../../dtype.ts";
import { ModelError } from "../../onnx/error.ts";
import { affine, at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { map, reshape, type Centred } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { sameDtype } from "./arithmetic.ts";
import { readWindow, windowAt } from "./window.ts";
import { centre } from "./zero.ts";

export const CONV_ATTRIBUTES = ["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"] as const;

/**
 * Σ x·w of shape [N, O, spatial...], stored channels last, from x [N, C, spatial...] and w [O, C / group, kernel...].
 * Padding takes no part in the sum.
 */
export function convolve(
  b: Builder,
  attributes: Context["attributes"],
  dtype: DTypeName,
  x: Centred,
  w: Centred,
): Value {
  const [n = 1, channels = 1, ...input] = x.value.shape;
  const [outputs = 1, perGroup = 1, ...kernel] = w.value.shape;
  const group = attributes.int("group") ?? 1;
  const rank = input.length;
  if (x.value.shape.length < 3 || w.value.shape.length !== rank + 2)
    throw new ModelError("MALFORMED", "convolution needs operands of one rank, at least 3");
  if (group < 1 || outputs % group !== 0 || perGroup * group !== channels)
    throw new ModelError(
      "MALFORMED",
      `${channels} channels in ${group} groups against weights for ${perGroup}`,
    );
  const window = readWindow(attributes, input, kernel);
  // Iteration: batch, output positions, group, output within the group; kernel positions, channel within the group.
  const [g, o] = [rank + 1, rank + 2];
  const c = 2 * rank + 3;
  const k = (d: number) => rank + 3 + d;
  const sum = b.emit({
    body: "mul",
    fold: "sum",
    dtype,
    out: [n, ...window.out, group, outputs / group],
    red: [...kernel, perGroup],
    loads: [
      {
        ...x,
        at: [
          at(0),
          affine([
            [g, perGroup],
            [c, 1],
          ]),
          ...input.map((_, d) => windowAt(window, d, 1 + d, k(d))),
        ],
      },
      {
        ...w,
        at: [
          affine([
            [g, outputs / group],
            [o, 1],
          ]),
          at(c),
          ...kernel.map((_, d) => at(k(d))),
        ],
      },
    ],
  });
  const channelsLast = reshape(b, sum, [n, ...window.out, outputs]);
  return view.transpose(channelsLast, [0, rank + 1, ...input.map((_, d) => d + 1)]);
}

/** Reshapes a per-channel vector so that it broadcasts against [N, C, spatial...]. */
export function perChannel(b: Builder, vector: Value, rank: number): Value {
  if (vector.shape.length === 0) return vector;
  return reshape(b, vector, [vector.shape[0] ?? 1, ...Array.from({ length: rank - 2 }, () => 1)]);
}

function conv(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [x, w, bias] = [inputs.at(0), inputs.at(1), inputs.optional(2)];
  sameDtype(x, w);
  if (!isFloat(x.dtype)) throw new ModelError("UNSUPPORTED_DTYPE", `Conv of ${x.dtype}`);
  const sum = convolve(b, attributes, x.dtype, { value: x, zero: 0 }, { value: w, zero: 0 });
  if (bias === undefined) return [sum];
  sameDtype(x, bias);
  return [map(b, "add", x.dtype, sum, perChannel(b, bias, x.shape.length))];
}

function convInteger(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [x, w] = [inputs.at(0), inputs.at(1)];
  const wZero = inputs.optional(3);
  const spread = wZero && { ...perChannel(b, wZero, x.shape.length + 1) };
  return [convolve(b, attributes, "i32", centre(b, x, inputs.optional(2)), centre(b, w, spread))];
}

export const CONV: RuleTable = {
  Conv: rule(1, CONV_ATTRIBUTES, conv),
  ConvInteger: rule(10, CONV_ATTRIBUTES, convInteger),
};

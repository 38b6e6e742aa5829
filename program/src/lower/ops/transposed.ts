/**
 * Sums over the windows that an element lies in (ONNX Operators: ConvTranspose, Col2Im). A sum is exact and rounded once; the
 * bias is then added.
 */
import { isFloat } from "../../dtype.ts";
import { product } from "../../instruction.ts";
import type { Attributes } from "../../onnx/attributes.ts";
import { ModelError } from "../../onnx/error.ts";
import { checkShape } from "../../onnx/tensor.ts";
import { affine, at } from "../affine.ts";
import { map, reshape } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { sameDtype } from "./arithmetic.ts";
import { CONV_ATTRIBUTES, perChannel } from "./conv.ts";
import { perAxis, windowOver, type Window } from "./window.ts";

/** The window of the convolution that this one transposes: its "input" is our result, its "out" our input. */
function transposedWindow(
  attributes: Attributes,
  input: readonly number[],
  kernel: readonly number[],
): Window {
  const rank = input.length;
  const stated = attributes.ints("kernel_shape") ?? kernel;
  if (stated.join() !== kernel.join())
    throw new ModelError("MALFORMED", "kernel_shape is not the shape of the weights");
  const strides = perAxis(attributes, "strides", rank, 1, 1);
  const dilations = perAxis(attributes, "dilations", rank, 1, 1);
  const pads = perAxis(attributes, "pads", 2 * rank, 0, 0);
  const extra = perAxis(attributes, "output_padding", rank, 0, 0);
  const auto = attributes.string("auto_pad") ?? "NOTSET";
  if (!["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"].includes(auto))
    throw new ModelError("MALFORMED", `auto_pad "${auto}"`);
  const n = (values: readonly number[], d: number) => values[d] ?? 1;
  const full = input.map(
    (size, d) => (size - 1) * n(strides, d) + n(extra, d) + (n(kernel, d) - 1) * n(dilations, d) + 1,
  );
  const listed = attributes.ints("output_shape") ?? [];
  // Some exporters list the batch and the channels too.
  const asked = listed.length === rank + 2 ? listed.slice(2) : listed;
  if (asked.length !== 0 && asked.length !== rank)
    throw new ModelError("MALFORMED", `output_shape has ${asked.length} entries, not ${rank}`);
  let [begin, end] =
    auto === "VALID" ? [input.map(() => 0), input.map(() => 0)] : [pads.slice(0, rank), pads.slice(rank)];
  const same = auto === "SAME_UPPER" || auto === "SAME_LOWER";
  if (asked.length > 0 || same) {
    // As onnxruntime does, padding is never negative: a larger result has zeros at the end.
    const aim = asked.length > 0 ? asked : input.map((size, d) => size * n(strides, d));
    const total = full.map((size, d) => Math.max(0, size - n(aim, d)));
    const [small, large] = [total.map((t) => Math.floor(t / 2)), total.map((t) => Math.ceil(t / 2))];
    [begin, end] = auto === "SAME_UPPER" ? [small, large] : [large, small];
  }
  const out = asked.length > 0 ? asked : full.map((size, d) => size - n(begin, d) - n(end, d));
  if (out.some((size) => size < 1)) throw new ModelError("MALFORMED", "the result is empty");
  return { input: checkShape(out, "the result"), kernel, strides, dilations, begin, end, out: input };
}

/** Σ x·w over the channels of the group and the kernel positions that reach the output position. Stored channels last. */
function convTranspose(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [x, w, bias] = [inputs.at(0), inputs.at(1), inputs.optional(2)];
  sameDtype(x, w);
  if (!isFloat(x.dtype)) throw new ModelError("UNSUPPORTED_DTYPE", `ConvTranspose of ${x.dtype}`);
  const [n = 1, channels = 1, ...input] = x.shape;
  const [wChannels = 1, perGroup = 1, ...kernel] = w.shape;
  const group = attributes.int("group") ?? 1;
  const rank = input.length;
  if (x.shape.length < 3 || w.shape.length !== rank + 2)
    throw new ModelError("MALFORMED", "convolution needs operands of one rank, at least 3");
  if (group < 1 || channels % group !== 0 || wChannels !== channels)
    throw new ModelError("MALFORMED", `${channels} channels in ${group} groups, weights for ${wChannels}`);
  const window = transposedWindow(attributes, input, kernel);
  // Iteration: batch, output positions, group, output within the group; kernel positions, channel within the group.
  const [g, o, c] = [rank + 1, rank + 2, 2 * rank + 3];
  const channel = affine([
    [g, channels / group],
    [c, 1],
  ]);
  const k = (d: number) => rank + 3 + d;
  const sum = b.emit({
    body: "mul",
    fold: "sum",
    dtype: x.dtype,
    out: [n, ...window.input, group, perGroup],
    red: [...kernel, channels / group],
    loads: [
      { value: x, at: [at(0), channel, ...input.map((_, d) => windowOver(window, d, 1 + d, k(d)))] },
      { value: w, at: [channel, at(o), ...kernel.map((_, d) => at(k(d)))] },
    ],
  });
  const channelsLast = reshape(b, sum, [n, ...window.input, group * perGroup]);
  const result = view.transpose(channelsLast, [0, rank + 1, ...input.map((_, d) => d + 1)]);
  if (bias === undefined) return [result];
  sameDtype(x, bias);
  return [map(b, "add", x.dtype, result, perChannel(b, bias, rank + 2))];
}

/** Σ over the blocks that an element of the image lies in; x is [N, C·block..., blocks...]. */
function col2im(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  const image = checkShape(b.integers(inputs.at(1), "the image's shape"), "the image");
  const kernel = checkShape(b.integers(inputs.at(2), "the block's shape"), "the block");
  const rank = image.length;
  if (rank === 0 || kernel.length !== rank || image.includes(0) || kernel.includes(0))
    throw new ModelError("MALFORMED", "image_shape and block_shape do not fit each other");
  const strides = perAxis(attributes, "strides", rank, 1, 1);
  const dilations = perAxis(attributes, "dilations", rank, 1, 1);
  const pads = perAxis(attributes, "pads", 2 * rank, 0, 0);
  const [begin, end] = [pads.slice(0, rank), pads.slice(rank)];
  const n = (values: readonly number[], d: number) => values[d] ?? 1;
  const out = image.map((size, d) => {
    const room = size + n(begin, d) + n(end, d) - (n(kernel, d) - 1) * n(dilations, d) - 1;
    return Math.floor(room / n(strides, d)) + 1;
  });
  const [batch = 1, columns = 1, blocks = 1] = x.shape;
  const channels = columns / product(kernel);
  if (
    x.shape.length !== 3 ||
    !Number.isInteger(channels) ||
    out.some((size) => size < 1) ||
    product(out) !== blocks
  )
    throw new ModelError("MALFORMED", `[${x.shape.join(", ")}] does not hold the blocks of the image`);
  const window = { input: image, kernel, strides, dilations, begin, end, out };
  const value = reshape(b, x, [batch, channels, ...kernel, ...out]);
  const k = (d: number) => rank + 2 + d;
  const sum = b.emit({
    body: "copy",
    fold: "sum",
    dtype: x.dtype,
    out: [batch, channels, ...image],
    red: kernel,
    loads: [
      {
        value,
        at: [
          at(0),
          at(1),
          ...kernel.map((_, d) => at(k(d))),
          ...out.map((_, d) => windowOver(window, d, 2 + d, k(d))),
        ],
      },
    ],
  });
  return [sum];
}

export const TRANSPOSED: RuleTable = {
  ConvTranspose: rule(1, [...CONV_ATTRIBUTES, "output_padding", "output_shape"], convTranspose),
  Col2Im: rule(18, ["dilations", "pads", "strides"], col2im),
};

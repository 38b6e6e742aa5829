/**
 * Deformable convolution (ONNX Operators: DeformConv). First the elements at the moved positions, each an exact sum rounded to
 * f32, then the sum of their products with the weights, rounded once, then the bias.
 */
import { product } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { affine, at } from "../affine.ts";
import { cast, inFloat32, map, reshape, slice, squeeze } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { sameDtype } from "./arithmetic.ts";
import { perChannel } from "./conv.ts";
import { gatherAt, jointWeights, tapsAround } from "./taps.ts";
import { readWindow } from "./window.ts";

/** Of the kernel, and along an axis of the result. */
const MAX_PLACES = 2 ** 20;

function deformConv(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [input, w, offset] = [inputs.at(0), inputs.at(1), inputs.at(2)];
  const [bias, mask] = [inputs.optional(3), inputs.optional(4)];
  for (const operand of [w, offset, bias, mask]) if (operand !== undefined) sameDtype(input, operand);
  const [n = 1, channels = 1, ...sizes] = input.shape;
  const [outputs = 1, perGroup = 1, ...kernel] = w.shape;
  const rank = sizes.length;
  if (rank < 1 || w.shape.length !== rank + 2)
    throw new ModelError("MALFORMED", "convolution needs operands of one rank, at least 3");
  const group = attributes.int("group") ?? 1;
  const offsetGroup = attributes.int("offset_group") ?? 1;
  if (group < 1 || outputs % group !== 0 || perGroup * group !== channels)
    throw new ModelError(
      "MALFORMED",
      `${channels} channels in ${group} groups against weights for ${perGroup}`,
    );
  if (offsetGroup < 1 || channels % offsetGroup !== 0)
    throw new ModelError("MALFORMED", `${channels} channels in ${offsetGroup} offset groups`);
  const window = readWindow(attributes, sizes, kernel);
  const { out } = window;
  const places = product(kernel);
  if ([places, ...out].some((size) => size > MAX_PLACES))
    throw new ModelError("TOO_LARGE", `a kernel of ${places} places, or its result`);
  const fits = (value: Value, each: number) =>
    value.shape.join() === [n, offsetGroup * places * each, ...out].join();
  if (!fits(offset, rank) || (mask !== undefined && !fits(mask, 1)))
    throw new ModelError("MALFORMED", "offset or mask do not fit the convolution");

  // [batch, offset group, kernel place, output positions] per axis, the kernel flattened.
  const moves = reshape(b, cast(b, offset, "f32"), [n, offsetGroup, places, rank, ...out]);
  const strideInKernel = (d: number) => product(kernel.slice(d + 1));
  const around = sizes.map((_, d) => {
    const move = squeeze(slice(b, moves, 3, d, 1), [3]);
    const one = (k: number, size: number) => Array.from({ length: rank + 3 }, (_, e) => (e === k ? size : 1));
    const inKernel = Array.from({ length: places }, (_, k) => {
      const position = Math.floor(k / strideInKernel(d)) % (kernel[d] ?? 1);
      return position * (window.dilations[d] ?? 1) - (window.begin[d] ?? 0);
    });
    const starts = Array.from({ length: out[d] ?? 1 }, (_, i) => i * (window.strides[d] ?? 1));
    const unmoved = map(
      b,
      "add",
      "f32",
      b.list("f32", inKernel, one(2, places)),
      b.list("f32", starts, one(3 + d, starts.length)),
    );
    return tapsAround(b, map(b, "add", "f32", unmoved, move));
  });
  const joint = jointWeights(
    b,
    around.map(({ weights }) => weights),
  );
  const ones = [n, offsetGroup, places, ...out, ...out.map(() => 1)];
  const weights =
    mask === undefined ? joint : map(b, "mul", "f32", joint, reshape(b, cast(b, mask, "f32"), ones));

  const perOffset = channels / offsetGroup;
  const result = inFloat32(b, input, (x) => {
    // Iteration: batch, output positions, kernel place, offset group, channel within it; taps.
    const [k, g, c, tap] = [rank + 1, rank + 2, rank + 3, rank + 4];
    const point = [0, g, k, ...out.map((_, d) => 1 + d)];
    const channel = affine([
      [g, perOffset],
      [c, 1],
    ]);
    const sampled = b.emit({
      body: "mul",
      fold: "sum",
      dtype: "f32",
      out: [n, ...out, places, offsetGroup, perOffset],
      red: sizes.map(() => 2),
      loads: [
        { value: weights, at: [...point, ...sizes.map((_, d) => tap + d)].map((dim) => at(dim)) },
        {
          value: x,
          at: [at(0), channel, ...around.map(({ positions }, d) => gatherAt(positions, [...point, tap + d]))],
        },
      ],
    });
    const columns = reshape(b, sampled, [n, ...out, places, group, perGroup]);
    // Iteration: batch, output positions, group, output within it; kernel place, channel within the group.
    const [h, o, place, inner] = [rank + 1, rank + 2, rank + 3, rank + 4];
    const sum = b.emit({
      body: "mul",
      fold: "sum",
      dtype: "f32",
      out: [n, ...out, group, outputs / group],
      red: [places, perGroup],
      loads: [
        { value: columns, at: [at(0), ...out.map((_, d) => at(1 + d)), at(place), at(h), at(inner)] },
        {
          value: cast(b, reshape(b, w, [outputs, perGroup, places]), "f32"),
          at: [
            affine([
              [h, outputs / group],
              [o, 1],
            ]),
            at(inner),
            at(place),
          ],
        },
      ],
    });
    const channelsLast = reshape(b, sum, [n, ...out, outputs]);
    const folded = view.transpose(channelsLast, [0, rank + 1, ...out.map((_, d) => d + 1)]);
    return bias === undefined
      ? folded
      : map(b, "add", "f32", folded, cast(b, perChannel(b, bias, rank + 2), "f32"));
  });
  return [result];
}

export const DEFORM: RuleTable = {
  DeformConv: rule(19, ["dilations", "group", "kernel_shape", "offset_group", "pads", "strides"], deformConv),
};

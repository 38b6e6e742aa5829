/**
 * Rotary position embedding (ONNX Operators: RotaryEmbedding; RotaryEmbedding of com.microsoft).
 */
import { isInteger } from "../../dtype.ts";
import { ModelError } from "../../onnx/error.ts";
import { affine, at, ZERO } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { map, reshape, slice, unsqueeze } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { needFloat, sameDtype } from "./arithmetic.ts";
import { joinHeads, splitHeads } from "./attend.ts";
import { concat } from "./join.ts";

export interface Rotation {
  /** [batch, heads, length, size]. */
  readonly x: Value;
  /** Elements of a head that are rotated: the first ones. */
  readonly width: number;
  /** [positions, width / 2], or without `positions` [batch, length, width / 2]. */
  readonly cos: Value;
  readonly sin: Value;
  /** [batch or 1, length]. */
  readonly positions: Value | undefined;
  /** Whether neighbours are rotated, rather than halves. */
  readonly interleaved: boolean;
}

/** (cos·x - sin·y, sin·x + cos·y), each an exact sum rounded once: [batch, length, heads, size]. */
export function rotate(b: Builder, { x, width, cos, sin, positions, interleaved }: Rotation): Value {
  const [batch = 0, , length = 0, size = 0] = x.shape;
  [x, cos, sin].forEach(needFloat);
  sameDtype(x, cos);
  sameDtype(x, sin);
  const half = width / 2;
  const expected = positions === undefined ? [batch, length, half] : [cos.shape[0] ?? 0, half];
  if (!Number.isInteger(half) || width < 0 || width > size)
    throw new ModelError("MALFORMED", `rotation of ${width} of ${size} elements`);
  if (cos.shape.join() !== expected.join() || sin.shape.join() !== expected.join())
    throw new ModelError("MALFORMED", `sines or cosines are not of shape [${expected.join(", ")}]`);
  if (positions !== undefined) needPositions(positions, batch, length);
  const heads = view.transpose(x, [0, 2, 1, 3]);
  if (width === 0) return heads;
  // [..., which half of the result, which half of the operand, half].
  const axis = expected.length - 1;
  const rows = [cos, map(b, "neg", sin.dtype, sin), sin, cos].map((row) => unsqueeze(row, [axis]));
  const table = reshape(b, concat(b, rows, axis), [...expected.slice(0, -1), 2, 2, half]);
  const [place, result] = interleaved ? [3, 4] : [4, 3];
  const lead =
    positions === undefined
      ? [at(0), at(1)]
      : [{ gather: positions, at: [positions.shape[0] === 1 ? ZERO : at(0), at(1)] }];
  const turned = b.emit({
    body: "mul",
    fold: "sum",
    dtype: x.dtype,
    out: [...heads.shape.slice(0, 3), ...(interleaved ? [half, 2] : [2, half])],
    red: [2],
    loads: [
      {
        value: heads,
        at: [
          at(0),
          at(1),
          at(2),
          affine([
            [place, interleaved ? 2 : 1],
            [5, interleaved ? 1 : half],
          ]),
        ],
      },
      { value: table, at: [...lead, at(result), at(5), at(place)] },
    ],
  });
  const rotated = reshape(b, turned, heads.shape.with(3, width));
  return width === size ? rotated : concat(b, [rotated, slice(b, heads, 3, width, size - width)], 3);
}

function needPositions(positions: Value, batch: number, length: number): void {
  const [rows, columns] = positions.shape;
  if (!isInteger(positions.dtype) || positions.shape.length !== 2)
    throw new ModelError("MALFORMED", "positions are not a matrix of integers");
  if ((rows !== 1 && rows !== batch) || columns !== length)
    throw new ModelError("MALFORMED", `positions of shape [${positions.shape.join(", ")}]`);
}

/** The result in the layout of the input: packed heads, or heads before the length. */
function likeInput(b: Builder, input: Value, rotated: Value): Value {
  return input.shape.length === 3 ? joinHeads(b, rotated) : view.transpose(rotated, [0, 2, 1, 3]);
}

function needRank(input: Value): void {
  if (input.shape.length !== 3 && input.shape.length !== 4)
    throw new ModelError("MALFORMED", `heads of a tensor of rank ${input.shape.length}`);
}

function rotary(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const input = inputs.at(0);
  needRank(input);
  const x = input.shape.length === 3 ? splitHeads(b, input, attributes.int("num_heads")) : input;
  const asked = attributes.int("rotary_embedding_dim") ?? 0;
  const rotated = rotate(b, {
    x,
    width: asked === 0 ? (x.shape[3] ?? 0) : asked,
    cos: inputs.at(1),
    sin: inputs.at(2),
    positions: inputs.optional(3),
    interleaved: (attributes.int("interleaved") ?? 0) !== 0,
  });
  return [likeInput(b, input, rotated)];
}

/** first + 0, 1, 2, ... */
function consecutive(b: Builder, first: Value, count: number): Value {
  const loads = [{ value: first, at: [ZERO] }, { index: at(0) }];
  const positions = b.emit({ body: "add", dtype: first.dtype, out: [count], loads });
  return unsqueeze(positions, [0]);
}

/** Heads are as wide as the caches say unless their number is given; one position is that of the first element. */
function microsoftRotary(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  if ((attributes.float("scale") ?? 1) !== 1 || (attributes.int("is_packed_batching") ?? 0) !== 0)
    throw new ModelError("UNSUPPORTED_USE", "scale or is_packed_batching");
  const [input, positions, cos, sin] = [inputs.at(0), inputs.at(1), inputs.at(2), inputs.at(3)];
  needRank(input);
  const asked = attributes.int("rotary_embedding_dim") ?? 0;
  const heads = attributes.int("num_heads") ?? 0;
  const width = asked === 0 ? 2 * (cos.shape[1] ?? 0) : asked;
  const counted = heads === 0 && asked === 0 && width > 0 ? (input.shape[2] ?? 0) / width : heads;
  if (input.shape.length === 3 && !Number.isInteger(counted))
    throw new ModelError("MALFORMED", `heads of ${width} in a width of ${input.shape[2] ?? 0}`);
  const x = input.shape.length === 3 ? splitHeads(b, input, counted) : input;
  const first = positions.shape.join() === "1" && isInteger(positions.dtype);
  const rotated = rotate(b, {
    x,
    width,
    cos,
    sin,
    positions: first ? consecutive(b, positions, x.shape[2] ?? 0) : positions,
    interleaved: attributes.int("interleaved") === 1,
  });
  return [likeInput(b, input, rotated)];
}

export const ROTARY: RuleTable = {
  RotaryEmbedding: rule(23, ["interleaved", "num_heads", "rotary_embedding_dim"], rotary),
  "com.microsoft:RotaryEmbedding": rule(
    1,
    ["interleaved", "is_packed_batching", "num_heads", "rotary_embedding_dim", "scale"],
    microsoftRotary,
  ),
};

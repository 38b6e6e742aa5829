/**
 * Operators whose result has as many elements as the data say: what decides that must be known before the model runs (ONNX
 * Operators: Compress, NonZero, Unique, NonMaxSuppression).
 */
import { floatValue } from "../../fast/float.ts";
import { isFloat } from "../../dtype.ts";
import { product } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { elementBits, float32At, integers, type HostTensor } from "../../onnx/host.ts";
import type { Builder } from "../builder.ts";
import { normalAxis, reshape } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import { rowMajor, type Value } from "../value.ts";
import { gather } from "./join.ts";

/** Elements that lowering looks at one by one. */
const MAX_KNOWN = 2 ** 22;

function needSmall(b: Builder, value: Value, what: string): HostTensor {
  if (product(value.shape) > MAX_KNOWN)
    throw new ModelError("TOO_LARGE", `${what} of ${product(value.shape)} elements`);
  return b.needKnown(value, what);
}

/** The elements along one axis, or of the flattened tensor, whose condition holds. */
function compress(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [given, condition] = [inputs.at(0), inputs.at(1)];
  const asked = attributes.int("axis");
  const x = asked === undefined ? reshape(b, given, [product(given.shape)]) : given;
  const axis = normalAxis(asked ?? 0, x.shape.length);
  if (condition.dtype !== "bool" || condition.shape.length !== 1)
    throw new ModelError("MALFORMED", "the condition is not a vector of bools");
  const { data } = needSmall(b, condition, "the condition");
  const kept = [...data].flatMap((holds, i) => (holds === 0 ? [] : [i]));
  return [gather(b, x, b.list("i64", kept), axis)];
}

/** Coordinates of the nonzero elements, [rank, count]. */
function nonZero(inputs: Inputs, { b }: Context): readonly Value[] {
  const { shape } = inputs.at(0);
  const known = needSmall(b, inputs.at(0), "what is nonzero");
  const places: number[] = [];
  for (let i = 0; i < product(shape); i++) if (elementBits(known, i) !== 0n) places.push(i);
  const coordinates = rowMajor(shape).flatMap((stride, d) =>
    places.map((place) => Math.floor(place / stride) % (shape[d] ?? 1)),
  );
  return [b.list("i64", coordinates, [shape.length, places.length])];
}

/** Elements as numbers that order them; a NaN is the largest and equal to itself. */
function ordinals(tensor: HostTensor): (number | bigint)[] {
  if (!isFloat(tensor.dtype)) return integers(tensor);
  return Array.from({ length: product(tensor.shape) }, (_, i) => {
    const value = floatValue(tensor.dtype, Number(elementBits(tensor, i)));
    return Number.isNaN(value) ? 2 ** 200 : Math.min(Math.max(value, -(2 ** 199)), 2 ** 199);
  });
}

interface Group {
  readonly key: readonly (number | bigint)[];
  readonly first: number;
  count: number;
}

function compare(x: Group, y: Group): number {
  for (const [k, a] of x.key.entries()) {
    const c = y.key[k] ?? a;
    if (a !== c) return a < c ? -1 : 1;
  }
  return 0;
}

/** The distinct elements, or slices along an axis, where each first occurs, which one each is, and how often each occurs. */
function unique(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const given = inputs.at(0);
  const asked = attributes.int("axis");
  const x = asked === undefined ? reshape(b, given, [product(given.shape)]) : given;
  const axis = normalAxis(asked ?? 0, x.shape.length);
  const all = ordinals(needSmall(b, x, "what is unique"));
  const [size, inner] = [x.shape[axis] ?? 1, product(x.shape.slice(axis + 1))];
  // Of no elements, but as many slices as the axis is long.
  if (size > MAX_KNOWN) throw new ModelError("TOO_LARGE", `${size} slices`);
  const slices = Array.from({ length: size }, (): (number | bigint)[] => []);
  all.forEach((value, i) => slices[Math.floor(i / inner) % size]?.push(value));
  const groups = new Map<string, Group>();
  const own = slices.map((key, first) => {
    const name = key.join();
    const group = groups.get(name) ?? { key, first, count: 0 };
    group.count++;
    groups.set(name, group);
    return group;
  });
  const found = [...groups.values()];
  if ((attributes.int("sorted") ?? 1) !== 0) found.sort(compare);
  const places = new Map(found.map((group, k) => [group, k]));
  const firsts = b.list(
    "i64",
    found.map(({ first }) => first),
  );
  return [
    gather(b, x, firsts, axis),
    firsts,
    b.list(
      "i64",
      own.map((group) => places.get(group) ?? 0),
    ),
    b.list(
      "i64",
      found.map(({ count }) => count),
    ),
  ];
}

type Box = readonly [y1: number, x1: number, y2: number, x2: number];

/** Rows of four floats as boxes, in float32. */
function boxesOf(tensor: HostTensor, centred: boolean): Box[] {
  const r = Math.fround;
  return Array.from({ length: product(tensor.shape) / 4 }, (_, i): Box => {
    const [a = 0, c = 0, d = 0, e = 0] = [0, 1, 2, 3].map((k) => float32At(tensor, 4 * i + k));
    if (!centred) return [Math.min(a, d), Math.min(c, e), Math.max(a, d), Math.max(c, e)];
    const [w, h] = [r(d / 2), r(e / 2)];
    return [r(c - h), r(a - w), r(c + h), r(a + w)];
  });
}

/** Whether the intersection over union of two boxes is beyond the threshold, in float32 as onnxruntime computes it. */
function overlap(p: Box, q: Box, threshold: number): boolean {
  const r = Math.fround;
  const area = ([y1, x1, y2, x2]: Box) => r(r(y2 - y1) * r(x2 - x1));
  const [y1, x1] = [Math.max(p[0], q[0]), Math.max(p[1], q[1])];
  const [y2, x2] = [Math.min(p[2], q[2]), Math.min(p[3], q[3])];
  if (x2 <= x1 || y2 <= y1) return false;
  const both = area([y1, x1, y2, x2]);
  const either = r(r(area(p) + area(q)) - both);
  if (area(p) <= 0 || area(q) <= 0 || either <= 0) return false;
  return r(both / either) > threshold;
}

/** Rows [batch, class, box] of the boxes kept: by descending score, each unless it overlaps one kept before. */
function nonMaxSuppression(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [boxes, scores] = [inputs.at(0), inputs.at(1)];
  const [batches = 0, count = 0, four] = boxes.shape;
  const [, classes = 0] = scores.shape;
  if (boxes.shape.length !== 3 || four !== 4 || scores.shape.join() !== [batches, classes, count].join())
    throw new ModelError("MALFORMED", "boxes and scores do not fit");
  const scalar = (index: number, what: string): Value | undefined => {
    const value = inputs.optional(index);
    if (value !== undefined && product(value.shape) !== 1)
      throw new ModelError("MALFORMED", `${what} is not a scalar`);
    return value;
  };
  const float = (value: Value, what: string): HostTensor => {
    if (value.dtype !== "f32") throw new ModelError("UNSUPPORTED_DTYPE", `${what} of ${value.dtype}`);
    return needSmall(b, value, what);
  };
  const threshold = (index: number, what: string): number | undefined => {
    const value = scalar(index, what);
    return value && float32At(float(value, what), 0);
  };
  const most = scalar(2, "max_output_boxes_per_class");
  const limit = most === undefined ? 0 : (b.integers(most, "max_output_boxes_per_class")[0] ?? 0);
  const iou = threshold(3, "iou_threshold") ?? 0;
  const least = threshold(4, "score_threshold");
  const all = boxesOf(float(boxes, "boxes"), attributes.int("center_point_box") === 1);
  const values = float(scores, "scores");
  if (batches * classes * count * Math.min(Math.max(limit, 0), count) > MAX_KNOWN)
    throw new ModelError("TOO_LARGE", `NonMaxSuppression of ${batches * classes * count} scores`);
  const rows: number[] = [];
  const groups = count === 0 ? 0 : batches * classes;
  for (let group = 0; group < groups; group++) {
    const batch = Math.floor(group / classes);
    const score = (i: number) => float32At(values, group * count + i);
    const candidates = Array.from({ length: count }, (_, i) => i)
      .filter((i) => least === undefined || score(i) > least)
      .toSorted((i, k) => score(k) - score(i) || i - k);
    const kept: number[] = [];
    const box = (i: number): Box => all[batch * count + i] ?? [0, 0, 0, 0];
    for (const i of candidates) {
      if (kept.length >= limit) break;
      if (!kept.some((k) => overlap(box(i), box(k), iou))) kept.push(i);
    }
    for (const i of kept) rows.push(batch, group % classes, i);
  }
  return [b.list("i64", rows, [rows.length / 3, 3])];
}

export const KNOWN: RuleTable = {
  Compress: rule(9, ["axis"], compress),
  NonZero: rule(9, [], nonZero),
  Unique: rule(11, ["axis", "sorted"], unique),
  NonMaxSuppression: rule(10, ["center_point_box"], nonMaxSuppression),
};

/**
 * Sliding windows: kernel, strides, dilations, padding (ONNX Operators: Conv, ConvTranspose, MaxPool, AveragePool, LpPool, Col2Im).
 */
import type { Affine } from "../../instruction.ts";
import type { Attributes } from "../../onnx/attributes.ts";
import { ModelError } from "../../onnx/error.ts";
import { affine } from "../affine.ts";

/** All arrays have one entry per spatial axis. */
export interface Window {
  readonly input: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly begin: readonly number[];
  readonly end: readonly number[];
  readonly out: readonly number[];
}

const MAX_PARAMETER = 2 ** 24;

/**
 * An attribute with one entry per axis, or `absent` for each.
 * @throws {ModelError} MALFORMED for another number of entries or one out of range.
 */
export function perAxis(
  attributes: Attributes,
  name: string,
  count: number,
  least: number,
  absent: number,
): number[] {
  const values = attributes.ints(name) ?? Array.from({ length: count }, () => absent);
  if (values.length !== count)
    throw new ModelError("MALFORMED", `${name} has ${values.length} entries, not ${count}`);
  if (values.some((value) => value < least || value > MAX_PARAMETER))
    throw new ModelError("MALFORMED", `${name} is [${values.join(", ")}]`);
  return values;
}

/** @throws {ModelError} MALFORMED for parameters that do not fit the input. */
export function readWindow(
  attributes: Attributes,
  input: readonly number[],
  kernelOfWeights?: readonly number[],
): Window {
  const rank = input.length;
  const kernel =
    attributes.ints("kernel_shape") === undefined
      ? kernelOfWeights
      : perAxis(attributes, "kernel_shape", rank, 1, 1);
  if (kernel?.length !== rank) throw new ModelError("MALFORMED", "kernel_shape does not fit the input");
  if (kernelOfWeights !== undefined && kernel.join() !== kernelOfWeights.join())
    throw new ModelError("MALFORMED", "kernel_shape is not the shape of the weights");
  const strides = perAxis(attributes, "strides", rank, 1, 1);
  const dilations = perAxis(attributes, "dilations", rank, 1, 1);
  const pads = perAxis(attributes, "pads", 2 * rank, 0, 0);
  const auto = attributes.string("auto_pad") ?? "NOTSET";
  const ceil = attributes.int("ceil_mode") === 1;
  const each = (f: (d: number) => number) => input.map((_, d) => f(d));
  const n = (values: readonly number[], d: number) => values[d] ?? 1;
  const reach = each((d) => (n(kernel, d) - 1) * n(dilations, d) + 1);
  let begin = pads.slice(0, rank);
  let end = pads.slice(rank);
  let out: number[];
  if (auto === "SAME_UPPER" || auto === "SAME_LOWER") {
    out = each((d) => Math.ceil(n(input, d) / n(strides, d)));
    const total = each((d) => Math.max(0, (n(out, d) - 1) * n(strides, d) + n(reach, d) - n(input, d)));
    const small = total.map((t) => Math.floor(t / 2));
    const large = total.map((t) => Math.ceil(t / 2));
    [begin, end] = auto === "SAME_UPPER" ? [small, large] : [large, small];
  } else {
    if (auto === "VALID") [begin, end] = [each(() => 0), each(() => 0)];
    else if (auto !== "NOTSET") throw new ModelError("MALFORMED", `auto_pad "${auto}"`);
    out = each((d) => {
      const room = n(input, d) + (begin[d] ?? 0) + (end[d] ?? 0) - n(reach, d);
      const steps = ceil ? Math.ceil(room / n(strides, d)) : Math.floor(room / n(strides, d));
      // A window that starts in the padding at the end does not count.
      return ceil && steps * n(strides, d) >= n(input, d) + (begin[d] ?? 0) ? steps : steps + 1;
    });
  }
  if (out.some((size) => size < 1)) throw new ModelError("MALFORMED", "the window is larger than the input");
  return { input, kernel, strides, dilations, begin, end, out };
}

/** The input coordinate on spatial axis `axis` for output index `out` and kernel index `k` (iteration dimensions). */
export function windowAt(window: Window, axis: number, out: number, k: number): Affine {
  const n = (values: readonly number[]) => values[axis] ?? 1;
  return affine(
    [
      [out, n(window.strides)],
      [k, n(window.dilations)],
    ],
    -(window.begin[axis] ?? 0),
  );
}

/** The other way round: the window index whose kernel position `k` reads input coordinate `at`; out of range if there is none. */
export function windowOver(window: Window, axis: number, at: number, k: number): Affine {
  const n = (values: readonly number[]) => values[axis] ?? 1;
  return affine(
    [
      [at, 1],
      [k, -n(window.dilations)],
    ],
    window.begin[axis] ?? 0,
    n(window.strides),
    true,
  );
}

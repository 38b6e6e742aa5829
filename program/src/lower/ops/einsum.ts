/**
 * Einstein summation (ONNX Operators: Einsum). One or two operands take one exact sum; more are contracted from the left, with
 * a rounding after each pair.
 */
import { isFloat } from "../../dtype.ts";
import { ModelError } from "../../onnx/error.ts";
import { ZERO, at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { cast } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import type { ValueLoad } from "../spec.ts";
import { transpose, type Value } from "../value.ts";
import { sameDtype } from "./arithmetic.ts";

/** A tensor with one label for each of its axes: a letter, or for those of an ellipsis the axis counted from its end. */
interface Labelled {
  readonly value: Value;
  readonly labels: readonly string[];
}

const TERM = /^[a-zA-Z]*(\.\.\.[a-zA-Z]*)?$/;

/** The labels of a term, of which the ellipsis stands for `width` axes. */
function labelsOf(term: string, width: number): string[] {
  if (!TERM.test(term)) throw new ModelError("MALFORMED", `"${term}" in the equation`);
  const [before = "", after] = term.split("...");
  if (after === undefined) return Array.from(before);
  return [
    ...Array.from(before),
    ...Array.from({ length: width }, (_, k) => `${k - width}`),
    ...Array.from(after),
  ];
}

/** Sizes of all labels; those of size 1 broadcast. */
function sizesOf(operands: readonly Labelled[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { value, labels } of operands)
    labels.forEach((label, d) => {
      const [size, known = 1] = [value.shape[d] ?? 1, sizes.get(label)];
      if (size !== known && size !== 1 && known !== 1)
        throw new ModelError("MALFORMED", `label "${label}" is ${known} and ${size}`);
      sizes.set(label, size === 1 ? known : size);
    });
  return sizes;
}

/** Sums the products of one or two operands over the labels that are not kept. */
function contract(b: Builder, operands: readonly Labelled[], kept: readonly string[]): Value {
  const [first] = operands;
  if (first === undefined) throw new ModelError("MALFORMED", "no operands");
  const sizes = sizesOf(operands);
  const summed = [...sizes.keys()].filter((label) => !kept.includes(label));
  const order = [...kept, ...summed];
  const { dtype } = first.value;
  const only = operands.length === 1 && summed.length === 0;
  if (only && new Set(first.labels).size === first.labels.length)
    return transpose(
      first.value,
      kept.map((label) => first.labels.indexOf(label)),
    );
  const loads = operands.map(({ value, labels }): ValueLoad => ({
    value,
    at: labels.map((label, d) => (value.shape[d] === 1 ? ZERO : at(order.indexOf(label)))),
  }));
  const dims = (labels: readonly string[]) => labels.map((label) => sizes.get(label) ?? 1);
  return b.emit({
    body: operands.length === 1 ? "copy" : "mul",
    fold: summed.length === 0 ? "none" : "sum",
    dtype,
    out: dims(kept),
    red: dims(summed),
    loads,
  });
}

/** Without an arrow: the ellipsis, then the letters that occur once, in the order of their codes. */
function implicitOutput(terms: readonly string[]): string {
  const letters = Array.from(terms.join("").replaceAll(".", ""));
  const once = letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter));
  return (terms.some((term) => term.includes("...")) ? "..." : "") + once.toSorted().join("");
}

function einsum(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const equation = (attributes.string("equation") ?? "").replaceAll(" ", "");
  const [left = "", right, ...more] = equation.split("->");
  const terms = left.split(",");
  if (more.length > 0 || terms.length !== inputs.length)
    throw new ModelError("MALFORMED", `equation "${equation}" of ${inputs.length} operands`);
  const operands = terms.map((term, k): Labelled => {
    const value = inputs.at(k);
    sameDtype(inputs.at(0), value);
    const width = value.shape.length - term.replace("...", "").length;
    const labels = labelsOf(term, Math.max(0, width));
    if (labels.length !== value.shape.length)
      throw new ModelError("MALFORMED", `term "${term}" of a tensor of rank ${value.shape.length}`);
    return { value, labels };
  });
  const widths = operands.map(({ labels }) => labels.filter((label) => label.startsWith("-")).length);
  const result = right ?? implicitOutput(terms);
  const width = Math.max(...widths);
  if (width > 0 && !result.includes("..."))
    throw new ModelError("MALFORMED", "an ellipsis is not in the output");
  const output = labelsOf(result, width);
  const known = sizesOf(operands);
  if (new Set(output).size !== output.length || output.some((label) => !known.has(label)))
    throw new ModelError("MALFORMED", `equation "${equation}" gives no output`);
  // Results between are not rounded to 16 bits.
  const { dtype } = inputs.at(0);
  const wide = operands.length > 2 && isFloat(dtype) ? "f32" : dtype;
  const open = operands.map((operand) => ({ ...operand, value: cast(b, operand.value, wide) }));
  // The first two at a time, for as long as there are more; what later terms or the output name is kept.
  while (open.length > 2) {
    const pair = open.splice(0, 2);
    const later = new Set([...output, ...open.flatMap(({ labels }) => labels)]);
    const labels = [...new Set(pair.flatMap((operand) => operand.labels))].filter((label) =>
      later.has(label),
    );
    open.unshift({ value: contract(b, pair, labels), labels });
  }
  return [cast(b, contract(b, open, output), dtype)];
}

export const EINSUM: RuleTable = {
  Einsum: rule(12, ["equation"], einsum),
};

/**
 * The folds over the terms of one element (docs/program.md §4).
 */
import { integerRange, isInteger, type DTypeName } from "../dtype.ts";
import type { Body, Instruction } from "../instruction.ts";
import { integersOf, term } from "./bodies.ts";
import { roundValue, wrap, type Operand } from "./convert.ts";
import { compare, product, sum } from "./exact.ts";
import { integerTerm } from "./integers.ts";
import { decode, encodeAcc, infinityBits, ONE, ZERO, type Value } from "./value.ts";

type Terms = Iterable<readonly Operand[]>;

function integerSum(body: Body, name: DTypeName, terms: Terms): bigint {
  let total = 0n;
  for (const operands of terms) total += integerTerm(body, name, integersOf(operands)) ?? 0n;
  return wrap(name, total);
}

/** NaN or both infinities give NaN, whatever the order of the terms: exact.sum keeps all of that. */
function floatSum(body: Body, name: DTypeName, terms: Terms): bigint {
  let total: Value = ZERO;
  for (const [a, b] of terms)
    if (a !== undefined)
      total = sum(total, body === "mul" && b !== undefined ? product(a.value, b.value) : a.value);
  return name === "acc" ? encodeAcc(total) : roundValue(name, total);
}

/** Bits of the identity of max, or of min. */
function extreme(name: DTypeName, lowest: boolean): bigint {
  if (!isInteger(name)) return infinityBits(name, lowest);
  return wrap(name, integerRange(name)[lowest ? 0 : 1]);
}

function* rounded(body: Body, name: DTypeName, terms: Terms): Generator<bigint> {
  for (const operands of terms) {
    const bits = term(body, name, operands);
    if (bits !== undefined) yield bits;
  }
}

function extremum(body: Body, name: DTypeName, fold: "min" | "max" | "maxnum", terms: Terms): bigint {
  let best = extreme(name, fold !== "min");
  for (const bits of rounded(body, name, terms)) {
    const value = decode(name, bits);
    if (value.kind === "nan") {
      if (fold === "maxnum") continue;
      best = bits;
    }
    const order = compare(value, decode(name, best));
    if (order !== undefined && (fold === "min" ? order < 0 : order > 0)) best = bits;
  }
  return best;
}

/** Rounded after each step, in the order of the terms. */
function ordered(
  body: Body,
  name: DTypeName,
  step: (a: Value, b: Value) => Value,
  first: Value,
  terms: Terms,
): bigint {
  let bits = roundValue(name, first);
  for (const next of rounded(body, name, terms))
    bits = roundValue(name, step(decode(name, bits), decode(name, next)));
  return bits;
}

/**
 * Bits of the element of a legal instruction.
 * @param terms The operands of each term that is not skipped, in row-major order of the reduction.
 */
export function foldTerms({ body, fold, dtype: name }: Instruction, terms: Terms): bigint {
  switch (fold) {
    case "none": {
      const [bits] = rounded(body, name, terms);
      return bits ?? 0n;
    }
    case "sum":
      return isInteger(name) ? integerSum(body, name, terms) : floatSum(body, name, terms);
    case "min":
    case "max":
    case "maxnum":
      return extremum(body, name, fold, terms);
    case "osum":
      return ordered(body, name, sum, ZERO, terms);
    case "oprod":
      return ordered(body, name, product, ONE, terms);
  }
}

/**
 * Zero points of quantised tensors.
 */
import { dtype, isInteger } from "../../dtype.ts";
import { ModelError } from "../../onnx/error.ts";
import type { Builder } from "../builder.ts";
import { map, type Centred } from "../compose.ts";
import type { Value } from "../value.ts";
import { sameDtype } from "./arithmetic.ts";

/**
 * x - zero, exactly. One known zero point costs nothing; others take an instruction that stores the differences, in twice
 * the width.
 * @param zero Broadcasts to x; undefined is 0.
 */
export function centre(b: Builder, x: Value, zero: Value | undefined): Centred {
  if (!isInteger(x.dtype)) throw new ModelError("MALFORMED", `${x.dtype} is not a quantised dtype`);
  if (zero === undefined) return { value: x, zero: 0 };
  sameDtype(x, zero);
  const known = b.known(zero) === undefined ? [] : b.integers(zero, "zero point");
  const [first] = known;
  if (first !== undefined && known.every((value) => value === first)) return { value: x, zero: first };
  const wide = dtype(x.dtype).bytes === 1 ? "i16" : dtype(x.dtype).bytes === 2 ? "i32" : "i64";
  return { value: map(b, "sub", wide, x, zero), zero: 0 };
}

/**
 * Activations and products of transformers (ONNX Operators: Swish; QuickGelu, FastGelu, BiasGelu, FusedMatMul of
 * com.microsoft). Activations are computed in f32.
 */
import { ModelError } from "../../onnx/error.ts";
import type { Builder } from "../builder.ts";
import { cast, inFloat32, map } from "../compose.ts";
import { rule, type Context, type Inputs, type Lowering, type RuleTable } from "../registry.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { geluOf, sigmoid } from "./activation.ts";
import { needFloat, sameDtype } from "./arithmetic.ts";
import { matmul } from "./matmul.ts";

/** x · sigmoid(alpha·x). */
export function swish(b: Builder, x: Value, alpha: number): Value {
  const inner = alpha === 1 ? x : map(b, "mul", "f32", x, b.scalar("f32", alpha));
  return map(b, "mul", "f32", x, sigmoid(b, inner));
}

function swishRule(alpha: number): Lowering {
  return (inputs, { b, attributes }) => [
    inFloat32(b, inputs.at(0), (x) => swish(b, x, attributes.float("alpha") ?? alpha)),
  ];
}

/** gelu(x + bias), where the bias is a vector over the last axis. */
function biasGelu(form: "erf" | "tanh", needBias: boolean): Lowering {
  return (inputs, { b }) => {
    const input = inputs.at(0);
    const bias = needBias ? inputs.at(1) : inputs.optional(1);
    const result = inFloat32(b, input, (x) => {
      if (bias === undefined) return geluOf(b, x, form);
      sameDtype(input, bias);
      if (bias.shape.length !== 1 || bias.shape[0] !== input.shape.at(-1))
        throw new ModelError("MALFORMED", "the bias is not a vector over the last axis");
      return geluOf(b, map(b, "add", "f32", x, cast(b, bias, "f32")), form);
    });
    return [result];
  };
}

/** The matrices of an operand: with `batch` its first axis is that of the rows, and they may be transposed. */
function matrices(x: Value, transposed: boolean, batch: boolean): Value {
  const rank = x.shape.length;
  if (rank < 2) return x;
  const axes = x.shape.map((_, d) => d);
  const moved = batch ? view.transpose(x, [...axes.slice(1, -1), 0, rank - 1]) : x;
  return transposed ? view.transpose(moved, [...axes.slice(0, -2), rank - 1, rank - 2]) : moved;
}

/** alpha·A·B, rounded as a product and when scaled. */
function fusedMatmul(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [x, y] = [inputs.at(0), inputs.at(1)];
  needFloat(x);
  sameDtype(x, y);
  const is = (name: string) => (attributes.int(name) ?? 0) !== 0;
  const left = matrices(x, is("transA"), is("transBatchA"));
  const right = matrices(y, is("transB"), is("transBatchB"));
  const product = matmul(b, "f32", { value: left, zero: 0 }, { value: right, zero: 0 });
  const alpha = attributes.float("alpha") ?? 1;
  return [cast(b, alpha === 1 ? product : map(b, "mul", "f32", product, b.scalar("f32", alpha)), x.dtype)];
}

export const GATED: RuleTable = {
  Swish: rule(24, ["alpha"], swishRule(1)),
  "com.microsoft:QuickGelu": rule(1, ["alpha"], swishRule(1.702)),
  "com.microsoft:FastGelu": rule(1, [], biasGelu("tanh", false)),
  "com.microsoft:BiasGelu": rule(1, [], biasGelu("erf", true)),
  "com.microsoft:FusedMatMul": rule(
    1,
    ["alpha", "transA", "transB", "transBatchA", "transBatchB"],
    fusedMatmul,
  ),
};

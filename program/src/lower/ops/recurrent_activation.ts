/**
 * Activation functions of recurrent layers, by their names in the attribute "activations".
 */
import { ModelError } from "../../onnx/error.ts";
import type { Attributes } from "../../onnx/attributes.ts";
import type { Builder } from "../builder.ts";
import { map } from "../compose.ts";
import type { Value } from "../value.ts";
import { elu, hardSigmoid, leakyRelu, sigmoid, softplus, softsign, thresholdedRelu } from "./activation.ts";

/** Plain data, so that two of them can be compared. */
export interface Activation {
  readonly name: string;
  readonly alpha: number;
  readonly beta: number;
}

interface Known {
  readonly apply: (b: Builder, x: Value, alpha: number, beta: number) => Value;
  /** Defaults of the parameters that the function takes: NaN if it has none. */
  readonly alpha?: number;
  readonly beta?: number;
}

const f32 = (b: Builder, value: number) => b.scalar("f32", value);

const scaledTanh: Known["apply"] = (b, x, alpha, beta) =>
  map(b, "mul", "f32", map(b, "tanh", "f32", map(b, "mul", "f32", x, f32(b, beta))), f32(b, alpha));

/** ONNX and onnxruntime do not agree on defaults for Affine, ScaledTanh and ThresholdedRelu: there, values must be given. */
const ACTIVATIONS: ReadonlyMap<string, Known> = new Map<string, Known>([
  ["relu", { apply: (b, x) => map(b, "max", "f32", x, f32(b, 0)) }],
  ["tanh", { apply: (b, x) => map(b, "tanh", "f32", x) }],
  ["sigmoid", { apply: sigmoid }],
  ["softsign", { apply: softsign }],
  ["softplus", { apply: softplus }],
  ["leakyrelu", { apply: leakyRelu, alpha: 0.01 }],
  ["elu", { apply: elu, alpha: 1 }],
  ["thresholdedrelu", { apply: thresholdedRelu, alpha: NaN }],
  ["hardsigmoid", { apply: hardSigmoid, alpha: 0.2, beta: 0.5 }],
  ["scaledtanh", { apply: scaledTanh, alpha: NaN, beta: NaN }],
  [
    "affine",
    {
      apply: (b, x, alpha, beta) => map(b, "fma", "f32", x, f32(b, alpha), f32(b, beta)),
      alpha: NaN,
      beta: NaN,
    },
  ],
]);

function find(name: string): Known {
  const known = ACTIVATIONS.get(name.toLowerCase());
  if (known === undefined) throw new ModelError("MALFORMED", `activation "${name}"`);
  return known;
}

export function activate(b: Builder, { name, alpha, beta }: Activation, x: Value): Value {
  return find(name).apply(b, x, alpha, beta);
}

/**
 * The activations of each direction. Values of activation_alpha and activation_beta go, in order, to the functions that
 * take one.
 */
export function readActivations(
  attributes: Attributes,
  defaults: readonly string[],
  directions: number,
): Activation[][] {
  const all = Array.from({ length: directions }, () => defaults).flat();
  const names = attributes.strings("activations") ?? all;
  if (names.length !== all.length)
    throw new ModelError("MALFORMED", `${names.length} activations, not ${all.length}`);
  const alphas = attributes.floats("activation_alpha") ?? [];
  const betas = attributes.floats("activation_beta") ?? [];
  const take = (from: number[], initial: number | undefined, what: string): number => {
    if (initial === undefined) return 0;
    const value = from.shift() ?? initial;
    if (Number.isNaN(value)) throw new ModelError("MALFORMED", `no ${what}`);
    return value;
  };
  const read = names.map((name): Activation => {
    const { alpha, beta } = find(name);
    return {
      name: name.toLowerCase(),
      alpha: take(alphas, alpha, `activation_alpha for ${name}`),
      beta: take(betas, beta, `activation_beta for ${name}`),
    };
  });
  return Array.from({ length: directions }, (_, d) =>
    read.slice(d * defaults.length, (d + 1) * defaults.length),
  );
}

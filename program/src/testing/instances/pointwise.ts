/** Elementwise operators. */
import type { DTypeName } from "../../dtype.ts";
import {
  ALL,
  CODES,
  FLOATS,
  INTEGERS,
  scalar,
  type Draw,
  type Instance,
  type Maker,
  type Makers,
} from "./draw.ts";

const NUMBERS = [...FLOATS, ...FLOATS, ...INTEGERS];

function unary(
  types: readonly DTypeName[],
  attributes: (d: Draw) => Instance["attributes"] = () => undefined,
): Maker {
  return (d) => {
    const name = d.pick(types);
    const given = attributes(d);
    return {
      inputs: [d.any(name, d.shape())],
      outputs: [name],
      ...(given === undefined ? {} : { attributes: given }),
    };
  };
}

/** Operands of one dtype, all but one broadcast; the result is of that dtype or the given one. */
function broadcast(count: (d: Draw) => number, types: readonly DTypeName[], to?: DTypeName): Maker {
  return (d) => {
    const name = d.pick(types);
    const shape = d.shape();
    const inputs = Array.from({ length: count(d) }, (_, k) =>
      d.any(name, k === 0 ? shape : d.narrower(shape)),
    );
    return { inputs: d.shuffled(inputs), outputs: [to ?? name] };
  };
}

const two = () => 2;
const binary = (types: readonly DTypeName[], to?: DTypeName): Maker => broadcast(two, types, to);
const alpha = (d: Draw) => ({ alpha: d.optional(d.number()) });
const floats = unary(FLOATS);

const prelu: Maker = (d) => {
  const name = d.float();
  const shape = d.shape(1);
  return { inputs: [d.any(name, shape), d.any(name, d.narrower(shape))], outputs: [name] };
};

const clip: Maker = (d, opset) => {
  const name = opset < 11 ? d.float() : d.pick(NUMBERS);
  const x = d.any(name, d.shape());
  if (opset < 11)
    return {
      inputs: [x],
      outputs: [name],
      attributes: { min: d.optional(d.number()), max: d.optional(d.number()) },
    };
  return { inputs: [x, d.optional(d.any(name, [])), d.optional(d.any(name, []))], outputs: [name] };
};

const pow: Maker = (d) => {
  const name = d.pick([...FLOATS, "i32", "i64"] as const);
  const shape = d.shape(0, 2);
  const exponent = d.pick([name, name, "f32", "i32", "i64"] as const);
  if (d.chance(0.4))
    return { inputs: [d.any(name, shape), scalar(exponent, d.int(0, 6))], outputs: [name], known: [1] };
  return { inputs: [d.any(name, shape), d.any(exponent, d.narrower(shape))], outputs: [name] };
};

const mod: Maker = (d) => {
  const name = d.pick(NUMBERS);
  const fmod = FLOATS.some((float) => float === name) ? 1 : d.flag();
  const shape = d.shape();
  return {
    inputs: [d.any(name, shape), d.any(name, d.narrower(shape))],
    outputs: [name],
    attributes: { fmod },
  };
};

const where: Maker = (d) => {
  const name = d.pick(ALL);
  const shape = d.shape();
  return {
    inputs: [d.any("bool", shape), d.any(name, d.narrower(shape)), d.any(name, d.narrower(shape))],
    outputs: [name],
  };
};

const shift: Maker = (d) => {
  const made = binary(["u8", "u16", "u32", "u64"])(d, 11);
  return { ...made, attributes: { direction: d.pick(["LEFT", "RIGHT"]) } };
};

const cast: Maker = (d) => {
  const [from, to] = [d.pick(ALL), d.pick(ALL)];
  return { inputs: [d.any(from, d.shape())], outputs: [to], attributes: { to: CODES[to] } };
};

const castLike: Maker = (d) => {
  const [from, to] = [d.pick(ALL), d.pick(ALL)];
  return { inputs: [d.any(from, d.shape()), d.any(to, [1])], outputs: [to] };
};

const bitCast: Maker = (d) => {
  const groups = [
    ["u8", "i8", "bool"],
    ["u16", "i16", "f16", "bf16"],
    ["u32", "i32", "f32"],
    ["u64", "i64"],
  ] as const;
  const group: readonly (typeof ALL)[number][] = d.pick(groups);
  const [from, to] = [d.pick(group), d.pick(group)];
  return { inputs: [d.any(from, d.shape())], outputs: [to], attributes: { to: CODES[to] } };
};

const biased =
  (needed: boolean): Maker =>
  (d) => {
    const name = d.float();
    const shape = d.shape(1);
    const bias = d.any(name, shape.slice(-1));
    return { inputs: [d.any(name, shape), needed ? bias : d.optional(bias)], outputs: [name] };
  };

const each = (names: readonly string[], maker: Maker): Makers =>
  Object.fromEntries(names.map((name) => [name, maker]));

export const POINTWISE: Makers = {
  ...each(
    ["Sigmoid", "HardSwish", "Softplus", "Softsign", "Mish", "Floor", "Ceil", "Round", "Sqrt", "Reciprocal"],
    floats,
  ),
  ...each(["Exp", "Log", "Sin", "Cos", "Tan", "Atan", "Tanh", "Erf"], floats),
  ...each(["Acos", "Asin", "Acosh", "Asinh", "Atanh", "Sinh", "Cosh", "com.microsoft:Gelu"], floats),
  ...each(
    ["LeakyRelu", "Elu", "Celu", "ThresholdedRelu", "Swish", "com.microsoft:QuickGelu"],
    unary(FLOATS, alpha),
  ),
  ...each(["Neg", "Abs", "Sign", "Relu"], unary(NUMBERS)),
  ...each(["Add", "Sub", "Mul", "Div"], binary(NUMBERS)),
  ...each(
    ["Min", "Max", "Sum"],
    broadcast((d) => d.int(1, 4), NUMBERS),
  ),
  Mean: broadcast((d) => d.int(1, 4), FLOATS),
  ...each(
    ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"],
    binary([...NUMBERS, "bool"], "bool"),
  ),
  ...each(["And", "Or", "Xor"], binary(["bool"])),
  ...each(["BitwiseAnd", "BitwiseOr", "BitwiseXor"], binary(INTEGERS)),
  Not: unary(["bool"]),
  BitwiseNot: unary(INTEGERS),
  BitShift: shift,
  Selu: unary(FLOATS, (d) => ({ alpha: d.optional(d.number()), gamma: d.optional(d.number()) })),
  HardSigmoid: unary(FLOATS, (d) => ({ alpha: d.optional(d.number()), beta: d.optional(d.number()) })),
  Shrink: unary(NUMBERS, (d) => ({ bias: d.optional(d.number()), lambd: d.optional(d.number()) })),
  Gelu: unary(FLOATS, (d) => ({ approximate: d.optional(d.pick(["none", "tanh"])) })),
  PRelu: prelu,
  Clip: clip,
  Pow: pow,
  Mod: mod,
  Where: where,
  IsNaN: (d) => ({ ...floats(d, 9), outputs: ["bool"] }),
  IsInf: (d) => ({
    ...floats(d, 10),
    outputs: ["bool"],
    attributes: { detect_negative: d.flag(), detect_positive: d.flag() },
  }),
  Cast: cast,
  CastLike: castLike,
  BitCast: bitCast,
  "com.microsoft:FastGelu": biased(false),
  "com.microsoft:BiasGelu": biased(true),
};

/** Random valid nodes of every operator that is lowered. */
import { RULES } from "../../lower/ops/index.ts";
import { LAST_OPSET, type Rule } from "../../lower/registry.ts";
import type { AttributeValue, Case } from "../onnx.ts";
import type { Rng } from "../rng.ts";
import { Draw, type Makers } from "./draw.ts";
import { LAYOUT } from "./layout.ts";
import { LEARNED } from "./learned.ts";
import { MATRIX } from "./matrix.ts";
import { POINTWISE } from "./pointwise.ts";
import { QUANTISED } from "./quantised.ts";
import { REDUCTION } from "./reduction.ts";
import { SPATIAL } from "./spatial.ts";

export const MAKERS: Makers = {
  ...POINTWISE,
  ...LAYOUT,
  ...REDUCTION,
  ...SPATIAL,
  ...MATRIX,
  ...QUANTISED,
  ...LEARNED,
};

const LAST_ML_OPSET = 5;
/** From which opset on what the instances' graphs hold is lowered. */
const SINCE: Readonly<Record<string, number>> = { If: 7, Loop: 7 };

/** Every rule with its operator. */
export const ALL_RULES: readonly (readonly [operator: string, rule: Rule])[] = RULES.flatMap((table) =>
  Object.entries(table).flatMap(([operator, rules]) =>
    [rules].flat().map((rule): [string, Rule] => [operator, rule]),
  ),
);

/** A random valid node in a random opset version that the rule is for. */
export function instance([operator, { since, until }]: (typeof ALL_RULES)[number], rng: Rng): Case {
  const maker = MAKERS[operator];
  const d = new Draw(rng);
  if (maker === undefined) throw new RangeError(`no instances of ${operator}`);
  const [domain = ""] = operator.includes(":") ? operator.split(":") : [];
  const last = domain === "" ? LAST_OPSET : domain === "ai.onnx.ml" ? LAST_ML_OPSET : since;
  const opset = d.int(Math.max(since, SINCE[operator] ?? 0), until ?? last);
  const { inputs, outputs, attributes = {}, known = [] } = maker(d, opset);
  const given = Object.entries(attributes).filter(
    (entry): entry is [string, AttributeValue] => entry[1] !== undefined,
  );
  // Initializers now and then, which lowering folds or stores in another order.
  const constants = inputs.flatMap((_, k) => (known.includes(k) || d.chance(0.15) ? [k] : []));
  const versions =
    domain === ""
      ? { opset }
      : domain === "ai.onnx.ml"
        ? { mlOpset: opset }
        : { imports: { [domain]: opset } };
  return { operator, inputs, outputs, attributes: Object.fromEntries(given), constants, ...versions };
}

/** The node with other floats in place of f32, if it has some. Most operators take them; makers do not draw all that they take. */
export function retyped(test: Case, name: "f16" | "bf16", rng: Rng): Case | undefined {
  const d = new Draw(rng);
  const inputs = test.inputs.map((value, k) => {
    if (value?.dtype !== "f32" || test.constants?.includes(k) === true) return value;
    return d.any(name, value.shape);
  });
  return inputs.every((value, k) => value === test.inputs[k]) ? undefined : { ...test, inputs };
}

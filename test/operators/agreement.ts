/** Valid nodes of every operator: naive interpreter, fast interpreter and referee side by side. */
import { expect } from "chai";
import { expectAgreement } from "../../program/src/fast/agreement.ts";
import { outElements, product, type Program } from "../../program/src/instruction.ts";
import { ModelError } from "../../program/src/onnx/error.ts";
import type { ModelProto } from "../../program/src/onnx/gen/onnx-ml_pb.js";
import { randomTensor } from "../../program/src/testing/elements.ts";
import { ALL_RULES, instance, retyped } from "../../program/src/testing/instances/index.ts";
import { mutate } from "../../program/src/testing/mutate.ts";
import { caseModel, type Case } from "../../program/src/testing/onnx.ts";
import { lowerDeclared } from "../../program/src/testing/ordeal.ts";
import { seededRng, type Rng } from "../../program/src/testing/rng.ts";
import type { Court } from "../../scripts/conformance/onchain.ts";

export type AnyRule = (typeof ALL_RULES)[number];

/** What was run, by operator: dtypes of the float inputs. */
export type Seen = Map<string, Set<string>>;

function programOf(model: ModelProto): Program | undefined {
  try {
    return lowerDeclared(model).program;
  } catch (error) {
    if (error instanceof ModelError && error.code !== "INTERNAL") return undefined;
    throw error;
  }
}

function feedsOf({ inputs, constants = [] }: Case): Uint8Array[] {
  return inputs.flatMap((value, k) => (value === undefined || constants.includes(k) ? [] : [value.data]));
}

/** @returns whether the node is lowered. */
async function agrees(
  test: Case,
  label: string,
  court: Court | undefined,
  count: number,
  rng: Rng,
): Promise<boolean> {
  const program = programOf(caseModel(test));
  if (program === undefined) return false;
  const inputs = feedsOf(test);
  expectAgreement(program, inputs, label);
  if (court !== undefined && count > 0)
    expect(await court.judge({ program, inputs }, count, rng), label).to.deep.equal([]);
  return true;
}

const MOST_WORK = 4000;

function workOf({ inputs, instructions }: Program): number {
  const terms = instructions.map((made) => outElements(made) * product(made.redDims));
  return [...terms, ...inputs.map(({ elements }) => elements)].reduce((sum, work) => sum + work, 0);
}

/** Damaged nodes that are lowered all the same, if they are small: what nobody thought of. @returns how many ran. */
export function agreeOnMutated(seeds: readonly number[]): number {
  return seeds.filter((seed) => {
    const [rng, rule] = [seededRng(seed), ALL_RULES[seed % 1000]];
    if (rule === undefined) return false;
    const model = caseModel(instance(rule, rng));
    mutate(rng, model);
    const program = programOf(model);
    if (program === undefined || workOf(program) > MOST_WORK) return false;
    const inputs = program.inputs.map(({ dtype, elements }) => randomTensor(rng, dtype, elements));
    expectAgreement(program, inputs, `${rule[0]} mutated, seed ${seed}`);
    return true;
  }).length;
}

export interface Sample {
  readonly seed: number;
  readonly rules: readonly AnyRule[];
  /** Nodes per rule; as many again with 16-bit floats. */
  readonly each: number;
  readonly court?: Court;
  /** Random elements of each node that the referee judges. */
  readonly elements?: number;
}

/** Every node has a seed of its own, which a failure names. @returns how many nodes ran. */
export async function agreeOn(
  { seed, rules, each, court, elements = 0 }: Sample,
  seen: Seen,
): Promise<number> {
  let ran = 0;
  for (const [k, rule] of rules.entries())
    for (let i = 0; i < each; i++) {
      const [operator] = rule;
      const own = seed + 1000 * i + k;
      const rng = seededRng(own);
      const test = instance(rule, rng);
      const narrow = retyped(test, rng.pick(["f16", "bf16"]), rng);
      for (const variant of narrow === undefined ? [test] : [test, narrow]) {
        const label = `${operator} since ${rule[1].since}, seed ${own}`;
        if (!(await agrees(variant, label, court, elements, rng))) {
          if (variant === test) expect.fail(`${label}: refused`);
          continue;
        }
        ran++;
        const types = seen.get(operator) ?? new Set();
        for (const input of variant.inputs) if (input !== undefined) types.add(input.dtype);
        seen.set(operator, types);
      }
    }
  return ran;
}

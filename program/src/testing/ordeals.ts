/** Kinds of hostile models, each made for one rule from one seed. */
import { toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, type ModelProto } from "../onnx/gen/onnx-ml_pb.js";
import { hostileModel } from "./hostile.ts";
import { inflated } from "./inflate.ts";
import { ALL_RULES, instance } from "./instances/index.ts";
import { mutate, mutateBytes } from "./mutate.ts";
import { caseModel } from "./onnx.ts";
import { endure, endureModel, type Fate } from "./ordeal.ts";
import { seededRng, type Rng } from "./rng.ts";

type AnyRule = (typeof ALL_RULES)[number];

/** A valid node, and now and then a few of other rules beside it, whose names a mutation may mix up. */
function sound(rng: Rng, rule: AnyRule): ModelProto {
  const model = caseModel(instance(rule, rng));
  while (rng.chance(0.3)) {
    const { graph } = caseModel(instance(rng.pick(ALL_RULES), rng));
    const own = model.graph;
    if (own === undefined || graph === undefined) break;
    const prefix = `${own.node.length}`;
    const rename = (name: string) => (name === "" ? "" : prefix + name);
    for (const named of [...graph.input, ...graph.output, ...graph.initializer])
      named.name = rename(named.name);
    for (const node of graph.node) {
      node.input = node.input.map(rename);
      node.output = node.output.map(rename);
    }
    own.node.push(...graph.node);
    own.input.push(...graph.input);
    own.initializer.push(...graph.initializer);
    own.output.push(...graph.output);
  }
  return model;
}

function mutated(rng: Rng, rule: AnyRule): Fate {
  const model = sound(rng, rule);
  mutate(rng, model);
  return endureModel(model);
}

export const ORDEALS = {
  random: (rng: Rng, rule: AnyRule) => endureModel(hostileModel(rng, rule)),
  mutated,
  bytes: (rng: Rng, rule: AnyRule) => endure(mutateBytes(rng, toBinary(ModelProtoSchema, sound(rng, rule)))),
  inflated: (rng: Rng, rule: AnyRule) => endureModel(inflated(rng, instance(rule, rng))),
} as const;

export type Ordeal = keyof typeof ORDEALS;

/** @param seed Of which the last three digits choose the rule. */
export function undergo(kind: Ordeal, seed: number): Fate {
  const rule = ALL_RULES[seed % 1000];
  if (rule === undefined) throw new RangeError(`there is no rule ${seed % 1000}`);
  return ORDEALS[kind](seededRng(seed), rule);
}

/** Seeds of `rounds` cases for each rule. */
export function seedsOf(first: number, rounds: number): number[] {
  return Array.from({ length: rounds }, (_, round) =>
    ALL_RULES.map((_rule, k) => (first + round) * 1000 + k),
  ).flat();
}

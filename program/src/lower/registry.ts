/**
 * Which rule lowers which operator, by the opset version that its domain is imported with.
 */
import { readAttributes, type Attributes } from "../onnx/attributes.ts";
import { ModelError } from "../onnx/error.ts";
import type { OnnxNode } from "../onnx/graph.ts";
import type { Builder } from "./builder.ts";
import type { Value } from "./value.ts";

/** A graph that is an attribute of the node. */
export interface Subgraph {
  /** Counts. */
  readonly inputs: number;
  readonly outputs: number;
  /** Lowers it once for these inputs. */
  run(inputs: readonly Value[]): Value[];
}

/** What a rule sees of its node. */
export interface Context {
  readonly b: Builder;
  readonly opset: number;
  readonly attributes: Attributes;
  readonly graphs: ReadonlyMap<string, Subgraph>;
  /** Number of outputs that the node names; absent ones in between count. */
  readonly outputs: number;
  /** Whether the node names its output `index`. */
  readonly wants: (index: number) => boolean;
}

/** Inputs by position; absent optional ones are undefined. Returns one value per output that the node names. */
export type Lowering = (inputs: Inputs, context: Context) => readonly (Value | undefined)[];

export interface Inputs {
  readonly length: number;
  /** @throws {ModelError} MALFORMED if the input is absent. */
  at(index: number): Value;
  optional(index: number): Value | undefined;
  all(): Value[];
}

export interface Rule {
  readonly lower: Lowering;
  /** First opset version of the domain that the rule is right for. */
  readonly since: number;
  /** Attributes that the rule understands. Others are refused, since they might change the result. */
  readonly attributes: readonly string[];
  readonly until?: number;
}

/** Operator, with domain unless ai.onnx, to its rules in ascending order of versions. */
export type RuleTable = Readonly<Record<string, Rule | readonly Rule[]>>;

/** Newest opset version of ai.onnx that the rules have been checked against. */
export const LAST_OPSET = 27;

export function rule(since: number, attributes: readonly string[], lower: Lowering, until?: number): Rule {
  return { since, attributes, lower, ...(until === undefined ? {} : { until }) };
}

/** @throws {ModelError} UNSUPPORTED_OPERATOR, UNSUPPORTED_OPSET or UNSUPPORTED_USE. */
export function findRule(tables: readonly RuleTable[], node: OnnxNode): Rule {
  const entry = tables.map((table) =>
    Object.hasOwn(table, node.operator) ? table[node.operator] : undefined,
  );
  const rules = entry.flatMap((found) => found ?? []);
  if (rules.length === 0) throw new ModelError("UNSUPPORTED_OPERATOR", "no rule lowers this operator");
  const { opset } = node;
  const inDomain = node.operator.includes(":") || opset <= LAST_OPSET;
  const found = rules.findLast(({ since, until }) => since <= opset && opset <= (until ?? Infinity));
  if (found === undefined || !inDomain) throw new ModelError("UNSUPPORTED_OPSET", `not in opset ${opset}`);
  for (const name of [...node.attributes.keys(), ...node.graphs.keys()])
    if (!found.attributes.includes(name)) throw new ModelError("UNSUPPORTED_USE", `attribute "${name}"`);
  return found;
}

export function contextOf(b: Builder, node: OnnxNode, graphs: Context["graphs"]): Context {
  return {
    b,
    graphs,
    opset: node.opset,
    attributes: readAttributes(node.attributes),
    outputs: node.outputs.length,
    wants: (index) => (node.outputs[index] ?? "") !== "",
  };
}

export function inputsOf(values: readonly (Value | undefined)[]): Inputs {
  return {
    length: values.length,
    at(index) {
      const value = values[index];
      if (value === undefined) throw new ModelError("MALFORMED", `input ${index} is missing`);
      return value;
    },
    optional: (index) => values[index],
    all: () => values.filter((value) => value !== undefined),
  };
}

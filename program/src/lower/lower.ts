/**
 * ONNX file -> exact tensor program (docs/program.md).
 */
import type { DTypeName } from "../dtype.ts";
import {
  product,
  tensorsOf,
  type Instruction,
  type Program,
  type TensorLoad,
  type TensorSource,
} from "../instruction.ts";
import { estimateStep, isJudgeable } from "../limits.ts";
import { validateProgram } from "../validate.ts";
import { ModelError } from "../onnx/error.ts";
import { dependencies, MAX_NODES, place, type OnnxGraph, type OnnxNode } from "../onnx/graph.ts";
import { parseModel, type DimBindings, type OnnxModel, type TensorInfo } from "../onnx/model.ts";
import type { HostTensor } from "../onnx/host.ts";
import type { ElementType } from "../onnx/tensor.ts";
import { Builder, type Origin } from "./builder.ts";
import { constantOf, narrow } from "./compose.ts";
import { evaluateConstant } from "./fold.ts";
import { RULES } from "./ops/index.ts";
import { fuseQuantised } from "./qdq.ts";
import { contextOf, findRule, inputsOf, type Subgraph } from "./registry.ts";
import { isEmpty, whole, type TensorRef, type Value } from "./value.ts";

/** Programs of different versions may differ for one file. Part of a program's commitment. */
export const LOWERING_VERSION = 1;

export interface LoweredModel {
  readonly program: Program;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** For each instruction, the ONNX node that it comes from. */
  readonly nodes: readonly Origin[];
}

export interface LowerOptions {
  /** Sizes of the file's symbolic dimensions. */
  readonly dims?: DimBindings;
  /** Inputs whose values are fixed, by name: constants of the program rather than inputs. */
  readonly fixed?: ReadonlyMap<string, HostTensor>;
}

/**
 * Deterministic: one file, one set of bindings, one version give one program.
 * @throws {ModelError} and nothing else, whatever the file holds.
 */
export function lowerModel(file: Uint8Array, options: LowerOptions = {}): LoweredModel {
  try {
    return lowerChecked(file, options);
  } catch (cause) {
    if (cause instanceof ModelError) throw cause;
    throw new ModelError("INTERNAL", cause instanceof Error ? cause.message : "unknown", {}, { cause });
  }
}

function lowerChecked(file: Uint8Array, options: LowerOptions): LoweredModel {
  const { dims, fixed = new Map<string, HostTensor>() } = options;
  const parsed = parseModel(file, dims);
  const model = { ...parsed, inputs: parsed.inputs.filter(({ name }) => !fixed.has(name)) };
  const b = new Builder(
    evaluateConstant,
    model.inputs.map(({ name }) => name),
  );
  const values = new Map<string, Value>();
  model.inputs.forEach(({ name, dtype, shape, bits }, id) => {
    const elements = product(shape);
    // What an empty input holds is known.
    if (elements === 0) values.set(name, constantOf(b, { dtype, shape, data: new Uint8Array(0), bits }));
    else {
      const input = whole({ source: "input", id, dtype, elements }, shape);
      values.set(name, bits === undefined ? input : narrow(b, input, bits));
    }
  });
  for (const { name, dtype, shape } of parsed.inputs) {
    const value = fixed.get(name);
    if (value === undefined) continue;
    if (value.dtype !== dtype || value.shape.join() !== shape.join())
      throw new ModelError("MALFORMED", `input "${name}" is fixed to a tensor of another dtype or shape`);
    values.set(name, constantOf(b, value));
  }
  for (const [name, tensor] of model.initializers) values.set(name, constantOf(b, tensor));
  const lowering = { b, values, spend: budget(MAX_NODES) };
  const wanted = model.outputs.map(({ name }) => name);
  const { nodes, zeros } = fuseQuantised(model.nodes, model.initializers, wanted);
  for (const [name, tensor] of zeros) values.set(name, constantOf(b, tensor));
  for (const node of liveNodes(nodes, wanted)) lowerNode(lowering, node);
  b.origin = { name: "", operator: "output" };
  const outputs = model.outputs.map((declared) => ({ declared, value: outputValue(declared, values) }));
  const tensors = outputs.map(({ value }) => b.output(value));
  const { program, nodes: origins } = assemble(b, model, tensors);
  validateProgram(program);
  needJudgeable(program, origins);
  return {
    program,
    inputs: model.inputs,
    outputs: outputs.map(({ declared: { name }, value: { dtype, shape } }) => ({ name, dtype, shape })),
    nodes: origins,
  };
}

/** @throws {ModelError} TOO_LARGE if an element of an instruction could not be judged in one transaction. */
function needJudgeable(program: Program, nodes: readonly Origin[]): void {
  program.instructions.forEach((_, k) => {
    const estimate = estimateStep(program, k);
    if (isJudgeable(estimate)) return;
    const { name, operator } = nodes[k] ?? { name: "", operator: "" };
    const reason = `an element would take ${estimate.gas} gas and ${estimate.calldataBytes} bytes of calldata to judge`;
    throw new ModelError("TOO_LARGE", reason, { node: name, operator });
  });
}

/** Nodes while they are lowered: each iteration of a loop counts. */
interface Lowering {
  readonly b: Builder;
  /** What is defined so far, by name. */
  readonly values: Map<string, Value>;
  /** Counts one node. */
  readonly spend: () => void;
}

function budget(limit: number): () => void {
  let left = limit;
  return () => {
    if (--left < 0) throw new ModelError("TOO_LARGE", `more than ${limit} nodes, counted in every iteration`);
  };
}

/** The nodes that the outputs depend on. */
function liveNodes(nodes: readonly OnnxNode[], outputs: readonly string[]): OnnxNode[] {
  const needed = new Set(outputs);
  const live = nodes.toReversed().filter((node) => {
    if (!node.outputs.some((name) => name !== "" && needed.has(name))) return false;
    for (const name of dependencies(node)) needed.add(name);
    return true;
  });
  return live.reverse();
}

function lowerNode(lowering: Lowering, node: OnnxNode): void {
  const { b, values, spend } = lowering;
  try {
    spend();
    const { lower } = findRule(RULES, node);
    const inputs = node.inputs.map((name) => (name === "" ? undefined : values.get(name)));
    const graphs = [...node.graphs].map(([name, graph]): [string, Subgraph] => [
      name,
      subgraph(lowering, graph),
    ]);
    b.origin = { name: node.name, operator: node.operator };
    const results = lower(inputsOf(inputs), contextOf(b, node, new Map(graphs)));
    node.outputs.forEach((name, k) => {
      const result = results[k];
      if (name === "") return;
      if (result === undefined) throw new ModelError("UNSUPPORTED_USE", `output ${k} ("${name}")`);
      values.set(name, result);
    });
  } catch (error) {
    throw error instanceof ModelError ? error.at(place(node)) : error;
  }
}

function subgraph({ b, values, spend }: Lowering, graph: OnnxGraph): Subgraph {
  const { inputs, outputs, initializers, nodes } = graph;
  const outside = graph.captures.flatMap((name): [string, Value][] => {
    const value = values.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  for (const [name, tensor] of initializers) outside.push([name, constantOf(b, tensor)]);
  const live = liveNodes(nodes, outputs);
  return {
    inputs: inputs.length,
    outputs: outputs.length,
    run(given) {
      const { origin } = b;
      spend();
      const inside = new Map(outside);
      inputs.forEach((name, k) => {
        const value = given[k];
        if (value === undefined)
          throw new ModelError("MALFORMED", `the graph's input "${name}" is not given`);
        inside.set(name, value);
      });
      for (const node of live) lowerNode({ b, values: inside, spend }, node);
      b.origin = origin;
      return outputs.map((name) => {
        const value = inside.get(name);
        if (value === undefined) throw new ModelError("MISSING_VALUE", `nothing defines "${name}"`);
        return value;
      });
    },
  };
}

function outputValue(declared: OnnxModel["outputs"][number], values: ReadonlyMap<string, Value>): Value {
  const what = `output "${declared.name}"`;
  const value = values.get(declared.name);
  if (value === undefined) throw new ModelError("MISSING_VALUE", `nothing defines ${what}`);
  if (isEmpty(value)) throw new ModelError("UNSUPPORTED_USE", `${what} is empty`);
  const form = ({ dtype, bits }: ElementType) => `${dtype}${bits === undefined ? "" : ` of ${bits} bits`}`;
  if (form(value) !== form(declared))
    throw new ModelError("MALFORMED", `${what} is declared as ${form(declared)} but is ${form(value)}`);
  const { shape } = declared;
  if (shape !== undefined && shape.join() !== value.shape.join())
    throw new ModelError(
      "MALFORMED",
      `${what} is declared as [${shape.join(", ")}] but is [${value.shape.join(", ")}]`,
    );
  return value;
}

/** Keeps what the outputs need and numbers it in order. */
function assemble(
  b: Builder,
  model: OnnxModel,
  outputs: readonly TensorRef[],
): { program: Program; nodes: readonly Origin[] } {
  const live = new Set(outputs.map(({ id }) => id));
  for (let id = b.instructions.length - 1; id >= 0; id--)
    if (live.has(id))
      for (const load of b.instructions[id]?.loads ?? [])
        for (const { source, id: from } of tensorsOf(load)) if (source === "instruction") live.add(from);

  const instructionIds = new Map<number, number>();
  const constantIds = new Map<number, number>();
  const numbers: Record<TensorSource, (id: number) => number> = {
    input: (id) => id,
    constant(id) {
      const number = constantIds.get(id) ?? constantIds.size;
      constantIds.set(id, number);
      return number;
    },
    instruction: (id) => instructionIds.get(id) ?? 0,
  };
  const renumber = (load: TensorLoad): TensorLoad => ({
    ...load,
    id: numbers[load.source](load.id),
    axes: load.axes.map((axis) =>
      "gather" in axis.at ? { ...axis, at: { gather: renumber(axis.at.gather) } } : axis,
    ),
  });
  const instructions: Instruction[] = [];
  const nodes: Origin[] = [];
  b.instructions.forEach((instruction, id) => {
    if (!live.has(id)) return;
    instructionIds.set(id, instructions.length);
    const loads = instruction.loads.map((load) => (load.kind === "tensor" ? renumber(load) : load));
    instructions.push({ ...instruction, loads });
    nodes.push(b.origins[id] ?? { name: "", operator: "" });
  });
  const constants = [...constantIds.keys()].map((id) => {
    const { dtype, data } = b.constants[id] ?? { dtype: "u8" as DTypeName, data: new Uint8Array(0) };
    return { dtype, data };
  });
  const program: Program = {
    loweringVersion: LOWERING_VERSION,
    inputs: model.inputs.map(({ dtype, shape }) => ({ dtype, elements: product(shape) })),
    outputs: outputs.map(({ id, dtype, elements }) => ({
      instruction: instructionIds.get(id) ?? 0,
      dtype,
      elements,
    })),
    constants,
    instructions,
  };
  return { program, nodes };
}

/**
 * Nodes in an order in which they can run, with their subgraphs; calls of the model's own functions are replaced by the functions'
 * nodes (ONNX IR, "Graphs", "Functions").
 */
import { clone } from "@bufbuild/protobuf";
import { ModelError } from "./error.ts";
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type NodeProto,
  type OperatorSetIdProto,
  type TensorProto,
} from "./gen/onnx-ml_pb.js";
import type { HostTensor } from "./host.ts";
import { hostTensor } from "./tensor.ts";

/** Nodes of a model, those of functions counted for every call. */
export const MAX_NODES = 100_000;
/** Functions that call functions, and graphs within graphs. */
const MAX_NESTING = 32;

export interface OnnxNode {
  /** The node's name, or one made from its first output. */
  readonly name: string;
  /** Operator with its domain, as in "Conv" or "com.microsoft:QGemm". */
  readonly operator: string;
  readonly opset: number;
  /** "" stands for an optional input or output that is absent. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** All but graphs. */
  readonly attributes: ReadonlyMap<string, AttributeProto>;
  readonly graphs: ReadonlyMap<string, OnnxGraph>;
  /** What its graphs use of the graph that the node is in. */
  readonly captures: readonly string[];
}

/** A graph that is an attribute of a node. Its inputs' types follow from what the node gives it. */
export interface OnnxGraph {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly initializers: ReadonlyMap<string, HostTensor>;
  /** Every node after those whose outputs it reads. */
  readonly nodes: readonly OnnxNode[];
  /** Names of enclosing graphs that it uses. */
  readonly captures: readonly string[];
}

/** Where an error about a node happened. */
export function place(node: OnnxNode): { node: string; operator: string } {
  return { node: node.name, operator: node.operator };
}

export function dependencies(node: OnnxNode): readonly string[] {
  return [...node.inputs.filter((name) => name !== ""), ...node.captures];
}

function canonicalDomain(domain: string): string {
  return domain === "ai.onnx" ? "" : domain;
}

/** @throws {ModelError} MALFORMED if a domain is imported twice. */
export function readOpsets(imports: readonly OperatorSetIdProto[]): Map<string, number> {
  const opsets = new Map<string, number>();
  for (const { domain, version } of imports) {
    if (opsets.has(canonicalDomain(domain)))
      throw new ModelError("MALFORMED", `domain "${domain}" imported twice`);
    opsets.set(canonicalDomain(domain), Number(version));
  }
  return opsets;
}

export function readInitializers(
  protos: readonly TensorProto[],
  rename: (name: string) => string = (name) => name,
): Map<string, HostTensor> {
  const initializers = new Map<string, HostTensor>();
  for (const proto of protos) {
    const name = rename(proto.name);
    if (proto.name === "" || initializers.has(name))
      throw new ModelError("MALFORMED", `initializer name "${proto.name}" is empty or used twice`);
    initializers.set(name, hostTensor(proto, `initializer "${proto.name}"`));
  }
  return initializers;
}

/** What the names and attributes in a function's body, or in the model itself, stand for. */
interface Scope {
  readonly opsets: ReadonlyMap<string, number>;
  readonly rename: (name: string) => string;
  /** Attributes of the call, or the function's defaults; undefined outside functions. */
  readonly attributes: ReadonlyMap<string, AttributeProto> | undefined;
  readonly depth: number;
}

export interface NodeReader {
  /** The model's own nodes, calls replaced, in the order of the file. */
  read(nodes: readonly NodeProto[], opsets: ReadonlyMap<string, number>): OnnxNode[];
}

/** @throws {ModelError} for what is not a self-consistent set of nodes. */
export function createReader(functions: readonly FunctionProto[]): NodeReader {
  const known = new Map<string, FunctionProto>();
  const keyOf = (domain: string, name: string, overload: string) =>
    JSON.stringify([canonicalDomain(domain), name, overload]);
  for (const made of functions) {
    const key = keyOf(made.domain, made.name, made.overload);
    if (known.has(key)) throw new ModelError("MALFORMED", `function "${made.name}" is defined twice`);
    known.set(key, made);
  }
  let count = 0;

  function readNodes(protos: readonly NodeProto[], scope: Scope): OnnxNode[] {
    if (scope.depth > MAX_NESTING)
      throw new ModelError("TOO_LARGE", `functions or graphs nested deeper than ${MAX_NESTING}`);
    const nodes: OnnxNode[] = [];
    for (const proto of protos) {
      if (++count > MAX_NODES) throw new ModelError("TOO_LARGE", `more than ${MAX_NODES} nodes`);
      const called = known.get(keyOf(proto.domain, proto.opType, proto.overload));
      if (called === undefined) nodes.push(readNode(proto, scope));
      else for (const node of readNodes(called.node, callScope(called, proto, scope))) nodes.push(node);
    }
    return nodes;
  }

  function callScope(called: FunctionProto, call: NodeProto, scope: Scope): Scope {
    const at = { node: call.name, operator: call.opType };
    if (call.input.length > called.input.length || call.output.length > called.output.length)
      throw new ModelError("MALFORMED", `function "${called.name}" has fewer inputs or outputs`, at);
    const names = new Map<string, string>();
    called.input.forEach((name, k) => names.set(name, scope.rename(call.input[k] ?? "")));
    const prefix = `${called.name}#${count}/`;
    called.output.forEach((name, k) => {
      const outside = call.output[k] ?? "";
      if (names.has(name)) throw new ModelError("UNSUPPORTED_USE", `output "${name}" is an input too`, at);
      names.set(name, outside === "" ? prefix + name : scope.rename(outside));
    });
    const given = readAttributeMap(call, scope, at);
    const defaults = called.attributeProto.map((proto): [string, AttributeProto] => [proto.name, proto]);
    const { opsetImport } = called;
    return {
      opsets: opsetImport.length === 0 ? scope.opsets : readOpsets(opsetImport),
      rename: (name) => (name === "" ? "" : (names.get(name) ?? prefix + name)),
      attributes: new Map([...defaults, ...given]),
      depth: scope.depth + 1,
    };
  }

  function readNode(proto: NodeProto, scope: Scope): OnnxNode {
    const domain = canonicalDomain(proto.domain);
    const operator = domain === "" ? proto.opType : `${domain}:${proto.opType}`;
    const name = proto.name === "" ? `${proto.opType}(${proto.output[0] ?? ""})` : proto.name;
    const at = { node: name, operator };
    const opset = scope.opsets.get(domain);
    if (opset === undefined)
      throw new ModelError("MALFORMED", `no opset imported for domain "${domain}"`, at);
    if (proto.overload !== "")
      throw new ModelError("UNSUPPORTED_OPERATOR", `overload "${proto.overload}"`, at);
    const attributes = readAttributeMap(proto, scope, at);
    const graphs = new Map<string, OnnxGraph>();
    for (const [key, { type, g, refAttrName }] of attributes) {
      if (type !== AttributeType.GRAPH || refAttrName !== "" || g === undefined) continue;
      attributes.delete(key);
      graphs.set(key, readGraph(g, scope));
    }
    const captures = new Set([...graphs.values()].flatMap((graph) => graph.captures));
    return {
      ...{ name, operator, opset, attributes, graphs },
      inputs: proto.input.map(scope.rename),
      outputs: proto.output.map(scope.rename),
      captures: [...captures],
    };
  }

  function readGraph(proto: GraphProto, scope: Scope): OnnxGraph {
    if (proto.sparseInitializer.length > 0) throw new ModelError("UNSUPPORTED_DTYPE", "sparse initializers");
    const { rename } = scope;
    const initializers = readInitializers(proto.initializer, rename);
    const inputs = proto.input.map(({ name }) => rename(name)).filter((name) => !initializers.has(name));
    const read = readNodes(proto.node, { ...scope, depth: scope.depth + 1 });
    const captures = new Set<string>();
    const nodes = order(read, [...inputs, ...initializers.keys()], captures);
    const outputs = proto.output.map(({ name }) => rename(name));
    const own = new Set([...inputs, ...initializers.keys(), ...nodes.flatMap((node) => node.outputs)]);
    for (const name of outputs) if (!own.has(name)) captures.add(name);
    return { inputs, outputs, initializers, nodes, captures: [...captures] };
  }

  return {
    read: (nodes, opsets) =>
      readNodes(nodes, { opsets, rename: (name) => name, attributes: undefined, depth: 0 }),
  };
}

/** References to the attributes of a function's call are replaced by these, or left out if the call has none. */
function readAttributeMap(
  proto: NodeProto,
  scope: Scope,
  at: { node: string; operator: string },
): Map<string, AttributeProto> {
  const attributes = new Map<string, AttributeProto>();
  for (const attribute of proto.attribute) {
    const { name, refAttrName } = attribute;
    if (attributes.has(name)) throw new ModelError("MALFORMED", `attribute "${name}" given twice`, at);
    if (refAttrName === "" || scope.attributes === undefined) {
      attributes.set(name, attribute);
      continue;
    }
    const given = scope.attributes.get(refAttrName);
    if (given?.type === AttributeType.GRAPH || given?.type === AttributeType.GRAPHS)
      throw new ModelError("UNSUPPORTED_USE", `the graph "${refAttrName}" is handed to a function`, at);
    if (given !== undefined)
      attributes.set(name, Object.assign(clone(AttributeProtoSchema, given), { name }));
  }
  return attributes;
}

/**
 * Nodes in dependency order: file order if that is one, else each node just after what it needs.
 * @param free Takes the names that nothing defines; without it they are an error.
 * @throws {ModelError} CYCLE, MISSING_VALUE, or MALFORMED if a name is defined twice.
 */
export function order(nodes: readonly OnnxNode[], given: readonly string[], free?: Set<string>): OnnxNode[] {
  const producer = new Map<string, OnnxNode | undefined>(given.map((name) => [name, undefined]));
  if (producer.size !== given.length) throw new ModelError("MALFORMED", "two inputs have one name");
  for (const node of nodes)
    for (const output of node.outputs) {
      if (output === "") continue;
      if (producer.has(output))
        throw new ModelError("MALFORMED", `"${output}" is defined twice`, place(node));
      producer.set(output, node);
    }
  const done = new Set<OnnxNode>();
  const open = new Set<OnnxNode>();
  for (const root of nodes) {
    // Depth first without recursion: a chain of nodes may be longer than the call stack.
    const stack = [{ node: root, needs: dependencies(root), next: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { node } = top;
      const input = top.needs[top.next++];
      if (done.has(node)) stack.pop();
      else if (input === undefined) {
        open.delete(node);
        done.add(node);
        stack.pop();
      } else if (!producer.has(input)) {
        if (free === undefined)
          throw new ModelError("MISSING_VALUE", `nothing defines "${input}"`, place(node));
        free.add(input);
      } else {
        open.add(node);
        const from = producer.get(input);
        if (from === undefined || done.has(from)) continue;
        if (open.has(from)) throw new ModelError("CYCLE", "the node depends on its own output", place(from));
        stack.push({ node: from, needs: dependencies(from), next: 0 });
      }
    }
  }
  return [...done];
}

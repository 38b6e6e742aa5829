/**
 * Typed reading of a node's attributes (ONNX IR, "Attributes").
 */
import { ModelError } from "./error.ts";
import { AttributeProto_AttributeType as Type, type AttributeProto } from "./gen/onnx-ml_pb.js";
import type { HostTensor } from "./host.ts";
import { hostTensor } from "./tensor.ts";

function find(
  attributes: ReadonlyMap<string, AttributeProto>,
  name: string,
  type: Type,
): AttributeProto | undefined {
  const attribute = attributes.get(name);
  if (attribute === undefined) return undefined;
  if (attribute.refAttrName !== "")
    throw new ModelError("MALFORMED", `attribute "${name}" refers to a function`);
  if (attribute.type !== type)
    throw new ModelError("MALFORMED", `attribute "${name}" is ${Type[attribute.type]}, not ${Type[type]}`);
  return attribute;
}

function safeInteger(value: bigint, name: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new ModelError("MALFORMED", `attribute "${name}" is ${value}`);
  return number;
}

/** Readers return undefined for an absent attribute and throw MALFORMED for one of another type. */
export interface Attributes {
  readonly names: readonly string[];
  int(name: string): number | undefined;
  ints(name: string): number[] | undefined;
  /** A float32 value. */
  float(name: string): number | undefined;
  floats(name: string): number[] | undefined;
  string(name: string): string | undefined;
  strings(name: string): string[] | undefined;
  tensor(name: string): HostTensor | undefined;
}

export function readAttributes(attributes: ReadonlyMap<string, AttributeProto>): Attributes {
  return {
    names: [...attributes.keys()],
    int(name) {
      const found = find(attributes, name, Type.INT);
      return found && safeInteger(found.i, name);
    },
    ints: (name) => find(attributes, name, Type.INTS)?.ints.map((value) => safeInteger(value, name)),
    float: (name) => find(attributes, name, Type.FLOAT)?.f,
    floats: (name) => find(attributes, name, Type.FLOATS)?.floats,
    string(name) {
      const found = find(attributes, name, Type.STRING);
      return found && new TextDecoder().decode(found.s);
    },
    strings: (name) =>
      find(attributes, name, Type.STRINGS)?.strings.map((bytes) => new TextDecoder().decode(bytes)),
    tensor(name) {
      const found = find(attributes, name, Type.TENSOR);
      if (found === undefined) return undefined;
      if (found.t === undefined) throw new ModelError("MALFORMED", `attribute "${name}" holds no tensor`);
      return hostTensor(found.t, `attribute "${name}"`);
    },
  };
}

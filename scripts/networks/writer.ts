/** Builds ONNX graphs node by node, with seeded weights. */
import type { DTypeName } from "../../program/src/dtype.ts";
import { product } from "../../program/src/instruction.ts";
import type { NodeProto } from "../../program/src/onnx/gen/onnx-ml_pb.js";
import {
  info,
  modelFile,
  node,
  random,
  tensor,
  type AttributeValue,
  type TestTensor,
} from "../../program/src/testing/onnx.ts";

export interface Port {
  readonly name: string;
  readonly dtype: DTypeName;
  readonly shape: readonly number[];
}

/** Sizes may be symbolic, by name. */
export interface OpenPort extends Omit<Port, "shape"> {
  readonly shape: readonly (number | string)[];
}

export class Writer {
  private readonly nodes: NodeProto[] = [];
  private readonly constants: Record<string, TestTensor> = {};
  private readonly known = new Map<string, string>();
  private readonly next: () => number;
  private count = 0;

  constructor(seed: number) {
    this.next = random(seed);
  }

  /** @returns the name of its only output. */
  op(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): string {
    const [output = ""] = this.ops(operator, inputs, 1, attributes);
    return output;
  }

  /** @returns the names of its outputs. */
  ops(
    operator: string,
    inputs: readonly string[],
    outputs: number,
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): string[] {
    const id = this.count++;
    const names = Array.from({ length: outputs }, (_, k) => `${operator.split(":").at(-1) ?? ""}_${id}_${k}`);
    this.nodes.push(node(operator, inputs, names, attributes));
    return names;
  }

  initializer(value: TestTensor): string {
    const name = `w${Object.keys(this.constants).length}`;
    this.constants[name] = value;
    return name;
  }

  list(
    dtype: DTypeName,
    values: readonly (number | bigint)[],
    shape: readonly number[] = [values.length],
  ): string {
    const key = `${dtype} ${shape.join()} ${values.join()}`;
    const name = this.known.get(key) ?? this.initializer(tensor(dtype, shape, values));
    this.known.set(key, name);
    return name;
  }

  scalar(dtype: DTypeName, value: number): string {
    return this.list(dtype, [value], []);
  }

  /** Uniform of the given standard deviation, around `mean`. */
  weights(shape: readonly number[], deviation: number, mean = 0): string {
    const reach = deviation * Math.sqrt(3);
    const data = new Float32Array(product(shape));
    for (let i = 0; i < data.length; i++) data[i] = mean + (2 * this.next() - 1) * reach;
    return this.initializer({ dtype: "f32", shape, data: new Uint8Array(data.buffer) });
  }

  /** Uniform over all bytes. */
  bytes(dtype: "u8" | "i8", shape: readonly number[]): string {
    const data = new Uint8Array(product(shape));
    for (let i = 0; i < data.length; i++) data[i] = this.next() * 256;
    return this.initializer({ dtype, shape, data });
  }

  file(inputs: readonly OpenPort[], outputs: readonly OpenPort[], opset = 17): Uint8Array {
    const ports = (list: readonly OpenPort[]) =>
      list.map(({ name, dtype, shape }) => info(name, dtype, shape));
    const { nodes, constants } = this;
    return modelFile({ nodes, inputs: ports(inputs), outputs: ports(outputs), constants, opset });
  }

  /** Gives an output the name by which the model shows it. */
  show(value: string, name: string): void {
    this.nodes.push(node("Identity", [value], [name]));
  }
}

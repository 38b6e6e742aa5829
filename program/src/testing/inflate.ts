/** Sound models in which one size becomes huge wherever it stands: what a few bytes of file can ask for. */
import { isInteger } from "../dtype.ts";
import { integers } from "../onnx/host.ts";
import type { ModelProto } from "../onnx/gen/onnx-ml_pb.js";
import {
  caseModel,
  ints,
  node,
  tensor,
  tensorProto,
  type AttributeValue,
  type Case,
  type TestTensor,
} from "./onnx.ts";
import type { Rng } from "./rng.ts";

const SIZES = [0, 1000, 2 ** 16, 2 ** 20, 2 ** 22, 2 ** 24, 2 ** 25, 2 ** 27, 2 ** 31, 2 ** 32 - 1];

function swapped(value: AttributeValue, from: number, to: number): AttributeValue {
  if (value === from) return to;
  return Array.isArray(value) ? value.map((item: number) => (item === from ? to : item)) : value;
}

/** A known tensor with other values. */
function revalued(value: TestTensor, from: number, to: number): TestTensor {
  if (value.dtype !== "i64" && value.dtype !== "i32") return value;
  const listed = integers(value).map((item) => (item === BigInt(from) ? BigInt(to) : item));
  return listed.some((item) => BigInt.asIntN(value.dtype === "i64" ? 64 : 32, item) !== item)
    ? value
    : tensor(value.dtype, value.shape, listed);
}

/** One size of the inputs of a valid node is another one everywhere; inputs may be constants that take no space in the file. */
export function inflated(rng: Rng, test: Case): ModelProto {
  const { constants = [] } = test;
  const sizes = test.inputs.flatMap((value) => value?.shape ?? []);
  const from = sizes.length === 0 ? 1 : rng.pick(sizes);
  const to = rng.pick(SIZES);
  // Together with a size of 0, there may be any number of nothing.
  const nothing = sizes.length > 0 && rng.chance(0.15) ? rng.pick(sizes) : undefined;
  const other = (size: number): number => (size === from ? to : size === nothing ? 0 : size);
  const inAttributes = rng.chance(0.5);
  const inputs = test.inputs.map((value, k) => {
    if (value === undefined) return undefined;
    if (constants.includes(k)) return isInteger(value.dtype) ? revalued(value, from, to) : value;
    return { ...value, shape: value.shape.map(other), data: new Uint8Array(0) };
  });
  const attributes = Object.entries(test.attributes ?? {}).map(([name, value]) => [
    name,
    inAttributes ? swapped(value, from, to) : value,
  ]);
  const model = caseModel({
    ...test,
    inputs,
    attributes: Object.fromEntries(attributes) as Record<string, AttributeValue>,
  });
  const { graph } = model;
  if (graph === undefined || rng.chance(0.6)) return model;
  // From opset 9 on; earlier ones refuse it, which is as well.
  inputs.forEach((value, k) => {
    if (value === undefined || constants.includes(k) || rng.chance(0.3)) return;
    graph.input = graph.input.filter(({ name }) => name !== `x${k}`);
    graph.initializer.push(tensorProto(`s${k}`, ints(...value.shape)));
    const one = tensor(value.dtype, [1], [1]);
    graph.node.unshift(node("ConstantOfShape", [`s${k}`], [`x${k}`], { value: one }));
  });
  return model;
}

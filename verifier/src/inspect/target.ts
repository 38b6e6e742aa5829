/** What part of a program a node of the trace is about. Pure. */
import { dtype } from "../../../program/src/dtype.ts";
import { LEAF_BYTES } from "../../../program/src/treeShape.ts";
import type { Node } from "../../../sdk/src/structs.ts";
import type { OutlinedInstruction } from "../releases/outlined.ts";

/** The lowered model, where its file could be had. */
export type KnownModel = readonly Pick<OutlinedInstruction, "operator" | "dtype" | "elements">[];

/** Both ends included. */
export type Range = readonly [first: number, last: number];

export interface Target {
  readonly tree: "trace" | "tensor";
  readonly height: number;
  readonly instructions: Range;
  /** Of the tensor of the instruction; undefined in the trace tree. */
  readonly bytes: Range | undefined;
  /** Likewise; undefined also without the model. */
  readonly elements: Range | undefined;
  /** ONNX operators of the instructions, `Conv conv1`; empty without the model. */
  readonly operators: readonly string[];
}

/** @returns undefined without the model, or past the last instruction. */
export function operatorOf(model: KnownModel | undefined, instruction: number): string | undefined {
  return model?.[instruction]?.operator;
}

/** @param instructions Their number in the program. */
export function targetOf(node: Node, instructions: number, model: KnownModel | undefined): Target {
  const { tensor, height, instruction, index } = node;
  const width = 2 ** height;
  const range: Range = tensor
    ? [instruction, instruction]
    : [index * width, Math.min((index + 1) * width, Math.max(instructions, index * width + 1)) - 1];
  const names = new Set<string>();
  for (const { operator } of (model ?? []).slice(range[0], range[1] + 1)) names.add(operator);
  const bytes: Range | undefined = tensor
    ? [index * width * LEAF_BYTES, (index + 1) * width * LEAF_BYTES - 1]
    : undefined;
  const made = model?.[instruction];
  const elements: Range | undefined =
    bytes === undefined || made === undefined
      ? undefined
      : [
          Math.floor(bytes[0] / dtype(made.dtype).bytes),
          Math.min(Math.floor(bytes[1] / dtype(made.dtype).bytes), made.elements - 1),
        ];
  return {
    tree: tensor ? "tensor" : "trace",
    height,
    instructions: range,
    bytes,
    elements,
    operators: [...names],
  };
}

/** `instruction 3 (Conv conv1), elements 64 to 127`. */
export function targetText({ instructions, bytes, elements, operators }: Target): string {
  const [first, last] = instructions;
  const which = first === last ? `instruction ${first}` : `instructions ${first} to ${last}`;
  const [head, ...rest] = operators;
  const tail = rest.at(-1);
  const names = head === undefined ? "" : ` (${head}${tail === undefined ? "" : ` to ${tail}`})`;
  const part =
    elements !== undefined
      ? `, elements ${elements[0]} to ${elements[1]}`
      : bytes !== undefined
        ? `, bytes ${bytes[0]} to ${bytes[1]}`
        : "";
  return `${which}${names}${part}`;
}

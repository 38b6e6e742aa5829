/** What people are told of a program's instructions: a line each, without weights. Pure. */
import { commitProgram } from "../../../program/src/encode.ts";
import type { DTypeName } from "../../../program/src/dtype.ts";
import { outElements } from "../../../program/src/instruction.ts";
import type { LoweredModel } from "../../../program/src/lower/lower.ts";
import { toHex, type Hex } from "../../../sdk/src/structs.ts";

export interface OutlinedInstruction {
  /** `Conv conv1`: the ONNX node that it was lowered from. */
  readonly operator: string;
  readonly dtype: DTypeName;
  /** Of its tensor. */
  readonly elements: number;
}

export interface Outline {
  readonly programRoot: Hex;
  readonly instructions: readonly OutlinedInstruction[];
}

export function outlineOf({ program, nodes }: Pick<LoweredModel, "program" | "nodes">): Outline {
  const instructions = program.instructions.map((made, k): OutlinedInstruction => {
    const { operator = "", name = "" } = nodes[k] ?? {};
    return { operator: `${operator} ${name}`.trim(), dtype: made.dtype, elements: outElements(made) };
  });
  return { programRoot: toHex(commitProgram(program).root), instructions };
}

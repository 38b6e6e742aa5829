/** The outline of a lowered model. Pure. */
import { commitProgram } from "../../../program/src/commit.ts";
import { outElements, type Instruction } from "../../../program/src/instruction.ts";
import type { LoweredModel } from "../../../program/src/lower/lower.ts";
import { tensorLoads } from "../../../program/src/validate.ts";
import { toHex } from "../../../sdk/src/structs.ts";
import { operationOf } from "../inspect/operation.ts";
import type { Outline, OutlinedInstruction, OutlinedOperand } from "./outlined.ts";

/** Names in a file may be of any length. */
const MAX_NAME = 120;

function operandsOf(made: Instruction): OutlinedOperand[] {
  const operands = tensorLoads(made).map(({ source, id }) => [`${source} ${id}`, { source, id }] as const);
  return [...new Map(operands).values()];
}

export function outlineOf({ program, nodes }: Pick<LoweredModel, "program" | "nodes">): Outline {
  const instructions = program.instructions.map((made, k): OutlinedInstruction => {
    const { operator = "", name = "" } = nodes[k] ?? {};
    return {
      operator: `${operator} ${name}`.trim().slice(0, MAX_NAME),
      operation: operationOf(made),
      dtype: made.dtype,
      shape: made.outDims,
      elements: outElements(made),
      operands: operandsOf(made),
    };
  });
  return { programRoot: toHex(commitProgram(program).root), instructions };
}

import type { Instruction } from "../../../program/src/instruction.ts";

/** `sum of mul`: what an instruction computes, for people. */
export function operationOf({ fold, body }: Pick<Instruction, "fold" | "body">): string {
  return fold === "none" ? body : `${fold} of ${body}`;
}

/**
 * The way out for what no fast kernel covers: the naive interpreter, element by element.
 */
import type { Instruction } from "../instruction.ts";
import { evaluateElement } from "../naive/interpret.ts";
import { setElementBits } from "../naive/value.ts";
import type { Tensor } from "./tensor.ts";
import type { Lookup } from "./read.ts";

export function runSlowly(instruction: Instruction, lookup: Lookup, out: Tensor): void {
  for (let i = 0; i < out.elements; i++) {
    const bits = evaluateElement(instruction, i, ({ source, id }) => lookup(source, id).data);
    setElementBits(instruction.dtype, out.data, i, bits);
  }
}

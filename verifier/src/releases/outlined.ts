/** What people are told of a program's instructions: a line each, without weights. */
import type { DTypeName } from "../../../program/src/dtype.ts";
import type { TensorSource } from "../../../program/src/instruction.ts";
import type { Hex } from "../../../sdk/src/structs.ts";

export interface OutlinedOperand {
  readonly source: TensorSource;
  /** Index among the inputs, constants or instructions of the program. */
  readonly id: number;
}

export interface OutlinedInstruction {
  /** `Conv conv1`: the ONNX node that it was lowered from. */
  readonly operator: string;
  /** `sum of mul`: what it computes. */
  readonly operation: string;
  readonly dtype: DTypeName;
  readonly shape: readonly number[];
  /** Of its tensor. */
  readonly elements: number;
  /** Tensors that it reads, each once. */
  readonly operands: readonly OutlinedOperand[];
}

export interface Outline {
  readonly programRoot: Hex;
  readonly instructions: readonly OutlinedInstruction[];
}

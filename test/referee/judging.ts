/** The referee on an in-process chain, and programs on trial before it. */
import { network } from "hardhat";
import { dtype, type DTypeName } from "../../program/src/dtype.ts";
import type { Axis, Instruction, Load, Program, TensorLoad } from "../../program/src/instruction.ts";
import { depthOf } from "../../program/src/merkle.ts";
import type { StepProof } from "../../program/src/prove.ts";
import { stepCall, type Trial } from "../../program/src/testing/trial.ts";
import { deployReferee as deployTo } from "../../scripts/deployment.ts";
import type { Referee } from "../../types/ethers-contracts/index.js";

const connection = await network.getOrCreate();

export type RefereeContract = Referee;

export function deployReferee(): Promise<RefereeContract> {
  return deployTo(connection);
}

/** The verdict on `claimed`, or on the proof given. */
export function judgeStep(
  referee: RefereeContract,
  on: Trial,
  claimed: readonly Uint8Array[],
  instruction: number,
  element: number,
  proof?: StepProof,
): Promise<boolean> {
  return referee.judgeStep(...stepCall(on, claimed, instruction, element, proof));
}

/** Gas of the transaction that would judge it. */
export function gasOfStep(
  referee: RefereeContract,
  on: Trial,
  claimed: readonly Uint8Array[],
  instruction: number,
  element: number,
): Promise<bigint> {
  return referee.judgeStep.estimateGas(...stepCall(on, claimed, instruction, element));
}

export function leavesOf(bytes: number): number {
  return 2 ** depthOf(Math.max(1, Math.ceil(bytes / 256)));
}

// Short forms of instructions.

type Terms = readonly (readonly [dim: number, coef: number])[];

export function axis(size: number, stride: number, terms: Terms, c0 = 0): Axis {
  return {
    size,
    stride,
    at: { c0, terms: terms.map(([dim, coef]) => ({ dim, coef })), div: 1, exact: false },
  };
}

export function tensor(
  source: TensorLoad["source"],
  id: number,
  name: DTypeName,
  axes: readonly Axis[],
  extra: Pick<TensorLoad, "zero" | "fill"> & { readonly elements?: number } = {},
): TensorLoad {
  const elements = axes.reduce((sum, { size, stride }) => sum + (size - 1) * stride, 1);
  return { kind: "tensor", source, id, dtype: name, elements, axes, ...extra };
}

export function literal(name: DTypeName, bits: bigint): Load {
  return { kind: "literal", dtype: name, bits };
}

export function instruction(
  [body, fold, name]: readonly [Instruction["body"], Instruction["fold"], DTypeName],
  outDims: readonly number[],
  redDims: readonly number[],
  loads: readonly Load[],
): Instruction {
  return { body, fold, dtype: name, outDims, redDims, loads };
}

/** A program whose inputs have the given dtypes and data and whose outputs are all instructions' tensors. */
export function programOf(
  instructions: readonly Instruction[],
  inputs: readonly (readonly [DTypeName, Uint8Array])[],
  constants: readonly (readonly [DTypeName, Uint8Array])[] = [],
): Program {
  return {
    loweringVersion: 1,
    inputs: inputs.map(([name, data]) => ({ dtype: name, elements: data.length / dtype(name).bytes })),
    outputs: instructions.map((made, k) => ({
      instruction: k,
      dtype: made.dtype,
      elements: made.outDims.reduce((a, b) => a * b, 1),
    })),
    constants: constants.map(([name, data]) => ({ dtype: name, data })),
    instructions,
  };
}

export function f32(values: readonly number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}

export function i32(values: readonly number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer);
}

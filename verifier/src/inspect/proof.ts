/**
 * What decided a dispute, read from the calldata of the transaction that proved it: the referee's operands are all in it, so the
 * one number is computed here again by the definition itself, without the model's file. Pure.
 */
import { z } from "zod/v4";
import type { Contracts } from "../../../sdk/src/contracts.ts";
import { claimSchema, fromHex, hex, sameHex, small, type Claim, type Hex } from "../../../sdk/src/structs.ts";
import type { Court } from "../chain/state.ts";
import { requestIdOf, resultIdOf } from "../../../sdk/src/ids.ts";
import { decodeHeader } from "../../../program/src/decode.ts";
import { blobBytes, dtype, type DTypeName } from "../../../program/src/dtype.ts";
import { outElements, type Instruction, type TensorLoad } from "../../../program/src/instruction.ts";
import { LEAF_BYTES } from "../../../program/src/treeShape.ts";
import { evaluateWith } from "../../../program/src/naive/interpret.ts";
import { elementBits } from "../../../program/src/naive/value.ts";
import { tensorLoads, wellFormed } from "../../../program/src/validate.ts";
import { operationOf } from "./operation.ts";
import { float32Of, placeOf, scalarOf, type Scalar } from "./scalar.ts";

/** An element of an operand. */
export interface Read {
  /** Index among the instruction's tensor operands. */
  readonly operand: number;
  readonly element: number;
  readonly value: Scalar;
}

/** That are told of. */
const MAX_READS = 64;

/** One element of the trace is not what its instruction makes of its operands. */
export interface StepProven {
  readonly kind: "step";
  readonly instruction: number;
  readonly element: number;
  readonly place: string;
  /** `sum of mul`: what the instruction computes. */
  readonly operation: string;
  readonly claimed: Scalar;
  readonly exact: Scalar;
  /** Elements of operands that the exact value was computed from. */
  readonly operands: number;
  /** The first of them, in the order in which they are used. */
  readonly reads: readonly Read[];
}

/** The published output is not that of the trace. */
export interface OutputProven {
  readonly kind: "output";
  /** Index among the program's outputs. */
  readonly output: number;
  readonly instruction: number;
  readonly element: number;
  readonly published: Scalar;
  /** As the operator's own trace has it. */
  readonly exact: Scalar;
  readonly allowed: number;
}

/** The trace is wrong where no instruction computes anything: past its end, or at a malformed instruction. */
export interface ShapeProven {
  readonly kind: "shape";
  readonly instruction: number;
  readonly element: number;
  readonly reason: string;
}

export type Proven = StepProven | OutputProven | ShapeProven;

const leaves = z.object({ data: hex, indices: hex, path: hex });
const step = z.object({
  claim: claimSchema,
  instruction: small,
  element: small,
  proof: z.object({
    header: hex,
    instruction: hex,
    output: leaves,
    operands: z.array(z.object({ leaves })),
  }),
});
const output = z.object({
  claim: claimSchema,
  output: small,
  element: small,
  published: hex,
  proof: z.object({ header: hex, output: leaves }),
});

type Leaves = z.infer<typeof leaves>;

/** The element of a tensor whose opened leaves are these; undefined: it was not opened. */
function openedBits({ data, indices }: Leaves, name: DTypeName, element: number): bigint | undefined {
  const { bytes } = dtype(name);
  const leaf = Math.floor((element * bytes) / LEAF_BYTES);
  const opened = fromHex(data);
  const list = new DataView(fromHex(indices).buffer);
  for (let i = 0; 4 * i + 4 <= list.byteLength; i++) {
    if (list.getUint32(4 * i) !== leaf) continue;
    const whole = opened.subarray(i * LEAF_BYTES, (i + 1) * LEAF_BYTES);
    return elementBits(name, whole, element - (leaf * LEAF_BYTES) / bytes);
  }
  return undefined;
}

function exactBits(
  made: Instruction,
  element: number,
  operands: readonly Leaves[],
): { readonly bits: bigint; readonly operands: number; readonly reads: readonly Read[] } {
  const loads = tensorLoads(made);
  const read = new Set<string>();
  const reads: Read[] = [];
  const bits = evaluateWith(made, element, (load: TensorLoad, index) => {
    const at = loads.indexOf(load);
    const opened = operands[at];
    const found = opened && openedBits(opened, load.dtype, index);
    if (found === undefined) throw new RangeError(`operand ${at} is not opened at ${index}`);
    const known = read.size;
    read.add(`${at}:${index}`);
    if (read.size > known && reads.length < MAX_READS)
      reads.push({ operand: at, element: index, value: scalarOf(load.dtype, found) });
    return found;
  });
  return { bits, operands: read.size, reads };
}

function provenStep({ instruction, element, proof }: z.infer<typeof step>): Proven | undefined {
  const header = decodeHeader(fromHex(proof.header));
  if (header === undefined) return undefined;
  const shape = (reason: string): ShapeProven => ({ kind: "shape", instruction, element, reason });
  if (instruction >= header.instructions)
    return shape(`the program has ${header.instructions} instructions; past them a trace is all zeros`);
  const made = wellFormed(fromHex(proof.instruction), instruction, header);
  if (made === undefined)
    return shape("the program's instruction is malformed: every claim about it is wrong");
  const claimed = openedBits(proof.output, made.dtype, element);
  if (claimed === undefined) return undefined;
  if (element >= outElements(made))
    return shape(`the tensor has ${outElements(made)} elements; past them it is all zeros`);
  const { bits, operands, reads } = exactBits(
    made,
    element,
    proof.operands.map((operand) => operand.leaves),
  );
  return {
    kind: "step",
    instruction,
    element,
    place: placeOf(element, made.outDims),
    operation: operationOf(made),
    claimed: scalarOf(made.dtype, claimed),
    exact: scalarOf(made.dtype, bits),
    operands,
    reads,
  };
}

function provenOutput(call: z.infer<typeof output>): Proven | undefined {
  const header = decodeHeader(fromHex(call.proof.header));
  const made = header?.outputs[call.output];
  if (header === undefined || made === undefined) return undefined;
  const before = blobBytes(header.outputs.slice(0, call.output));
  const exact = openedBits(call.proof.output, made.dtype, call.element);
  if (exact === undefined) return undefined;
  const right = scalarOf(made.dtype, exact);
  const { atol, rtol } = call.claim.release;
  return {
    kind: "output",
    output: call.output,
    instruction: made.instruction,
    element: call.element,
    published: scalarOf(
      made.dtype,
      elementBits(made.dtype, fromHex(call.published).subarray(before), call.element),
    ),
    exact: right,
    allowed: float32Of(atol) + float32Of(rtol) * Math.abs(right.value),
  };
}

function claimedResult(
  { deployment: { chainId, addresses } }: Contracts,
  court: Court,
  { request, operator, outputHash }: Claim,
): Hex {
  return resultIdOf(requestIdOf(chainId, addresses[court], request), operator, outputHash);
}

/**
 * @param data Calldata of a transaction to the dispute game.
 * @param resultId The answer that it must be about. @param court Where that is on trial.
 * @returns undefined if it is no proof, or not about this answer, as when another contract sent it.
 */
export function provenBy(contracts: Contracts, data: Hex, resultId: Hex, court: Court): Proven | undefined {
  try {
    const call = contracts.game.interface.parseTransaction({ data });
    if (call === null || (call.name !== "prove" && call.name !== "proveOutput")) return undefined;
    const args: unknown = call.args.toObject(true);
    const { claim } = z.object({ claim: claimSchema }).parse(args);
    if (!sameHex(claimedResult(contracts, court, claim), resultId)) return undefined;
    return call.name === "prove" ? provenStep(step.parse(args)) : provenOutput(output.parse(args));
  } catch {
    // Whatever the transaction holds, it is not the call that the referee judged.
    return undefined;
  }
}

/** What the registry is told of a model. Pure. */
import { AssayError } from "../../../sdk/src/error.ts";
import type { Hex, Release } from "../../../sdk/src/structs.ts";
import { bindingsHash, signatureHash, type Bindings, type Signature } from "../../../sdk/src/tensor.ts";

/** What a publisher decides. */
export interface ReleaseTerms {
  /** binary32 bits; both 0: the release is exact. */
  readonly atol: number;
  readonly rtol: number;
  /** Basis points of each fee. */
  readonly royaltyBps: number;
}

/** Of a ModelSummary, what a release commits to. */
export interface ReleasableModel {
  readonly programRoot: Hex;
  readonly fileSha256: Hex;
  readonly loweringVersion: number;
  readonly bindings: Bindings;
  readonly signature: Signature;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly worst: { readonly gas: number };
  readonly disputeGas: number;
}

/** binary32 bits of a tolerance, rounded down so that it never promises more than was meant. */
export function toleranceBits(value: number): number {
  if (!Number.isFinite(value) || value < 0)
    throw new AssayError("BAD_CONFIG", `a tolerance is a finite number from 0 on, not ${value}`);
  const float = Float32Array.of(value);
  const bits = new Uint32Array(float.buffer)[0] ?? 0;
  return (float[0] ?? 0) > value ? bits - 1 : bits;
}

export function releaseOf(model: ReleasableModel, modelId: bigint, terms: ReleaseTerms): Release {
  const { atol, rtol, royaltyBps } = terms;
  return {
    modelId,
    programRoot: model.programRoot,
    fileSha256: model.fileSha256,
    loweringVersion: model.loweringVersion,
    bindingsHash: bindingsHash(model.bindings),
    signatureHash: signatureHash(model.signature),
    inputBytes: model.inputBytes,
    outputBytes: model.outputBytes,
    atol,
    rtol,
    stepGas: model.worst.gas,
    disputeGas: model.disputeGas,
    royaltyBps,
  };
}

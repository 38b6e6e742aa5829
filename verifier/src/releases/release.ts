/** What the registry is told of a model. Pure. */
import { AssayError } from "../../../sdk/src/error.ts";
import type { Hex, Release } from "../../../sdk/src/structs.ts";
import {
  bindingsHash,
  bindingsText,
  signatureHash,
  type Bindings,
  type Signature,
} from "../../../sdk/src/tensor.ts";

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

/** ModelRegistry's bounds, of which it has those of tolerances as bits. */
export const MAX_ATOL = 65_536;
const MAX_RTOL = 1;
const MAX_ROYALTY_BPS = 5000;

/** binary32 bits of a tolerance, rounded down so that it never promises more than was meant. */
export function toleranceBits(value: number): number {
  if (!Number.isFinite(value) || value < 0)
    throw new AssayError("BAD_CONFIG", `a tolerance is a finite number from 0 on, not ${value}`);
  const float = Float32Array.of(value);
  const bits = new Uint32Array(float.buffer)[0] ?? 0;
  const down = (float[0] ?? 0) > value ? bits - 1 : bits;
  if (down === 0 && value > 0)
    throw new AssayError("BAD_CONFIG", `a tolerance of ${value} is 0 as a float32: 0 asks for exact bytes`);
  return down;
}

/** @throws {AssayError} BAD_CONFIG if the registry would refuse them. */
export function termsOf(atol: number, rtol: number, royaltyBps: number): ReleaseTerms {
  if (atol > MAX_ATOL || rtol > MAX_RTOL)
    throw new AssayError(
      "BAD_CONFIG",
      `tolerances are from 0 to ${MAX_ATOL} (absolute) and to ${MAX_RTOL} (relative), not ${atol} and ${rtol}`,
    );
  if (!(royaltyBps >= 0 && royaltyBps <= MAX_ROYALTY_BPS))
    throw new AssayError(
      "BAD_CONFIG",
      `a royalty is from 0 to ${MAX_ROYALTY_BPS} basis points, not ${royaltyBps}`,
    );
  return { atol: toleranceBits(atol), rtol: toleranceBits(rtol), royaltyBps };
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

/** An address with the dimensions' values as its fragment, as it is announced. */
export function withDimensions(uri: string, bindings: Bindings): string {
  const dimensions = bindingsText(bindings);
  return dimensions === "" ? uri : `${uri}#${dimensions}`;
}

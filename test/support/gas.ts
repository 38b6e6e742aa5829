/** What tests of gas share. */
import { ZeroHash, type ContractTransactionResponse } from "ethers";
import { byteHeader, sha256Hex } from "./header.ts";

/** Bytes without zeros: the dearest calldata. */
export function dense(length: number, seed: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => 1 + ((i * 37 + seed * 101) % 255)));
}

/** @throws Error if the transaction failed. */
export async function gasOf(sent: Promise<ContractTransactionResponse>): Promise<number> {
  const receipt = await (await sent).wait();
  if (receipt?.status !== 1) throw new Error("the transaction failed");
  return Number(receipt.gasUsed);
}

/** A release of a program from bytes to bytes that nobody runs, and its header. */
export function byteRelease(modelId: bigint, inputBytes: number, outputBytes: number) {
  const header = byteHeader(inputBytes, outputBytes);
  const release = {
    modelId,
    programRoot: sha256Hex(header),
    fileSha256: ZeroHash,
    loweringVersion: 1n,
    bindingsHash: ZeroHash,
    signatureHash: ZeroHash,
    inputBytes,
    outputBytes,
    atol: 0n,
    rtol: 0n,
    stepGas: 1_000_000n,
    disputeGas: 3_000_000n,
    royaltyBps: 500n,
  };
  return { header, release };
}

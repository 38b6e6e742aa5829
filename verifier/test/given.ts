/** Receipts as a service gives them to its store. */
import { keccak } from "../../sdk/src/ids.ts";
import { toHex, ZERO_HASH, type Hex } from "../../sdk/src/structs.ts";
import type { Given } from "../src/state/receipts.ts";
import { seededBytes } from "./content.ts";

export function clientAt(n: number): Hex {
  return toHex(Buffer.alloc(20, n));
}

/** @param order Its number: another one has other bytes. */
export function givenAt(order: number, client: Hex, priceWei: bigint, totalWei: bigint): Given {
  const input = new Uint8Array(seededBytes(order % 300, `input ${order}`));
  const output = new Uint8Array(seededBytes(order % 7, `output ${order}`));
  const requestHash = keccak(Buffer.from(`order ${order}`));
  const issuedAt = Math.floor(Date.now() / 1000);
  const hashes = { requestHash, releaseId: ZERO_HASH, inputsRoot: keccak(input), outputHash: keccak(output) };
  return {
    receipt: { ...hashes, operator: `0x${"a".repeat(40)}`, issuedAt, bondClass: 3 },
    voucher: { totalWei, order: requestHash, signature: requestHash },
    ...{ requestHash, signature: "0x1234", input, output, client, priceWei },
  };
}

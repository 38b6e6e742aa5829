/** What clients and operators sign for answers that are given over HTTP (docs/receipts.md): EIP-712, bound to chain and contract. */
import { TypedDataEncoder, verifyTypedData, type Signer, type TypedDataField } from "ethers";
import { z } from "zod/v4";
import type { Deployment } from "./deployment.ts";
import { AssayError } from "./error.ts";
import { address, bytes32, sameHex, small, wide, type Hex } from "./structs.ts";

/** Where receipts and vouchers are good. */
export interface Place {
  readonly chainId: number;
  /** Address of the Receipts contract. */
  readonly receipts: Hex;
  /** Address of the Deposits contract. */
  readonly deposits: Hex;
}

export function placeIn({ chainId, addresses: { receipts, deposits } }: Deployment): Place {
  return { chainId, receipts, deposits };
}

/** A client's order. No contract reads it; voucher and receipt carry its digest. */
export const orderSchema = z.object({
  releaseId: bytes32,
  inputsRoot: bytes32,
  client: address,
  operator: address,
  /** Wei that the client's voucher rises by. */
  priceWei: wide,
  /** The client's choice: the same order, sent again, gets the same receipt. */
  nonce: wide,
  /** Not to be answered later, unix seconds. */
  expiresAt: small,
});
export type Order = z.infer<typeof orderSchema>;

/** contracts/interfaces/IReceipts.sol documents the fields. */
export const receiptSchema = z.object({
  requestHash: bytes32,
  releaseId: bytes32,
  inputsRoot: bytes32,
  outputHash: bytes32,
  operator: address,
  issuedAt: small,
  bondClass: small,
});
export type Receipt = z.infer<typeof receiptSchema>;

/** As Receipts.VALIDITY: seconds from its issue in which a receipt can be challenged. */
export const RECEIPT_VALIDITY = 7 * 86_400;

/** As Receipts.MAX_BOND_CLASS. */
export const MAX_BOND_CLASS = 24;

/** As Receipts.bondOf: wei that the operator loses if the receipt is wrong. */
export function bondOfClass(bondClass: number): bigint {
  return (10n ** 15n) << BigInt(bondClass);
}

/** contracts/interfaces/IDeposits.sol documents the fields. */
export const voucherSchema = z.object({ client: address, operator: address, totalWei: wide, order: bytes32 });
export type Voucher = z.infer<typeof voucherSchema>;

/** An operator to whom a key agrees. */
export interface Key {
  readonly operator: Hex;
}

export interface Signed {
  readonly Order: Order;
  readonly Receipt: Receipt;
  readonly Key: Key;
  readonly Voucher: Voucher;
}
export type SignedKind = keyof Signed;

function fields(text: string): TypedDataField[] {
  return text.split(", ").map((field) => {
    const [type = "", name = ""] = field.split(" ");
    return { type, name };
  });
}

const FIELDS: Readonly<Record<SignedKind, TypedDataField[]>> = {
  Order: fields(
    "bytes32 releaseId, bytes32 inputsRoot, address client, address operator, uint96 priceWei, uint64 nonce, uint40 expiresAt",
  ),
  Receipt: fields(
    "bytes32 requestHash, bytes32 releaseId, bytes32 inputsRoot, bytes32 outputHash, address operator, uint40 issuedAt, uint8 bondClass",
  ),
  Key: fields("address operator"),
  Voucher: fields("address client, address operator, uint96 totalWei, bytes32 order"),
};

/** EIP-712 domain and types. */
export function typedDataOf<K extends SignedKind>({ chainId, receipts, deposits }: Place, kind: K) {
  const [name, verifyingContract] =
    kind === "Voucher" ? ["Assay Deposits", deposits] : ["Assay Receipts", receipts];
  return [{ name, version: "1", chainId, verifyingContract }, { [kind]: FIELDS[kind] }] as const;
}

/** The 32 bytes that are signed. */
export function digestOf<K extends SignedKind>(place: Place, kind: K, value: Signed[K]): Hex {
  const [domain, types] = typedDataOf(place, kind);
  return `0x${TypedDataEncoder.hash(domain, types, value).slice(2)}`;
}

/** @returns 65 bytes: r, s, v. */
export async function signAs<K extends SignedKind>(
  signer: Pick<Signer, "signTypedData">,
  place: Place,
  kind: K,
  value: Signed[K],
): Promise<Hex> {
  const [domain, types] = typedDataOf(place, kind);
  return `0x${(await signer.signTypedData(domain, types, value)).slice(2)}`;
}

/** r, s and v as ECDSA in the contracts takes them; wallets know shorter forms too, which would be worth nothing there. */
const SIGNATURE = /^0x[0-9a-f]{128}1[bc]$/i;

/** Who signed. @throws {AssayError} BAD_SIGNATURE if the bytes are no signature, or none that the contracts take. */
export function signerOf<K extends SignedKind>(place: Place, kind: K, value: Signed[K], signature: Hex): Hex {
  const [domain, types] = typedDataOf(place, kind);
  try {
    if (!SIGNATURE.test(signature)) throw new RangeError("not 65 bytes that end in 27 or 28");
    return `0x${verifyTypedData(domain, types, value, signature).slice(2)}`;
  } catch (cause) {
    throw new AssayError("BAD_SIGNATURE", `the ${kind.toLowerCase()}'s signature is none`, { cause });
  }
}

/** @throws {AssayError} BAD_SIGNATURE if another signed, or nobody. */
export function requireSigner<K extends SignedKind>(
  place: Place,
  kind: K,
  value: Signed[K],
  signature: Hex,
  expected: Hex,
): void {
  const signer = signerOf(place, kind, value, signature);
  if (!sameHex(signer, expected))
    throw new AssayError(
      "BAD_SIGNATURE",
      `${expected} did not sign this ${kind.toLowerCase()}: ${signer} did`,
    );
}

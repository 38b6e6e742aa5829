/**
 * The contracts' structs as plain objects (contracts/interfaces/Types.sol, which documents the fields), checked when
 * they come from a node. Integers above 2^32 are bigints; byte strings are lower-case 0x hex.
 */
import { z } from "zod/v4";

export type Hex = `0x${string}`;

function isHex(value: unknown): value is Hex {
  return typeof value === "string" && /^0x([0-9a-fA-F]{2})*$/.test(value);
}

export const hex = z.custom<Hex>(isHex, "not a hex byte string");
export const bytes32 = z.custom<Hex>((v) => isHex(v) && v.length === 66, "not 32 bytes of hex");
export const address = z.custom<Hex>((v) => isHex(v) && v.length === 42, "not an address");
/** A JSON-RPC quantity that fits a JavaScript number. */
export const quantity = z
  .string()
  .regex(/^0x[0-9a-f]{1,13}$/i)
  .transform(Number);
/** A JSON-RPC quantity of up to 16 bytes: wei. */
export const wideQuantity = z
  .string()
  .regex(/^0x[0-9a-f]{1,32}$/i)
  .transform(BigInt);
export const wide = z.bigint().nonnegative();
/** The most wei that contracts have room for, in orders, vouchers and deposits: a uint96. */
export const MAX_WEI = 2n ** 96n - 1n;
/** An unsigned integer that fits a JavaScript number; decoders give bigints. */
export const small = z.bigint().nonnegative().max(BigInt(Number.MAX_SAFE_INTEGER)).transform(Number);

export const releaseSchema = z.object({
  modelId: wide,
  programRoot: bytes32,
  fileSha256: bytes32,
  loweringVersion: small,
  bindingsHash: bytes32,
  signatureHash: bytes32,
  inputBytes: small,
  outputBytes: small,
  atol: small,
  rtol: small,
  stepGas: small,
  disputeGas: small,
  royaltyBps: small,
});
export type Release = z.infer<typeof releaseSchema>;

export const requestSchema = z.object({
  requester: address,
  nonce: wide,
  releaseId: bytes32,
  inputHash: bytes32,
  fee: wide,
  bond: wide,
  requestedAt: small,
  deadline: small,
  windowSeconds: small,
  operator: address,
  callbackGas: small,
  refundTo: address,
  terms: wide,
  parameters: wide,
});
export type Request = z.infer<typeof requestSchema>;

export const claimSchema = z.object({
  request: requestSchema,
  release: releaseSchema,
  operator: address,
  outputHash: bytes32,
});
export type Claim = z.infer<typeof claimSchema>;

export const nodeSchema = z.object({
  hash: bytes32,
  tensor: z.boolean(),
  height: small,
  instruction: small,
  index: small,
});
export type Node = z.infer<typeof nodeSchema>;

export const offerSchema = z.object({
  feeWei: wide,
  gas: small,
  tipMwei: small,
  gasPercent: small,
  maxBondWei: wide,
});
/** What an operator asks for one answer; see `quoteOf`. */
export type Offer = Readonly<z.infer<typeof offerSchema>>;

/** What a requester asks for; the fee is the value sent along. */
export interface Ask {
  readonly releaseId: Hex;
  readonly nonce: bigint;
  readonly bond: bigint;
  readonly answerSeconds: number;
  readonly windowSeconds: number;
  readonly operator: Hex;
  readonly callbackGas: number;
  readonly refundTo: Hex;
}

export const ZERO_ADDRESS: Hex = `0x${"00".repeat(20)}`;
export const ZERO_HASH: Hex = `0x${"00".repeat(32)}`;

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
/** By character code. */
const DIGIT_VALUES = Uint8Array.from({ length: 256 }, (_, code) => {
  const digit = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(digit) ? 0 : digit;
});

export function toHex(bytes: Uint8Array): Hex {
  let digits = "";
  for (const byte of bytes) digits += DIGITS[byte] ?? "";
  return `0x${digits}`;
}

export function fromHex(value: Hex): Uint8Array {
  return bytesOfDigits(value.slice(2));
}

/** @param digits Hexadecimal, two a byte, without 0x. */
export function bytesOfDigits(digits: string): Uint8Array {
  const bytes = new Uint8Array(digits.length >> 1);
  const digitAt = (i: number): number => DIGIT_VALUES[digits.charCodeAt(i)] ?? 0;
  for (let i = 0; i < bytes.length; i++) bytes[i] = (digitAt(2 * i) << 4) | digitAt(2 * i + 1);
  return bytes;
}

/** Addresses and hashes compare without regard to case. */
export function sameHex(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

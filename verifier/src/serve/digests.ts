/**
 * The digests and signatures of sdk/src/receipts.ts, many a second: encoders are made once, and libsecp256k1 (as WebAssembly) is
 * several times as fast as what wallets use.
 */
import { computeAddress, id, TypedDataEncoder } from "ethers";
import { instantiateSecp256k1 } from "@bitauth/libauth";
import { AssayError } from "../../../sdk/src/error.ts";
import { typedDataOf, type Place, type Signed, type SignedKind } from "../../../sdk/src/receipts.ts";
import { fromHex, toHex, type Hex } from "../../../sdk/src/structs.ts";
import { keccak } from "../fastKeccak.ts";
import { lowerHex } from "../lowerHex.ts";

export interface Digests {
  digestOf<K extends SignedKind>(kind: K, value: Signed[K]): Hex;
}

const curve = await instantiateSecp256k1();
const KINDS: readonly SignedKind[] = ["Order", "Receipt", "Key", "Voucher"];

/** 32 bytes as EIP-712 encodes a field that is no list, text or struct; in hex. */
function wordOf(value: string | number | bigint): string {
  return (typeof value === "string" ? value.slice(2) : value.toString(16)).padStart(64, "0");
}

/** Digests for one place. */
export function createDigests(place: Place): Digests {
  const made = new Map(
    KINDS.map((kind) => {
      const [domain, types] = typedDataOf(place, kind);
      const names = (types[kind] ?? []).map(({ name }) => name);
      const typeHash = id(TypedDataEncoder.from(types).encodeType(kind)).slice(2);
      const prefix = `1901${TypedDataEncoder.hashDomain(domain).slice(2)}`;
      return [kind, { prefix, typeHash, names }] as const;
    }),
  );
  return {
    digestOf(kind, value) {
      const found = made.get(kind);
      if (found === undefined) throw new TypeError(`nothing is signed as ${kind}`);
      const fields: Readonly<Record<string, string | number | bigint>> = { ...value };
      const words = found.names.map((name) => wordOf(fields[name] ?? 0));
      const struct = keccak(Buffer.from(found.typeHash + words.join(""), "hex"));
      const digest = keccak(Buffer.from(found.prefix + Buffer.from(struct).toString("hex"), "hex"));
      return `0x${Buffer.from(digest).toString("hex")}`;
    },
  };
}

/** Public keys by address, lower case: a recovered one is compared without hashing it. */
const keys = new Map<string, string>();
const MOST_KEYS = 10_000;
const HALF_ORDER = fromHex("0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0");

function recovered(digest: Hex, signature: Hex): Uint8Array | undefined {
  const bytes = fromHex(signature);
  const v = bytes[64];
  // As the contracts have it: v is 27 or 28, and s in the lower half, so that no signature has a twin.
  if (bytes.length !== 65 || (v !== 27 && v !== 28)) return undefined;
  if (Buffer.compare(bytes.subarray(32, 64), HALF_ORDER) > 0) return undefined;
  const key = curve.recoverPublicKeyUncompressed(bytes.subarray(0, 64), v === 27 ? 0 : 1, fromHex(digest));
  return typeof key === "string" ? undefined : key;
}

/** @returns who the contracts would find has signed, lower case; undefined: nobody. */
export function signerOf(digest: Hex, signature: Hex): Hex | undefined {
  const key = recovered(digest, signature);
  return key && lowerHex(computeAddress(toHex(key)));
}

/** Whether the contracts would find that `account` signed. */
export function isSignedBy(digest: Hex, signature: Hex, account: Hex): boolean {
  const key = recovered(digest, signature);
  if (key === undefined) return false;
  const name = account.toLowerCase();
  const text = Buffer.from(key).toString("latin1");
  const known = keys.get(name);
  if (known !== undefined) return known === text;
  if (computeAddress(toHex(key)).toLowerCase() !== name) return false;
  if (keys.size >= MOST_KEYS) keys.clear();
  keys.set(name, text);
  return true;
}

/** Signs digests with a key in memory. */
export interface DigestSigner {
  readonly address: Hex;
  /** @returns 65 bytes: r, s, v. */
  sign(digest: Hex): Hex;
}

/** @throws {AssayError} SIGNER_FAILED if it is no key of this curve. */
export function digestSigner(privateKey: Hex): DigestSigner {
  const key = fromHex(privateKey);
  let address: Hex;
  try {
    address = lowerHex(computeAddress(privateKey));
  } catch {
    // The cause may quote the key.
    throw new AssayError("SIGNER_FAILED", "the key for receipts is no private key of this curve");
  }
  return {
    address,
    sign(digest) {
      const signed = curve.signMessageHashRecoverableCompact(key, fromHex(digest));
      if (typeof signed === "string")
        throw new AssayError("SIGNER_FAILED", `a receipt was not signed: ${signed}`);
      return toHex(new Uint8Array([...signed.signature, 27 + signed.recoveryId]));
    },
  };
}

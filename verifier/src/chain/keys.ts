/** Keys live in encrypted JSON keystores (Web3 Secret Storage); neither they nor their passwords are ever logged. */
import { readFileSync, writeFileSync } from "node:fs";
import { randomBytes, scrypt as nativeScrypt } from "node:crypto";
import { getBytes, scrypt, Wallet } from "ethers";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";

const SCRYPT_MAX_BYTES = 2 ** 30;

// On a thread of Node's pool: ethers' own runs for seconds on the event loop.
scrypt.register(
  (password, salt, N, r, p, length) =>
    new Promise((resolve, reject) => {
      const options = { N, r, p, maxmem: SCRYPT_MAX_BYTES };
      nativeScrypt(getBytes(password), getBytes(salt), length, options, (error, key) => {
        if (error === null) resolve(new Uint8Array(key));
        else reject(error);
      });
    }),
);

/** The password in a file, without the end of its line. @throws {AssayError} BAD_KEYSTORE */
export function readPassword(path: string): string {
  return read(path, "password").replace(/\r?\n$/, "");
}

/** @throws {AssayError} BAD_KEYSTORE, without anything of the file's contents or the password. */
export async function openKeystore(keystorePath: string, password: string): Promise<Wallet> {
  const json = read(keystorePath, "keystore");
  try {
    const { privateKey } = await Wallet.fromEncryptedJson(json, password);
    return new Wallet(privateKey);
  } catch {
    // The cause may quote its input.
    throw new AssayError(
      "BAD_KEYSTORE",
      `cannot open ${keystorePath}: wrong password, or not a keystore file`,
    );
  }
}

/** Writes a new random key. @returns its address. @throws {AssayError} BAD_KEYSTORE, as when the file exists. */
export async function createKeystore(keystorePath: string, password: string): Promise<string> {
  return writeKeystore(new Wallet(`0x${randomBytes(32).toString("hex")}`), keystorePath, password);
}

/**
 * Writes a key that exists already.
 * @param keyPath File with the private key in hex; "-": standard input.
 * @returns its address. @throws {AssayError} BAD_KEYSTORE, without anything of the key.
 */
export async function importKeystore(
  keyPath: string,
  keystorePath: string,
  password: string,
): Promise<string> {
  const [, digits] =
    /^\s*(?:0x)?([0-9a-fA-F]{64})\s*$/.exec(read(keyPath === "-" ? 0 : keyPath, "key")) ?? [];
  if (digits === undefined) throw new AssayError("BAD_KEYSTORE", "a private key is 64 hex digits");
  let wallet: Wallet;
  try {
    wallet = new Wallet(`0x${digits}`);
  } catch {
    throw new AssayError("BAD_KEYSTORE", "these 64 hex digits are not a private key of this curve");
  }
  return writeKeystore(wallet, keystorePath, password);
}

async function writeKeystore(wallet: Wallet, keystorePath: string, password: string): Promise<string> {
  if (password.length === 0)
    throw new AssayError("BAD_KEYSTORE", "the password is empty: it would protect nothing");
  const json = await wallet.encrypt(password);
  try {
    writeFileSync(keystorePath, json, { mode: 0o600, flag: "wx" });
  } catch (error) {
    const why = isTaken(error) ? "it exists, and an existing file is never replaced" : messageOf(error);
    throw new AssayError("BAD_KEYSTORE", `cannot write ${keystorePath}: ${why}`);
  }
  return wallet.address;
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EEXIST";
}

function read(path: string | 0, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw new AssayError("BAD_KEYSTORE", `cannot read the ${what} file ${path === 0 ? "-" : path}`);
  }
}

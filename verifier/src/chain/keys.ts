/**
 * Keys live in encrypted JSON keystores (Web3 Secret Storage), their passwords in files or in their owners' heads; neither is ever
 * logged.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { randomBytes, scrypt as nativeScrypt } from "node:crypto";
import { password as prompt } from "@inquirer/prompts";
import { getBytes, scrypt, Wallet } from "ethers";
import { AssayError } from "../../../sdk/src/error.ts";

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

/**
 * @param passwordPath Absent: the password is asked for, if there is a terminal.
 * @throws {AssayError} BAD_KEYSTORE, without anything of the files' contents.
 */
export async function openKeystore(keystorePath: string, passwordPath?: string): Promise<Wallet> {
  const json = read(keystorePath, "keystore");
  const password = await passwordOf(keystorePath, passwordPath);
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
export async function createKeystore(keystorePath: string, passwordPath: string): Promise<string> {
  return writeKeystore(new Wallet(`0x${randomBytes(32).toString("hex")}`), keystorePath, passwordPath);
}

/**
 * Writes a key that exists already.
 * @param keyPath File with the private key in hex; "-": standard input.
 * @returns its address. @throws {AssayError} BAD_KEYSTORE, without anything of the key.
 */
export async function importKeystore(
  keyPath: string,
  keystorePath: string,
  passwordPath: string,
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
  return writeKeystore(wallet, keystorePath, passwordPath);
}

async function passwordOf(keystorePath: string, passwordPath: string | undefined): Promise<string> {
  if (passwordPath !== undefined) return read(passwordPath, "password").replace(/\r?\n$/, "");
  if (!process.stdin.isTTY)
    throw new AssayError("BAD_KEYSTORE", `give --password-file with the password of ${keystorePath}`);
  // Standard output is for what commands print.
  return prompt({ message: `Password of ${keystorePath}`, mask: true }, { output: process.stderr });
}

async function writeKeystore(wallet: Wallet, keystorePath: string, passwordPath: string): Promise<string> {
  const password = read(passwordPath, "password").replace(/\r?\n$/, "");
  if (password.length === 0) throw new AssayError("BAD_KEYSTORE", `the password in ${passwordPath} is empty`);
  try {
    writeFileSync(keystorePath, await wallet.encrypt(password), { mode: 0o600, flag: "wx" });
  } catch {
    throw new AssayError("BAD_KEYSTORE", `cannot write ${keystorePath}; an existing file is never replaced`);
  }
  return wallet.address;
}

function read(path: string | 0, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw new AssayError("BAD_KEYSTORE", `cannot read the ${what} file ${path === 0 ? "-" : path}`);
  }
}

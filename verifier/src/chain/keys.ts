/** Keys live in encrypted JSON keystores (Web3 Secret Storage), their passwords in files; neither is ever logged. */
import { readFileSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { Wallet } from "ethers";
import { AssayError } from "../../../sdk/src/error.ts";

/** @throws {AssayError} BAD_KEYSTORE, without anything of the files' contents. */
export async function openKeystore(keystorePath: string, passwordPath: string): Promise<Wallet> {
  const json = read(keystorePath, "keystore");
  const password = read(passwordPath, "password").replace(/\r?\n$/, "");
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

/** Writes a new random key. Fails if the file exists. @returns its address. */
export async function createKeystore(keystorePath: string, passwordPath: string): Promise<string> {
  const password = read(passwordPath, "password").replace(/\r?\n$/, "");
  if (password.length === 0) throw new AssayError("BAD_KEYSTORE", `the password in ${passwordPath} is empty`);
  const wallet = new Wallet(`0x${randomBytes(32).toString("hex")}`);
  try {
    writeFileSync(keystorePath, await wallet.encrypt(password), { mode: 0o600, flag: "wx" });
  } catch {
    throw new AssayError("BAD_KEYSTORE", `cannot write ${keystorePath}; an existing file is never replaced`);
  }
  return wallet.address;
}

function read(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw new AssayError("BAD_KEYSTORE", `cannot read the ${what} file ${path}`);
  }
}

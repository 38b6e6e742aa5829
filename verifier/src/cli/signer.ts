/** The key that a command signs with. */
import { readFileSync } from "node:fs";
import { getAddress, type Wallet } from "ethers";
import { z } from "zod/v4";
import { AssayError } from "../../../sdk/src/error.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { openKeystore, readPassword } from "../chain/keys.ts";
import type { Config } from "./config.ts";
import { note } from "./output.ts";
import { askPassword, isInteractive } from "./prompt.ts";

const TRIES = 3;

function needKeystore({ keystore, signer }: Config): string {
  if (keystore !== undefined) return keystore;
  throw new AssayError(
    "BAD_CONFIG",
    signer === undefined
      ? "this needs a key: give --keystore (`assay key new` makes one, `assay init` sets everything up)"
      : "this command cannot sign with a remote signer: give --keystore",
  );
}

/** @throws {AssayError} BAD_CONFIG without a key or password, BAD_KEYSTORE. */
export async function openSigner(config: Config): Promise<Wallet> {
  const keystore = needKeystore(config);
  if (config.passwordFile !== undefined) return openKeystore(keystore, readPassword(config.passwordFile));
  if (!isInteractive())
    throw new AssayError(
      "BAD_CONFIG",
      "this needs the key's password: give --password-file, or run it at a terminal to be asked",
    );
  for (let left = TRIES - 1; ; left--) {
    const password = await askPassword(`Password of ${keystore}:`);
    try {
      return await openKeystore(keystore, password);
    } catch (error) {
      if (left === 0) throw error;
      note(error instanceof AssayError ? error.message : String(error));
    }
  }
}

/** Web3 Secret Storage names the account in the clear. */
const keystoreAddress = z.object({ address: z.string().regex(/^(0x)?[0-9a-fA-F]{40}$/) });

function checksummed(address: string): Hex {
  return `0x${getAddress(address.toLowerCase()).slice(2)}`;
}

/** The configured key's account, without its password where the file tells; undefined: no key is configured. */
export async function signerAddress(config: Config): Promise<Hex | undefined> {
  if (config.keystore === undefined) return undefined;
  try {
    const { address } = keystoreAddress.parse(JSON.parse(readFileSync(config.keystore, "utf8")));
    return checksummed(address.replace(/^(0x)?/, "0x"));
  } catch {
    const { address } = await openSigner(config);
    return checksummed(address);
  }
}

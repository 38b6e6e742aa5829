/** The key that a command signs with: in a keystore, or with a remote signer, which comes first if both are configured. */
import { readFileSync } from "node:fs";
import { getAddress, type Wallet } from "ethers";
import { z } from "zod/v4";
import { AssayError } from "../../../sdk/src/error.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { openKeystore, readPassword } from "../chain/keys.ts";
import { remoteSigner } from "../chain/remote.ts";
import { walletSigner, type Signer } from "../chain/signer.ts";
import type { Config } from "./config.ts";
import { note } from "./output.ts";
import { askPassword, isInteractive } from "./prompt.ts";

const TRIES = 3;

function checksummed(address: string): Hex {
  return `0x${getAddress(address.toLowerCase()).slice(2)}`;
}

/** The remote signer's account. */
function accountOf({ account }: Config): Hex {
  if (account !== undefined) return checksummed(account);
  throw new AssayError("BAD_CONFIG", "a remote signer needs --account, the address that it signs for");
}

/**
 * Asks for a keystore's password where no file tells it.
 * @throws {AssayError} BAD_CONFIG without a key or password, BAD_KEYSTORE.
 */
export async function openSigner(config: Config): Promise<Signer> {
  const { signer, keystore } = config;
  if (signer !== undefined) return remoteSigner({ url: signer, address: accountOf(config) });
  if (keystore !== undefined) return walletSigner(await openWallet(keystore, config));
  throw new AssayError(
    "BAD_CONFIG",
    "this needs a key: give --keystore (`assay key new` makes one), or --signer and --account; `assay init` sets everything up",
  );
}

/** @throws {AssayError} BAD_CONFIG without a password, BAD_KEYSTORE. */
export async function openWallet(keystore: string, { passwordFile }: Config): Promise<Wallet> {
  if (passwordFile !== undefined) return openKeystore(keystore, readPassword(passwordFile));
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

/** Whether there is an account of one's own. */
export function hasSigner({ signer, keystore }: Config): boolean {
  return signer !== undefined || keystore !== undefined;
}

/** The configured key's account, without its password where the file tells; undefined: no key is configured. */
export async function signerAddress(config: Config): Promise<Hex | undefined> {
  const { signer, keystore } = config;
  if (signer !== undefined) return accountOf(config);
  if (keystore === undefined) return undefined;
  try {
    const { address } = keystoreAddress.parse(JSON.parse(readFileSync(keystore, "utf8")));
    return checksummed(address.replace(/^(0x)?/, "0x"));
  } catch {
    return checksummed((await openWallet(keystore, config)).address);
  }
}

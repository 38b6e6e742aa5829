/** Accounts of the cast: encrypted key files for those that are processes, stake for all. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encryptKeystoreJson, parseEther, toBeHex, Wallet, type JsonRpcProvider } from "ethers";
import type { Hex } from "../../sdk/src/structs.ts";

const PASSWORD = "simulation";
const PURSE = parseEther("1000");

export interface Account {
  readonly address: Hex;
  readonly wallet: Wallet;
  readonly directory: string;
  readonly keystore: string;
  readonly passwordFile: string;
}

/** A new account with ether and a key file in a folder of its own. */
export async function createAccount(
  name: string,
  parent: string,
  provider: JsonRpcProvider,
): Promise<Account> {
  const wallet = new Wallet(Wallet.createRandom().privateKey, provider);
  const directory = join(parent, name);
  mkdirSync(directory, { recursive: true });
  const [keystore, passwordFile] = [join(directory, "key.json"), join(directory, "password")];
  writeFileSync(passwordFile, PASSWORD);
  // A light key derivation: these keys live for minutes, and a node opens its key at each restart.
  writeFileSync(keystore, await encryptKeystoreJson(wallet, PASSWORD, { scrypt: { N: 1024 } }));
  await provider.send("anvil_setBalance", [wallet.address, toBeHex(PURSE)]);
  return { address: `0x${wallet.address.slice(2)}`, wallet, directory, keystore, passwordFile };
}

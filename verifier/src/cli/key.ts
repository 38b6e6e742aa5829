/** `assay key`: encrypted keystores. */
import type { Command } from "commander";
import { createKeystore, importKeystore } from "../chain/keys.ts";
import { print } from "./output.ts";

interface KeyOptions {
  readonly passwordFile: string;
  readonly json?: boolean;
}

function withPassword(command: Command): Command {
  return command
    .requiredOption("--password-file <file>", "file whose first line is the keystore's password")
    .option("--json", "print JSON");
}

function printKey(address: string, keystore: string, json = false): void {
  print(
    json,
    [
      ["address", address],
      ["keystore", keystore],
    ],
    { address, keystore },
  );
}

export function addKey(program: Command): void {
  const key = program.command("key").description("make encrypted keys; an existing file is never replaced");
  withPassword(key.command("new <keystore>"))
    .description("write a new random key as an encrypted keystore")
    .action(async (keystore: string, { passwordFile, json }: KeyOptions) => {
      printKey(await createKeystore(keystore, passwordFile), keystore, json);
    });
  withPassword(key.command("import <keystore>"))
    .description("write a key that you have as an encrypted keystore")
    .requiredOption("--key-file <file>", 'file with the private key in hex, or "-": standard input')
    .action(async (keystore: string, { passwordFile, keyFile, json }: KeyOptions & { keyFile: string }) => {
      printKey(await importKeystore(keyFile, keystore, passwordFile), keystore, json);
    });
}

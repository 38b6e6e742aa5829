/** `assay key`: encrypted keystores. */
import type { Command } from "commander";
import { createKeystore, importKeystore, readPassword } from "../chain/keys.ts";
import { print } from "./output.ts";
import { askNewPassword } from "./prompt.ts";

interface KeyOptions {
  readonly passwordFile?: string;
  readonly json?: boolean;
}

function withPassword(command: Command): Command {
  return command
    .option(
      "--password-file <file>",
      "file whose first line is the keystore's password (default: asked for at a terminal)",
    )
    .option("--json", "print JSON");
}

function passwordOf({ passwordFile }: KeyOptions): Promise<string> {
  return passwordFile === undefined ? askNewPassword() : Promise.resolve(readPassword(passwordFile));
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
    .addHelpText(
      "after",
      "\nKeep the file and the password: nobody can restore either, and the key is what withdraws the stake.\n\n  $ assay key new ~/.assay/key.json",
    )
    .action(async (keystore: string, options: KeyOptions) => {
      printKey(await createKeystore(keystore, await passwordOf(options)), keystore, options.json);
    });
  withPassword(key.command("import <keystore>"))
    .description("write a key that you have as an encrypted keystore")
    .requiredOption("--key-file <file>", 'file with the private key in hex, or "-": standard input')
    .addHelpText(
      "after",
      "\n  $ assay key import ~/.assay/key.json --key-file secret.hex && shred -u secret.hex",
    )
    .action(async (keystore: string, options: KeyOptions & { keyFile: string }) => {
      const password = await passwordOf(options);
      printKey(await importKeystore(options.keyFile, keystore, password), keystore, options.json);
    });
}

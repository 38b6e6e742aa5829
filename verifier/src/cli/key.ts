/** `assay key`: encrypted keystores. */
import type { Command } from "commander";
import { createKeystore } from "../chain/keys.ts";
import { print } from "./output.ts";

export function addKey(program: Command): void {
  const key = program.command("key").description("make encrypted keys");
  key
    .command("new <file>")
    .description("write a new random key as an encrypted keystore; an existing file is never replaced")
    .requiredOption("--password-file <file>", "file whose first line is the new password")
    .option("--json", "print JSON")
    .action(async (file: string, options: { passwordFile: string; json?: boolean }) => {
      const address = await createKeystore(file, options.passwordFile);
      print(
        options.json ?? false,
        [
          ["address", address],
          ["keystore", file],
        ],
        { address, keystore: file },
      );
    });
}

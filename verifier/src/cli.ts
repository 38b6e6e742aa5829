/** The `assay` command. */
import { Command, CommanderError } from "commander";
import { addFunds } from "./cli/funds.ts";
import { addKey } from "./cli/key.ts";
import { addModel } from "./cli/model.ts";
import { addNode } from "./cli/node.ts";
import { addAnnounce } from "./cli/offers.ts";
import { EXIT, reportError } from "./cli/output.ts";
import { addRequest } from "./cli/request.ts";

const HELP = `
First steps as an operator or verifier:
  $ assay key new key.json --password-file password.txt
  $ assay stake 1 --keystore key.json --password-file password.txt
  $ assay node --keystore key.json --password-file password.txt

With a model:
  $ assay model inspect model.onnx
  $ assay model check model.onnx
  $ assay model publish model.onnx --keystore key.json --password-file password.txt
  $ assay request RELEASE --input input.json --keystore key.json --password-file password.txt

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 failed but may work if tried again, 4 hazards
found (model check).
`;

function build(): Command {
  const program = new Command("assay")
    .description("verifiable ONNX inference: answers under bond, disputes decided by the EVM")
    .showHelpAfterError("(add --help for the options)")
    .exitOverride()
    .addHelpText("after", HELP);
  addNode(program);
  addFunds(program);
  addModel(program);
  addRequest(program);
  addKey(program);
  addAnnounce(program);
  return program;
}

try {
  await build().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
  else process.exitCode = reportError(error);
}
// Providers and loggers keep handles open; all work is done here.
process.exit();

/** The `assay` command. */
import { Command, CommanderError } from "commander";
import { addDeposit } from "./cli/deposit.ts";
import { addDispute } from "./cli/dispute.ts";
import { addDoctor } from "./cli/doctor.ts";
import { addInfer } from "./cli/infer.ts";
import { addInit } from "./cli/init.ts";
import { addKey } from "./cli/key.ts";
import { addModel } from "./cli/model.ts";
import { addNode } from "./cli/node.ts";
import { addAnnounce } from "./cli/offers.ts";
import { EXIT, EXIT_HELP, reportError } from "./cli/output.ts";
import { addReceipt } from "./cli/receipt.ts";
import { addRequest } from "./cli/request.ts";
import { addReserve } from "./cli/reserve.ts";
import { addRoles } from "./cli/roles.ts";
import { addStake } from "./cli/stake.ts";
import { addStatus } from "./cli/status.ts";
import { addVerify } from "./cli/verify.ts";

const HELP = `
First steps as an operator or verifier:
  $ assay init           # asks for endpoint, key and role; writes ~/.assay/config.json
  $ assay stake 1
  $ assay doctor         # everything that could lose the stake, and what to do about it
  $ assay node

As a model's owner:
  $ assay model inspect model.onnx
  $ assay model check model.onnx
  $ assay model publish model.onnx

As anyone:
  $ assay request RELEASE --input input.json
  $ assay verify REQUEST --rpc https://rpc.example.org
  $ assay dispute show ID

As anyone, for answers at once and for little:
  $ assay deposit add OPERATOR 0.01
  $ assay infer RELEASE --input input.json --out receipt.json
  $ assay receipt verify receipt.json

Settings: flags, then the configuration file (--config, $ASSAY_CONFIG, ~/.assay/config.json), then defaults. Passwords
are in a file (--password-file) or asked for at a terminal, never in arguments or the environment.
Commands print data on stdout (one JSON value with --json, large numbers as strings) and everything else on stderr.
${EXIT_HELP}`;

function build(): Command {
  const program = new Command("assay")
    .description("verifiable ONNX inference: answers under bond, disputes decided by the EVM")
    .showHelpAfterError("(add --help for options and examples)")
    .exitOverride()
    .addHelpText("after", HELP);
  program.commandsGroup("To begin:");
  addInit(program);
  addKey(program);
  addStake(program);
  program.commandsGroup("A node:");
  addNode(program);
  addStatus(program);
  addDoctor(program);
  addAnnounce(program);
  program.commandsGroup("Models:");
  addModel(program);
  program.commandsGroup("Answers:");
  addRequest(program);
  addVerify(program);
  addDispute(program);
  program.commandsGroup("Answers over HTTP, with receipts:");
  addInfer(program);
  addDeposit(program);
  addReceipt(program);
  addReserve(program);
  addRoles(program);
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

/** `assay receipt`: checking and challenging answers that were given over HTTP. */
import type { Command } from "commander";
import {
  challengeBond,
  challengeOutcome,
  checkReceipt,
  inputOfReceipt,
  outputOfReceipt,
  type Challenge,
  type ReceiptFinding,
} from "../../../sdk/src/infer/check.ts";
import { audit, type AuditState } from "../../../sdk/src/infer/sample.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import type { ReceiptFile } from "../../../sdk/src/infer/wire.ts";
import { readRelease } from "../../../sdk/src/release.ts";
import { freshKey } from "../chain/outbox/intent.ts";
import { ether } from "../economics/ether.ts";
import { createExchange } from "../http/exchange.ts";
import { checkOutput, type Verdict } from "../inspect/verify.ts";
import { addAnchored } from "./anchored.ts";
import { readReceipt } from "./arguments.ts";
import { withContent } from "./content.ts";
import { EXIT, note, print, type Row } from "./output.ts";
import { terminalProgress } from "./progress.ts";
import { withWorkshop } from "./release.ts";
import { openSender, openSession, withChain } from "./session.ts";
import { exitOf, fastText, outputText, verdictText } from "./verify.ts";

function findingText({ status, found, remedy }: ReceiptFinding): string {
  return `${status === "ok" ? "" : `${status.toUpperCase()}: `}${found}${remedy === undefined ? "" : `; ${remedy}`}`;
}

/** What a receipt says binds nobody, or is about other bytes: its answer is not worth recomputing. */
const FATAL: ReadonlySet<ReceiptFinding["check"]> = new Set([
  "place",
  "release",
  "signature",
  "input",
  "output",
]);

function fatalIn(findings: readonly ReceiptFinding[]): Verdict | undefined {
  const found = findings.find(({ check, status }) => status === "fail" && FATAL.has(check));
  if (found === undefined) return undefined;
  return {
    verdict: "unchecked",
    code: "BAD_RECEIPT",
    reason: `${found.check}: ${found.found}`,
    retryable: false,
  };
}

async function verify(path: string, { json }: { json?: boolean }, command: Command): Promise<void> {
  const file = readReceipt(path);
  const session = await openSession(command);
  const { config, contracts, provider } = session;
  const progress = terminalProgress();
  const first = await progress("reading the chain", () => checkReceipt(contracts, provider, file));
  let [findings, result] = [first, fatalIn(first)];
  if (result === undefined) {
    const record = await readRelease(contracts, provider, file.receipt.releaseId);
    result = await withWorkshop(config, async (workshop) => {
      const judged = await checkOutput(
        inputOfReceipt(file),
        outputOfReceipt(file),
        record,
        workshop,
        progress,
      );
      if (judged.verdict === "unchecked") return judged;
      const { signature } = (await workshop.prepare(record)).model;
      findings = await checkReceipt(contracts, provider, file, { signature });
      return fatalIn(findings) ?? judged;
    });
  }
  const { operator, releaseId } = file.receipt;
  const rows: Row[] = [
    ["operator", operator],
    ["release", releaseId],
    ...findings.map((finding): Row => [finding.check, findingText(finding)]),
    ...("outputs" in result ? result.outputs : []).map((output): Row => [
      `output ${output.name}`,
      outputText(output),
    ]),
    ...("onnxruntime" in result ? ([["onnxruntime", fastText(result)]] satisfies Row[]) : []),
    ["verdict", verdictText(result)],
  ];
  print(json ?? false, rows, { receipt: file.receipt, findings, result });
  process.exitCode = exitOf(result);
}

interface ChallengeFlags {
  readonly deposit?: boolean;
  readonly node?: string;
  readonly json?: boolean;
}

function outcomeText(outcome: Challenge): string {
  if (outcome.begun) return "on trial: the operator answers next";
  return `waits in line as number ${outcome.number}, ${outcome.ahead} ahead of it; it does not expire meanwhile`;
}

/** What a verifier's node does about a receipt that it judged. */
export function challengeText({ challenge, reason }: AuditState): string {
  return reason === undefined ? challenge : `${challenge}: ${reason}`;
}

async function hand(file: ReceiptFile, url: string, json: boolean): Promise<void> {
  const { exchange, close } = createExchange(true);
  try {
    const state = await terminalProgress()("waiting for the node's judgement", () =>
      audit(url, file, { exchange }),
    );
    print(
      json,
      [
        ["judged", state.state],
        ["challenge", challengeText(state)],
      ],
      state,
    );
  } finally {
    close();
  }
}

async function challengeIt(path: string, flags: ChallengeFlags, command: Command): Promise<void> {
  const file = readReceipt(path);
  const json = flags.json ?? false;
  if (flags.node !== undefined) return hand(file, flags.node, json);
  const session = await openSession(command);
  const { contracts, provider } = session;
  const { release } = await readRelease(contracts, provider, file.receipt.releaseId);
  const bond = await challengeBond(contracts, file, release);
  const sender = await openSender(session);
  const { receipts, receiptsVault, deployment } = contracts;
  const { freeWei } = await receiptsVault.accountOf(sender.address);
  const missing = bond > freeWei ? bond - freeWei : 0n;
  if (missing > 0n && flags.deposit !== true)
    throw new AssayError(
      "BAD_CONFIG",
      `the challenge locks ${ether(bond)}, and ${ether(freeWei)} is free in the receipts' vault: --deposit adds ${ether(missing)} from the wallet`,
    );
  note(
    `This locks ${ether(bond)}, which is lost if the answer is right or a clock is missed. The game's moves are played by\na node with this key: assay node --role verifier`,
  );
  if (missing > 0n)
    await sender.send({
      ...{
        key: freshKey("deposit"),
        label: "deposit",
        to: deployment.addresses.receiptsVault,
        value: missing,
      },
      data: receiptsVault.interface.encodeFunctionData("deposit"),
    });
  const sent = await terminalProgress()("waiting for the transaction", () =>
    sender.send({
      ...{ key: freshKey("challenge"), label: "challenge", to: deployment.addresses.receipts },
      data: receipts.interface.encodeFunctionData("challenge", [file.receipt, release, file.signature]),
    }),
  );
  const outcome = await challengeOutcome(contracts, file, sent);
  const rows: Row[] = [
    ["trial", outcome.requestId],
    ["state", outcomeText(outcome)],
    ["bond", ether(bond)],
    ["transaction", sent.hash],
  ];
  print(json, rows, { ...outcome, bondWei: bond, transaction: sent.hash });
}

export function addReceipt(program: Command): void {
  const group = program
    .command("receipt")
    .description("check an answer that was given over HTTP by its receipt, and challenge it");
  withContent(withChain(group.command("verify <file>"), false))
    .description(
      "whether a receipt binds its operator, and whether its answer is right: fetch the model, run it exactly, compare",
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
The file is what \`assay infer --out\` writes. The chain says whose key signed it and what stands behind it; the model is
fetched and lowered again as by \`assay verify\`.

  $ assay receipt verify receipt.json --rpc https://rpc.example.org

Exit code 0: right; ${EXIT.wrong}: wrong; ${EXIT.failed}: it binds nobody, or cannot be checked; ${EXIT.retryable}: the model cannot be had now.`,
    )
    .action(verify);
  withChain(group.command("challenge <file>"), true)
    .description("take a wrong answer to the referee: who is right gets a share of the operator's bond")
    .option("--node <url>", "hand it to a verifier's node, which judges it first and plays the game")
    .option(
      "--deposit",
      "add what is missing of the bond to the receipts' vault, as `assay stake --receipts` does",
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Verify it first: who challenges a right answer loses the bond. The challenge only begins the game; its moves must
come in time, and a node with the same key makes them (\`assay node --role verifier\`). Simplest is to hand the
receipt to your own node: it challenges what is wrong and pays.

  $ assay receipt challenge receipt.json --node http://127.0.0.1:8600
  $ assay receipt challenge receipt.json --deposit`,
    )
    .action(challengeIt);
  addAnchored(group);
}

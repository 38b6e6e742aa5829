/** `assay request` and `assay refund`. */
import { Option, type Command } from "commander";
import { waitForAnswer, type Answer } from "../../../sdk/src/answer.ts";
import { decodeOutput } from "../../../sdk/src/decode.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { readRelease } from "../../../sdk/src/release.ts";
import { findRequest, makeAsk, parseRequested } from "../../../sdk/src/request.ts";
import { toHex, type Hex } from "../../../sdk/src/structs.ts";
import type { Signature } from "../../../sdk/src/tensor.ts";
import { freshKey } from "../chain/outbox/intent.ts";
import { readFile, readInput } from "./arguments.ts";
import { withContent } from "./content.ts";
import { note, print, type Row } from "./output.ts";
import { prepareRelease } from "./release.ts";
import { terminalProgress } from "./progress.ts";
import { addressOf, amountOf, boundedEtherOf, idOf, openSender, openSession, withChain } from "./session.ts";

interface RequestFlags {
  readonly input?: string;
  readonly raw?: string;
  readonly fee: string;
  readonly bond?: string;
  readonly operator?: string;
  readonly answerSeconds: string;
  readonly windowSeconds?: string;
  readonly wait: "no" | "provisional" | "final";
  readonly json?: boolean;
}

function inputOf({ input, raw }: RequestFlags, signature: Signature): Uint8Array {
  if (raw !== undefined) return new Uint8Array(readFile(raw));
  if (input === undefined) throw new AssayError("BAD_CONFIG", "give --input (JSON) or --raw (bytes)");
  return readInput(input, signature);
}

function seconds(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new AssayError("BAD_CONFIG", `seconds are a whole number, not "${text}"`);
}

function printAnswer(json: boolean, rows: readonly Row[], answer: Answer, signature: Signature): void {
  const tensors = Object.fromEntries(
    Object.entries(decodeOutput(signature, answer.output)).map(([name, data]) => [
      name,
      Array.from<number | bigint>(data),
    ]),
  );
  const { resultId, operator, final, endsAt, output } = answer;
  const until = new Date(endsAt * 1000).toISOString();
  print(
    json,
    [
      ...rows,
      ["result", resultId],
      ["operator", operator],
      ["state", final ? "final" : `provisional: may be challenged until ${until}`],
      ...Object.entries(tensors).map(([name, values]): Row => [name, values.join(" ")]),
    ],
    {
      requestId: answer.requestId,
      resultId,
      operator,
      final,
      endsAt,
      output: toHex(output),
      outputs: tensors,
    },
  );
}

/** An error of waiting, with the command that the requester can use next. */
function advised(error: unknown, requestId: Hex): unknown {
  if (!(error instanceof AssayError)) return error;
  const { code, message, retryable, details } = error;
  if (code !== "UNANSWERED" && code !== "OVERTURNED" && code !== "TIMED_OUT") return error;
  const open = code === "TIMED_OUT" || details["state"] === "refunded";
  const advice = `${message}: \`assay ${open ? "verify" : "refund"} ${requestId}\``;
  return new AssayError(code, advice, { retryable, details, cause: error });
}

async function request(id: string, flags: RequestFlags, command: Command): Promise<void> {
  const releaseId = idOf(id, "a release");
  const fee = boundedEtherOf(flags.fee, "--fee");
  const terms = {
    releaseId,
    answerSeconds: seconds(flags.answerSeconds),
    ...(flags.bond === undefined ? {} : { bond: amountOf(flags.bond, "--bond") }),
    ...(flags.windowSeconds === undefined ? {} : { windowSeconds: seconds(flags.windowSeconds) }),
    ...(flags.operator === undefined ? {} : { operator: addressOf(flags.operator) }),
  };
  const session = await openSession(command);
  const { config, contracts, provider } = session;
  const progress = terminalProgress();
  const record = await readRelease(contracts, provider, releaseId);
  const { model } = await prepareRelease(config, record, progress);
  const input = inputOf(flags, model.signature);
  const sender = await openSender(session);
  const ask = await makeAsk(contracts, sender.address, terms);
  const data = contracts.market.interface.encodeFunctionData("request", [ask, input]);
  const to = contracts.deployment.addresses.market;
  const receipt = await sender.send({ key: freshKey("request"), label: "request", to, data, value: fee });
  const handle = parseRequested(contracts, receipt);
  const rows: Row[] = [["request", handle.requestId]];
  if (flags.wait === "no")
    return print(flags.json ?? false, rows, { requestId: handle.requestId, block: handle.block });
  // Whoever ends the waiting needs the id too.
  note(`request ${handle.requestId}`);
  const answer = await progress(`waiting for the ${flags.wait} answer`, () =>
    waitForAnswer(contracts, provider, handle, { final: flags.wait === "final" }),
  ).catch((error: unknown) => {
    throw advised(error, handle.requestId);
  });
  printAnswer(flags.json ?? false, rows, answer, model.signature);
}

async function refund(id: string, { json }: { json?: boolean }, command: Command): Promise<void> {
  const requestId = idOf(id, "a request");
  const session = await openSession(command);
  const { contracts, provider } = session;
  const { market, deployment } = contracts;
  const { request: made } = await findRequest(contracts, provider, requestId);
  const data = market.interface.encodeFunctionData("refund", [made]);
  const sender = await openSender(session);
  const to = deployment.addresses.market;
  const { hash } = await sender.send({ key: freshKey("refund"), label: "refund", to, data });
  const rows: Row[] = [["refunded", `${made.fee} wei to the stake of ${made.refundTo}`]];
  print(json ?? false, rows, {
    requestId,
    feeWei: made.fee,
    refundTo: made.refundTo,
    transaction: hash,
  });
}

export function addRequest(program: Command): void {
  withContent(withChain(program.command("request <release>"), true))
    .description("ask for one inference and wait for the answer")
    .option(
      "--input <file>",
      'JSON such as {"pixels": [0, 12, ...]}: numbers, or strings of digits for 64-bit integers',
    )
    .option("--raw <file>", "the input tensors' bytes instead: little-endian, one after the other")
    .option("--fee <ether>", "paid for the answer, ETH", "0.001")
    .option(
      "--bond <ether>",
      "the operator's bond, what a wrong answer costs it (default: the least that covers a dispute)",
    )
    .option("--operator <address>", "the only account that may answer (default: any)")
    .option("--answer-seconds <n>", "how long answers are accepted, seconds", "600")
    .option("--window-seconds <n>", "challenge window, seconds (default: the shortest)")
    .addOption(
      new Option("--wait <state>", "what to wait for")
        .choices(["no", "provisional", "final"])
        .default("final"),
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
The answer is provisional until its challenge window is over and no dispute is open; then anyone may make it final.
A fee for an answer that does not come, or is overturned, returns: \`assay refund REQUEST\`. Once the request is paid for,
its id is on stderr: should this command end before the answer, \`assay verify REQUEST\` tells what became of it.

  $ echo '{"pixels": [0, 12, 5]}' > input.json
  $ assay request 0x3c5e... --input input.json --fee 0.01
  $ assay request 0x3c5e... --input input.json --wait no --json | jq -r .requestId`,
    )
    .action(request);

  withChain(program.command("refund <request>"), true)
    .description("return the fee of a request that nobody answered in time, or whose answer was overturned")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nAnyone may do this; the fee goes to the stake of the account that the request names.\n\n  $ assay refund 0x5f1c...",
    )
    .action(refund);
}

/** `assay verify`. */
import type { Command } from "commander";
import { chainTime } from "../../../sdk/src/answer.ts";
import { readRelease } from "../../../sdk/src/release.ts";
import { needAuthentic } from "../../../sdk/src/authentic.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { isToldHistory } from "../inspect/history.ts";
import { readHistory, findSubject } from "../inspect/read.ts";
import { verifyAnswer, type Verdict, type Verification } from "../inspect/verify.ts";
import type { ComparedElement, ComparedOutput } from "../inspect/verdict.ts";
import { float32Of } from "../inspect/scalar.ts";
import type { Release } from "../../../sdk/src/structs.ts";
import { EXIT, print, type Row } from "./output.ts";
import { terminalProgress } from "./progress.ts";
import { withContent } from "./content.ts";
import { withWorkshop } from "./release.ts";
import { idOf, openSession, withChain } from "./session.ts";
import { clockText, count, duration, rounded, time } from "../inspect/text.ts";

function stateText({ state, answer, result, games }: Verification, now: number): string {
  if (state === "requested")
    return result.verdict === "unanswered" && result.open
      ? "waiting for an answer"
      : "nobody answered in time: `assay refund` returns the fee";
  if (state === "refunded")
    return answer === undefined ? "unanswered; the fee was refunded" : "overturned; the fee was refunded";
  if (state === "overturned") return "overturned: the referee judged the answer wrong";
  if (state !== "answered" || answer === undefined) return "final: it cannot be overturned any more";
  if (games.length > 0) return `provisional: ${count(games.length, "dispute")} open`;
  if (now < answer.endsAt)
    return `provisional: can be challenged until ${time(answer.endsAt)} (${duration(answer.endsAt - now)} left)`;
  return "provisional: its window is over, and anyone may make it final";
}

function deviationText({ deviation, allowed, canonical }: ComparedElement): string {
  if (!canonical) return "no canonical element";
  if (deviation === undefined) return "not finite";
  return `off by ${rounded(deviation)}, ${rounded(allowed)} allowed`;
}

export function outputText({ elements, differing, wrong, firstWrong, worst }: ComparedOutput): string {
  if (differing === 0) return `${count(elements, "element")}, all bytes equal`;
  const shown = firstWrong ?? worst;
  const example =
    shown === undefined
      ? ""
      : `; ${firstWrong === undefined ? "worst" : "first wrong"} at ${shown.place}: published ${shown.published.text}, exact ${shown.exact.text} (${deviationText(shown)})`;
  return `${wrong} of ${count(elements, "element")} wrong, ${differing} differ${example}`;
}

export function fastText(result: Verdict): string {
  if (!("onnxruntime" in result)) return "not run";
  const { onnxruntime: fast } = result;
  if (!fast.ran) return `did not answer: ${fast.reason}`;
  const agreement = fast.right ? "agrees with the exact interpreter" : "differs from the exact interpreter";
  return `${agreement}; its bytes are ${fast.sameBytes ? "" : "not "}those that were published`;
}

export function verdictText(result: Verdict): string {
  switch (result.verdict) {
    case "right":
      return "RIGHT: every element is what the model makes of this input";
    case "wrong":
      return "WRONG: the model makes something else of this input";
    case "unanswered":
      return "there is no answer to check";
    case "unchecked":
      return `cannot be checked: ${result.code}: ${result.reason}`;
  }
}

function rowsOf(found: Verification, now: number): Row[] {
  const { requestId, releaseId, answer, games, result } = found;
  return [
    ["request", requestId],
    ["release", releaseId],
    ["state", stateText(found, now)],
    ...(answer === undefined
      ? []
      : ([
          ["answered", `${time(answer.answeredAt)} by ${answer.operator}`],
          ["result", answer.resultId],
          ["transaction", answer.transaction],
        ] satisfies Row[])),
    ...games.map((game): Row => ["dispute", clockText(game)]),
    ...("outputs" in result ? result.outputs : []).map((output): Row => [
      `output ${output.name}`,
      outputText(output),
    ]),
    ...("onnxruntime" in result ? ([["onnxruntime", fastText(result)]] satisfies Row[]) : []),
    ["verdict", verdictText(result)],
  ];
}

export function exitOf(result: Verdict): number {
  switch (result.verdict) {
    case "right":
      return 0;
    case "wrong":
      return EXIT.wrong;
    case "unanswered":
      return result.open ? EXIT.retryable : EXIT.failed;
    case "unchecked":
      return result.retryable ? EXIT.retryable : EXIT.failed;
  }
}

function toleranceOf({ atol, rtol }: Release): { atol: number; rtol: number } {
  return { atol: float32Of(atol), rtol: float32Of(rtol) };
}

async function verify(id: string, { json }: { json?: boolean }, command: Command): Promise<void> {
  const given = idOf(id, "a request");
  const session = await openSession(command);
  const { config, contracts, provider } = session;
  const progress = terminalProgress();
  const history = await progress("reading the chain", async (onBlocks) => {
    const place = { contracts, provider, onBlocks };
    return readHistory(place, (await findSubject(place, given)).requestId);
  });
  if (!isToldHistory(history))
    throw new AssayError(
      "BAD_CONFIG",
      "that is a receipt's trial: its input and answer are not on chain. Whoever has the file checks it: assay receipt verify FILE",
    );
  const record = await readRelease(contracts, provider, history.request.request.releaseId);
  needAuthentic(contracts.deployment, history, record);
  const now = await chainTime(session.provider);
  const found = await withWorkshop(config, (workshop) =>
    verifyAnswer(history, record, now, workshop, progress),
  );
  print(json ?? false, rowsOf(found, now), { ...found, ...toleranceOf(record.release) });
  process.exitCode = exitOf(found.result);
}

export function addVerify(program: Command): void {
  withContent(withChain(program.command("verify <request>"), false))
    .description("check any past answer again: fetch its model, run it exactly, compare")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Anyone can do this with an RPC endpoint alone: request, answer and release come from the chain's logs, the model's
file from the addresses that its publisher gave, checked by its hash. The file is lowered again, which must give
the release's program, and the exact interpreter computes the answer; onnxruntime runs beside it for comparison.
An answer is right if every element is within the release's tolerance of the exact value.
The id of a result or of a dispute will do too.

  $ assay verify 0x5f1c... --rpc https://rpc.example.org
  $ assay verify 0x5f1c... --json | jq -r .result.verdict

Exit code 0: right; ${EXIT.wrong}: wrong; ${EXIT.failed}: unanswered, or cannot be checked; ${EXIT.retryable}: not answered yet, or the model cannot be had now.`,
    )
    .action(verify);
}

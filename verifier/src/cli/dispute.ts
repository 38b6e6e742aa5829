/** `assay dispute`: what happened in a dispute, and which there are. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { decodeHeader } from "../../../program/src/decode.ts";
import { chainTime } from "../../../sdk/src/answer.ts";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { digestOfFile } from "../../../sdk/src/infer/store.ts";
import type { ReceiptFile } from "../../../sdk/src/infer/wire.ts";
import { digestOf, placeIn, type Receipt } from "../../../sdk/src/receipts.ts";
import { readRelease } from "../../../sdk/src/release.ts";
import { fromHex, sameHex, type Hex } from "../../../sdk/src/structs.ts";
import type { ReleaseRecord } from "../chain/state.ts";
import { needAuthenticHistory } from "../inspect/authentic.ts";
import { findChallenged } from "../inspect/challenged.ts";
import { disputesIn, idsOf, waitingIn, type DisputeEntry } from "../inspect/disputes.ts";
import {
  historyOf,
  openClocks,
  receiptIn,
  replay,
  waitingAfter,
  type History,
  type HistoryEvent,
} from "../inspect/history.ts";
import { moneyOf } from "../inspect/money.ts";
import { movesOf, spentBy } from "../inspect/moves.ts";
import {
  findSubject,
  readEvents,
  readEverything,
  readHistory,
  readPaid,
  readProven,
} from "../inspect/read.ts";
import type { Place, Subject } from "../inspect/search.ts";
import { operatorOf, type KnownModel } from "../inspect/target.ts";
import { clockText } from "../inspect/text.ts";
import { readReceipt } from "./arguments.ts";
import { withContent } from "./content.ts";
import {
  entryText,
  lineRow,
  moneyRows,
  moveText,
  named,
  outcome,
  parties,
  provenRows,
  receiptOutcome,
  receiptRows,
  type InLine,
} from "./disputeText.ts";
import { printJson, printRows, type Row } from "./output.ts";
import { terminalProgress, type Progress } from "./progress.ts";
import { withWorkshop } from "./release.ts";
import { accountOf, idOf, openSession, withChain, type Session } from "./session.ts";

const ID = /^0x[0-9a-fA-F]{64}$/;

/** @throws {AssayError} BAD_CONFIG, BAD_RECEIPT */
function receiptAt(path: string): ReceiptFile {
  if (existsSync(path)) return readReceipt(path);
  throw new AssayError(
    "BAD_CONFIG",
    `a dispute, result, request or receipt's digest is 0x and 64 hex digits; else name a receipt file: there is no file "${path}"`,
  );
}

/** The lowered model, if its file can be had; why not otherwise. */
async function modelOf(
  { config }: Session,
  record: ReleaseRecord,
  progress: Progress,
): Promise<KnownModel | string> {
  try {
    return await withWorkshop(config, (workshop) =>
      progress("fetching and lowering the model", () => workshop.outline(record)),
    );
  } catch (error) {
    return messageOf(error);
  }
}

/** What an argument names. @throws {AssayError} BAD_CONFIG, BAD_RECEIPT, NOT_FOUND, RPC_FAILED. */
async function subjectOf(place: Place, given: Hex | ReceiptFile): Promise<Subject> {
  if (typeof given === "string") return findSubject(place, given);
  const { chainId, addresses } = place.contracts.deployment;
  if (given.chainId !== chainId || !sameHex(given.receipts, addresses.receipts))
    throw new AssayError(
      "BAD_CONFIG",
      `the receipt is for contract ${given.receipts} on chain ${given.chainId}: use an endpoint and a deployment file of that chain`,
    );
  const digest = digestOfFile(given);
  const found = await findChallenged(place, digest);
  if (found !== undefined) return found;
  throw new AssayError("NOT_FOUND", `nobody has challenged this receipt, whose digest is ${digest}`);
}

/** What the chain tells of a request or receipt and its disputes. */
interface Case extends Subject {
  readonly events: readonly HistoryEvent[];
  /** Undefined of a receipt that has not been on trial yet. */
  readonly history: History | undefined;
  readonly receipt: Receipt | undefined;
  readonly releaseId: Hex;
  readonly line: readonly InLine[];
}

async function readCase(place: Place, given: Hex | ReceiptFile): Promise<Case> {
  const subject = await subjectOf(place, given);
  const events = await readEvents(place, subject.requestId);
  const history = historyOf(events);
  const receipt = receiptIn(events);
  const releaseId = history?.request.request.releaseId ?? receipt?.releaseId;
  if (releaseId === undefined)
    throw new AssayError("NOT_FOUND", `the market has no request ${subject.requestId}`);
  return { ...subject, events, history, receipt, releaseId, line: await readLine(place, events, subject) };
}

/** Places in line of a case's challenges that wait. */
async function readLine(
  { contracts }: Place,
  events: readonly HistoryEvent[],
  { disputeId }: Subject,
): Promise<InLine[]> {
  const waiting = waitingAfter(events);
  const [first] = waiting;
  if (first === undefined) return [];
  const { head } = await contracts.receipts.reserveOf(first.operator);
  return waiting.flatMap((queued) => {
    const { challenger, number, bondWei } = queued;
    const game = idsOf(queued).disputeId;
    if (disputeId !== undefined && !sameHex(game, disputeId)) return [];
    return [{ disputeId: game, challenger, number, ahead: Math.max(0, number - Number(head)), bondWei }];
  });
}

function resultIdIn({ history, events }: Case): Hex | undefined {
  if (history !== undefined) return history.result?.resultId;
  const [queued] = waitingAfter(events);
  return queued && idsOf(queued).resultId;
}

async function show(text: string, { json }: { json?: boolean }, command: Command): Promise<void> {
  const given = ID.test(text) ? idOf(text, "a dispute or result") : receiptAt(text);
  const session = await openSession(command);
  const { contracts, provider } = session;
  const progress = terminalProgress();
  const found = await progress("reading the chain", (onBlocks) =>
    readCase({ contracts, provider, onBlocks }, given),
  );
  const { history, receipt, disputeId, requestId, line } = found;
  const record = await readRelease(contracts, provider, found.releaseId);
  if (history !== undefined) needAuthenticHistory(contracts.deployment, history, record);
  const known = await modelOf(session, record, progress);
  const model = typeof known === "string" ? undefined : known;
  const transactions = found.events.map(({ transaction }) => transaction);
  const receipts = await progress("reading receipts", () => readPaid(provider, transactions));
  const instructions = decodeHeader(fromHex(record.header))?.instructions ?? 0;
  const moves = movesOf(replay(found), { instructions, model, receipts }, disputeId);
  const proven = history && (await readProven({ contracts, provider }, history));
  const money = history && moneyOf(history);
  const now = await chainTime(session.provider);
  const clocks = history === undefined ? [] : openClocks(history, now);
  const resultId = resultIdIn(found);
  const digest = receipt && digestOf(placeIn(contracts.deployment), "Receipt", receipt);
  if (json === true)
    return printJson({
      requestId,
      resultId: resultId ?? null,
      disputeId: disputeId ?? null,
      ...(receipt === undefined ? {} : { receipt: { digest, ...receipt }, line }),
      releaseId: record.releaseId,
      state: history?.request.status ?? "waiting",
      verdict: history?.result?.verdict ?? null,
      moves,
      clocks,
      decidedBy: proven ?? null,
      operatorName: proven === undefined ? null : (operatorOf(model, proven.instruction) ?? null),
      modelUnavailable: typeof known === "string" ? known : null,
      money: money ?? null,
      spent: [...spentBy(moves)].map(([account, spent]) => ({ account, ...spent })),
    });
  const rows: Row[] = [
    ...(digest === undefined
      ? []
      : ([
          ["receipt", digest],
          ["about", "an answer over HTTP: input and output are not on chain"],
        ] satisfies Row[])),
    ["request", requestId],
    ...(resultId === undefined ? [] : ([["result", resultId]] satisfies Row[])),
    ...(disputeId === undefined ? [] : ([["dispute", disputeId]] satisfies Row[])),
    ["release", record.releaseId],
  ];
  const names = history === undefined ? [] : parties(history);
  const issued = receipt === undefined ? [] : receiptRows(receipt);
  // The operator of a receipt is among what it says.
  const others = receipt === undefined ? names : names.filter(([name]) => name !== "operator");
  printRows([...rows, ...issued, ...others]);
  process.stdout.write(`\n${named(moves.map(moveText).join(""), names)}\n`);
  const result = history?.result;
  const undecoded = proven === undefined && (result?.verdict === "step" || result?.verdict === "output");
  const stands =
    receipt !== undefined
      ? receiptOutcome(receipt, result, line.length, now)
      : history === undefined
        ? ""
        : outcome(history, now);
  const end: Row[] = [
    ["outcome", stands],
    ...clocks.map((clock): Row => ["game", clockText(clock)]),
    ...line.map(lineRow),
    ...(proven === undefined ? [] : provenRows(proven, model)),
    ...(undecoded
      ? ([
          [
            "decided at",
            "not to be read: the proof was no direct call of the game, or the endpoint has lost it",
          ],
        ] satisfies Row[])
      : []),
    ...(typeof known === "string" ? ([["model", `operators are not named: ${known}`]] satisfies Row[]) : []),
    ...(money === undefined ? [] : moneyRows(money, moves, history?.request.court ?? "market")),
  ];
  printRows(end.map(([label, value]): Row => [label, named(String(value), names)]));
}

interface ListFlags {
  readonly open?: boolean;
  readonly mine?: boolean;
  readonly address?: string;
  readonly json?: boolean;
}

async function list(flags: ListFlags, command: Command): Promise<void> {
  const session = await openSession(command);
  const { config, contracts, provider } = session;
  const account =
    flags.mine === true || flags.address !== undefined ? await accountOf(config, flags.address) : undefined;
  const progress = terminalProgress();
  const { state } = await progress("reading the chain", (onBlocks) =>
    readEverything({ contracts, provider, onBlocks }),
  );
  const mine = ({ challenger, operator }: DisputeEntry): boolean =>
    account === undefined || sameHex(challenger, account) || sameHex(operator, account);
  const isOpen = ({ outcome }: DisputeEntry): boolean => outcome === "open" || outcome === "waiting";
  const chosen = [...disputesIn(state), ...waitingIn(contracts.deployment, state)].filter(
    (entry) => mine(entry) && (flags.open !== true || isOpen(entry)),
  );
  const now = await chainTime(session.provider);
  const entries = await progress("reading clocks", () => withClocks(session, chosen, now));
  if (flags.json === true) return printJson(entries);
  if (entries.length === 0) process.stdout.write("no such disputes\n");
  for (const entry of entries) process.stdout.write(entryText(entry));
}

/** Open games with their clocks, for which the times of their events are needed. */
async function withClocks(
  { contracts, provider }: Session,
  entries: readonly DisputeEntry[],
  now: number,
): Promise<DisputeEntry[]> {
  const histories = new Map<Hex, History>();
  const out: DisputeEntry[] = [];
  for (const entry of entries) {
    if (entry.outcome !== "open") {
      out.push(entry);
      continue;
    }
    const history =
      histories.get(entry.requestId) ?? (await readHistory({ contracts, provider }, entry.requestId));
    histories.set(entry.requestId, history);
    const clock = openClocks(history, now).find(({ disputeId }) => sameHex(disputeId, entry.disputeId));
    out.push({ ...entry, clock });
  }
  return out;
}

export function addDispute(program: Command): void {
  const dispute = program.command("dispute").description("replay a dispute move by move, or list disputes");
  withContent(withChain(dispute.command("show <id>"), false))
    .description("replay a dispute from the chain: moves, clocks, gas, the number that decided it, the money")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
<id> is a dispute's (one challenger's game), or a result's or request's: then all of its games are shown. Of a
receipt its digest will do too, or its file as \`assay infer --out\` wrote it; if its operator has much on trial,
challenges wait, and their places in line are shown. Every
second counts against one side: the operator from a challenge or a select until its answer, the challenger from
then on. The number that decided a dispute is read from the proof's calldata and computed again from the operands
in it. Operators of the ONNX file are named if the file can be fetched.

  $ assay dispute show 0x77ab...
  $ assay dispute show receipt.json
  $ assay dispute show 0x77ab... --json | jq .decidedBy`,
    )
    .action(show);
  withChain(dispute.command("list"), true)
    .description(
      "disputes on this deployment, of answers and of receipts, newest last; then what waits in line",
    )
    .option("--open", "only those that are not decided")
    .option("--mine", "only those of the configured key, on either side")
    .option("--address <address>", "only those of this account")
    .option("--json", "print JSON")
    .addHelpText("after", "\n  $ assay dispute list --open --mine")
    .action(list);
}

/** `assay dispute`: what happened in a dispute, and which there are. */
import type { Command } from "commander";
import { chainTime } from "../../../sdk/src/answer.ts";
import { decodeHeader } from "../../../program/src/decode.ts";
import { messageOf } from "../../../sdk/src/error.ts";
import { fromHex, sameHex, type Hex } from "../../../sdk/src/structs.ts";
import type { ReleaseRecord } from "../chain/state.ts";
import { needAuthentic } from "../../../sdk/src/authentic.ts";
import { ether } from "../economics/ether.ts";
import { disputesIn, type DisputeEntry } from "../inspect/disputes.ts";
import { openClocks, replay, type GameClock, type History } from "../inspect/history.ts";
import { moneyOf, type Money } from "../inspect/money.ts";
import { movesOf, spentBy, type Move } from "../inspect/moves.ts";
import type { Proven } from "../inspect/proof.ts";
import { findSubject, readHistory, readPaid, readEverything, readProven } from "../inspect/read.ts";
import { operatorOf, type KnownModel } from "../inspect/target.ts";
import { readRelease } from "../../../sdk/src/release.ts";
import { withContent } from "./content.ts";
import { printJson, printRows, type Row } from "./output.ts";
import { withWorkshop } from "./release.ts";
import { terminalProgress, type Progress } from "./progress.ts";
import { accountOf, idOf, openSession, withChain, type Session } from "./session.ts";
import { clockText, count, duration, time } from "../inspect/text.ts";

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

function clocksText(clocks: readonly GameClock[]): string {
  const shown = clocks.map(
    ({ challenger, onMove, operatorLeft, challengerLeft }) =>
      `operator ${duration(operatorLeft)}, challenger ${duration(challengerLeft)}; ${onMove} on the move` +
      (clocks.length > 1 ? ` (${challenger.slice(0, 8)}...)` : ""),
  );
  return shown.length === 0 ? "" : `      clocks left: ${shown.join(" | ")}\n`;
}

/** What a reader calls the accounts of a trial. */
function parties({ request, result }: History): Row[] {
  return [
    ["requester", request.request.requester],
    ...(result === undefined ? [] : ([["operator", result.operator]] satisfies Row[])),
    ...[...(result?.games.values() ?? [])].map(({ challenger, entry }): Row => [
      `challenger ${entry + 1}`,
      challenger,
    ]),
  ];
}

/** Accounts by what they are in the trial. */
function named(text: string, names: readonly Row[]): string {
  return names.reduce((known, [name, account]) => known.replaceAll(String(account), `the ${name}`), text);
}

function moveText(move: Move, i: number): string {
  const { at, text, paid, transaction, clocks } = move;
  const cost =
    paid === undefined || paid.gas === 0 ? "" : ` by ${paid.from}, ${paid.gas} gas, ${ether(paid.feeWei)}`;
  return `${String(i + 1).padStart(3)}.  ${time(at)}  ${text}\n      ${transaction}${cost}\n${clocksText(clocks)}`;
}

function provenRows(proven: Proven, model: KnownModel | undefined): Row[] {
  const name = operatorOf(model, proven.instruction);
  const where = `instruction ${proven.instruction}${name === undefined ? "" : ` (${name})`}`;
  if (proven.kind === "shape")
    return [["decided at", `${where}, element ${proven.element}: ${proven.reason}`]];
  if (proven.kind === "step")
    return [
      [
        "decided at",
        `${where}, element ${proven.element} ${proven.place}, ${proven.exact.dtype}: ${proven.operation}`,
      ],
      ["claimed", `${proven.claimed.text} (bits ${proven.claimed.bits})`],
      [
        "exact",
        `${proven.exact.text} (bits ${proven.exact.bits}), from ${count(proven.operands, "operand element")}`,
      ],
    ];
  return [
    ["decided at", `output ${proven.output}, ${where}, element ${proven.element}, ${proven.exact.dtype}`],
    ["published", `${proven.published.text} (bits ${proven.published.bits})`],
    ["its own trace", `${proven.exact.text} (bits ${proven.exact.bits}), ${proven.allowed} tolerated`],
  ];
}

function moneyRows(money: Money, moves: readonly Move[]): Row[] {
  return [
    ["operator's bond", `${ether(money.bondWei)} of ${money.operator}`],
    ...money.games.map((game): Row => {
      const paid = game.settled
        ? game.forfeitedWei > 0n
          ? `forfeited ${ether(game.forfeitedWei)}`
          : `got back ${ether(game.returnedWei)} and a share of ${ether(game.shareWei)}`
        : `${ether(game.escrowWei)} still locked`;
      return ["challenger", `${game.challenger}: ${paid}`];
    }),
    ["burned", ether(money.burnedWei)],
    ...(money.toOperatorWei > 0n ? ([["to the operator", ether(money.toOperatorWei)]] satisfies Row[]) : []),
    [
      "fee",
      money.refundTo === undefined
        ? `${ether(money.feeWei)}, not refunded`
        : `${ether(money.refundedWei)} refunded to ${money.refundTo}`,
    ],
    ...(money.unsettledWei > 0n ? ([["not settled yet", ether(money.unsettledWei)]] satisfies Row[]) : []),
    ...[...spentBy(moves)].map(([who, { gas, feeWei }]): Row => [
      "gas",
      `${who}: ${gas} gas, ${ether(feeWei)}`,
    ]),
  ];
}

function outcome({ result, request }: History, now: number): string {
  if (result === undefined) return "there is no answer";
  if (result.verdict === "clock") return "the operator lost on time";
  if (result.verdict === "step") return "the operator lost: an element of its trace is wrong";
  if (result.verdict === "output") return "the operator lost: it published something else than its trace";
  if (result.openGames > 0) return `undecided: ${count(result.openGames, "game")} open`;
  if (request.status === "final" || request.status === "delivered") return "the answer stood: it is final";
  return now < result.endsAt
    ? "no game is open; the answer can still be challenged"
    : "the answer stands, not yet made final";
}

async function show(id: string, { json }: { json?: boolean }, command: Command): Promise<void> {
  const given = idOf(id, "a dispute or result");
  const session = await openSession(command);
  const { contracts, provider } = session;
  const progress = terminalProgress();
  const [history, disputeId] = await progress("reading the chain", async (onBlocks) => {
    const place = { contracts, provider, onBlocks };
    const subject = await findSubject(place, given);
    return [await readHistory(place, subject.requestId), subject.disputeId] as const;
  });
  const record = await readRelease(contracts, provider, history.request.request.releaseId);
  needAuthentic(contracts.deployment, history, record);
  const found = await modelOf(session, record, progress);
  const model = typeof found === "string" ? undefined : found;
  const transactions = history.events.map(({ transaction }) => transaction);
  const receipts = await progress("reading receipts", () => readPaid(provider, transactions));
  const instructions = decodeHeader(fromHex(record.header))?.instructions ?? 0;
  const moves = movesOf(replay(history), { instructions, model, receipts }, disputeId);
  const proven = await readProven({ contracts, provider }, history);
  const money = moneyOf(history);
  const now = await chainTime(session.provider);
  const { request, result } = history;
  if (json === true)
    return printJson({
      requestId: request.requestId,
      resultId: result?.resultId ?? null,
      disputeId: disputeId ?? null,
      releaseId: record.releaseId,
      state: request.status,
      verdict: result?.verdict ?? null,
      moves,
      clocks: openClocks(history, now),
      decidedBy: proven ?? null,
      operatorName: proven === undefined ? null : (operatorOf(model, proven.instruction) ?? null),
      modelUnavailable: typeof found === "string" ? found : null,
      money: money ?? null,
      spent: [...spentBy(moves)].map(([account, spent]) => ({ account, ...spent })),
    });
  const rows: Row[] = [
    ["request", request.requestId],
    ...(result === undefined ? [] : ([["result", result.resultId]] satisfies Row[])),
    ...(disputeId === undefined ? [] : ([["dispute", disputeId]] satisfies Row[])),
    ["release", record.releaseId],
  ];
  const names = parties(history);
  printRows([...rows, ...names]);
  process.stdout.write(`\n${named(moves.map(moveText).join(""), names)}\n`);
  const undecoded =
    proven === undefined &&
    result !== undefined &&
    (result.verdict === "step" || result.verdict === "output");
  const end: Row[] = [
    ["outcome", outcome(history, now)],
    ...openClocks(history, now).map((clock): Row => ["game", clockText(clock)]),
    ...(proven === undefined ? [] : provenRows(proven, model)),
    ...(undecoded
      ? ([
          [
            "decided at",
            "not to be read: the proof was no direct call of the game, or the endpoint has lost it",
          ],
        ] satisfies Row[])
      : []),
    ...(typeof found === "string" ? ([["model", `operators are not named: ${found}`]] satisfies Row[]) : []),
    ...(money === undefined ? [] : moneyRows(money, moves)),
  ];
  printRows(end.map(([label, value]): Row => [label, named(String(value), names)]));
}

interface ListFlags {
  readonly open?: boolean;
  readonly mine?: boolean;
  readonly address?: string;
  readonly json?: boolean;
}

function entryText({ disputeId, challenger, operator, outcome: what, clock }: DisputeEntry): string {
  const state = clock === undefined ? what : clockText(clock).replace(/^by \S+: /, `${what}, `);
  return `${disputeId}\n    ${challenger} against ${operator}: ${state}\n`;
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
  const chosen = disputesIn(state).filter(
    (entry) => mine(entry) && (flags.open !== true || entry.outcome === "open"),
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
<id> is a dispute's (one challenger's game), or a result's or request's: then all of its games are shown. Every
second counts against one side: the operator from a challenge or a select until its answer, the challenger from
then on. The number that decided a dispute is read from the proof's calldata and computed again from the operands
in it. Operators of the ONNX file are named if the file can be fetched.

  $ assay dispute show 0x77ab...
  $ assay dispute show 0x77ab... --json | jq .decidedBy`,
    )
    .action(show);
  withChain(dispute.command("list"), true)
    .description("disputes on this deployment, newest last")
    .option("--open", "only those that are not decided")
    .option("--mine", "only those of the configured key, on either side")
    .option("--address <address>", "only those of this account")
    .option("--json", "print JSON")
    .addHelpText("after", "\n  $ assay dispute list --open --mine")
    .action(list);
}

/** A dispute as the lines that `assay dispute` prints. */
import { bondOfClass, RECEIPT_VALIDITY, type Receipt } from "../../../sdk/src/receipts.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import type { Court, ResultRecord } from "../chain/state.ts";
import { ether } from "../economics/ether.ts";
import type { DisputeEntry } from "../inspect/disputes.ts";
import type { GameClock, History } from "../inspect/history.ts";
import type { Money } from "../inspect/money.ts";
import { spentBy, type Move } from "../inspect/moves.ts";
import type { Proven } from "../inspect/proof.ts";
import { operatorOf, type KnownModel } from "../inspect/target.ts";
import { clockText, count, duration, time } from "../inspect/text.ts";
import type { Row } from "./output.ts";

function clocksText(clocks: readonly GameClock[]): string {
  const shown = clocks.map(
    ({ challenger, onMove, operatorLeft, challengerLeft }) =>
      `operator ${duration(operatorLeft)}, challenger ${duration(challengerLeft)}; ${onMove} on the move` +
      (clocks.length > 1 ? ` (${challenger.slice(0, 8)}...)` : ""),
  );
  return shown.length === 0 ? "" : `      clocks left: ${shown.join(" | ")}\n`;
}

/** What a reader calls the accounts of a trial. Nobody asked the chain for a receipt's answer. */
export function parties({ request, result }: History): Row[] {
  return [
    ...(request.court === "receipts" ? [] : ([["requester", request.request.requester]] satisfies Row[])),
    ...(result === undefined ? [] : ([["operator", result.operator]] satisfies Row[])),
    ...[...(result?.games.values() ?? [])].map(({ challenger, entry }): Row => [
      `challenger ${entry + 1}`,
      challenger,
    ]),
  ];
}

/** Accounts by what they are in the trial. */
export function named(text: string, names: readonly Row[]): string {
  return names.reduce((known, [name, account]) => known.replaceAll(String(account), `the ${name}`), text);
}

export function moveText(move: Move, i: number): string {
  const { at, text, paid, transaction, clocks } = move;
  const cost =
    paid === undefined || paid.gas === 0 ? "" : ` by ${paid.from}, ${paid.gas} gas, ${ether(paid.feeWei)}`;
  return `${String(i + 1).padStart(3)}.  ${time(at)}  ${text}\n      ${transaction}${cost}\n${clocksText(clocks)}`;
}

export function provenRows(proven: Proven, model: KnownModel | undefined): Row[] {
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

function feeRows({ feeWei, refundTo, refundedWei }: Money): Row[] {
  return [
    [
      "fee",
      refundTo === undefined
        ? `${ether(feeWei)}, not refunded`
        : `${ether(refundedWei)} refunded to ${refundTo}`,
    ],
  ];
}

/** A receipt's price is none of the court's: vouchers pay it. */
export function moneyRows(money: Money, moves: readonly Move[], court: Court): Row[] {
  return [
    court === "market"
      ? ["operator's bond", `${ether(money.bondWei)} of ${money.operator}`]
      : ["operator's bond", `${ether(money.bondWei)} of the reserve of ${money.operator}`],
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
    ...(court === "market" ? feeRows(money) : []),
    ...(money.unsettledWei > 0n ? ([["not settled yet", ether(money.unsettledWei)]] satisfies Row[]) : []),
    ...[...spentBy(moves)].map(([who, { gas, feeWei }]): Row => [
      "gas",
      `${who}: ${gas} gas, ${ether(feeWei)}`,
    ]),
  ];
}

function verdictText({ verdict }: ResultRecord): string | undefined {
  if (verdict === "clock") return "the operator lost on time";
  if (verdict === "step") return "the operator lost: an element of its trace is wrong";
  if (verdict === "output") return "the operator lost: it published something else than its trace";
  return undefined;
}

export function outcome({ result, request }: History, now: number): string {
  if (result === undefined) return "there is no answer";
  const verdict = verdictText(result);
  if (verdict !== undefined) return verdict;
  if (result.openGames > 0) return `undecided: ${count(result.openGames, "game")} open`;
  if (request.status === "final" || request.status === "delivered") return "the answer stood: it is final";
  return now < result.endsAt
    ? "no game is open; the answer can still be challenged"
    : "the answer stands, not yet made final";
}

/** @param result Undefined: no game has begun. @param waiting Challenges in line. */
export function receiptOutcome(
  { issuedAt }: Receipt,
  result: ResultRecord | undefined,
  waiting: number,
  now: number,
): string {
  const verdict = result && verdictText(result);
  if (verdict !== undefined) return verdict;
  const open = result?.openGames ?? 0;
  if (open > 0) return `undecided: ${count(open, "game")} open`;
  if (waiting > 0) return `undecided: ${count(waiting, "challenge")} waiting for other receipts' trials`;
  return now < issuedAt + RECEIPT_VALIDITY
    ? "no game is open; the receipt can still be challenged"
    : "the receipt stands: it can no longer be challenged";
}

export function receiptRows({ operator, issuedAt, bondClass }: Receipt): Row[] {
  return [
    ["operator", operator],
    ["issued", `${time(issuedAt)}, can be challenged until ${time(issuedAt + RECEIPT_VALIDITY)}`],
    ["bond class", `${bondClass}: ${ether(bondOfClass(bondClass))} of the operator's reserve`],
  ];
}

/** A challenge in an operator's line. */
export interface InLine {
  readonly disputeId: Hex;
  readonly challenger: Hex;
  readonly number: number;
  /** Challenges before it. */
  readonly ahead: number;
  readonly bondWei: bigint;
}

export function lineRow({ challenger, number, ahead, bondWei }: InLine): Row {
  const place = ahead === 0 ? "it is next" : `${ahead} ahead of it`;
  return ["in line", `number ${number}, ${place}: ${ether(bondWei)} locked by ${challenger}`];
}

export function entryText(entry: DisputeEntry): string {
  const { disputeId, challenger, operator, receipt, outcome: what, clock, ahead } = entry;
  const line = ahead === undefined ? what : `${what} in line, ${ahead} ahead of it`;
  const state = clock === undefined ? line : clockText(clock).replace(/^by \S+: /, `${what}, `);
  const about = receipt === undefined ? "" : `, about receipt ${receipt}`;
  return `${disputeId}\n    ${challenger} against ${operator}${about}: ${state}\n`;
}

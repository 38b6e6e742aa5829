/** The closing account: one JSON object. */
import type { DoorFacts } from "./door/facts.ts";
import type { DoorCounts } from "./door/play.ts";
import type { FaultKind } from "./faults.ts";
import type { Facts } from "./facts.ts";
import type { Broken } from "./invariants.ts";
import { isFlat, memoryOf } from "./memory.ts";
import type { Supervised } from "./processes.ts";
import { CRANKS, HONEST } from "./rules.ts";

export interface ReportInput {
  readonly seed: number;
  readonly minutes: number;
  readonly facts: Facts;
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly peerCalls: Readonly<Record<string, number>>;
  readonly happened: Readonly<Record<"kills" | "freezes" | "reorgs" | "deepestReorg" | "asked", number>>;
  readonly doorCounts: DoorCounts;
  readonly processes: readonly Supervised[];
  /** How each process ended, by name. */
  readonly exits: ReadonlyMap<string, string>;
  readonly broken: readonly Broken[];
}

export function brokenByProcesses(
  processes: readonly Supervised[],
  exits: ReadonlyMap<string, string>,
): Broken[] {
  const broken: Broken[] = [];
  for (const { name, lives, crashes, orphans } of processes) {
    for (const what of [...crashes, ...orphans]) broken.push({ invariant: "PROCESS", what });
    const exit = exits.get(name) ?? "never";
    if (exit !== "0") broken.push({ invariant: "PROCESS", what: `told to end, ${name} ended: ${exit}` });
    if (lives.some((life) => !isFlat(life)))
      broken.push({ invariant: "MEMORY", what: `${name} takes more and more memory` });
  }
  return broken;
}

function reportOfDoor({ receipts, games, queued, purses }: DoorFacts, counts: DoorCounts) {
  const wrong = receipts.filter(({ right }) => !right);
  return {
    receiptOrders: counts.orders,
    receiptsBought: receipts.length,
    receiptsWrong: wrong.length,
    receiptsCaught: wrong.filter(({ verdict }) => verdict !== "none").length,
    auditsHanded: receipts.reduce((sum, { taken }) => sum + taken.length, 0),
    receiptDisputes: games.length,
    receiptFrivolous: games.filter(({ challenger }) => CRANKS.some((name) => name === challenger)).length,
    receiptChallengesQueued: queued,
    redeemedWei: purses.reduce((sum, { redeemed }) => sum + redeemed, 0n).toString(),
    clientRestarts: counts.restarts,
    clientAnswersLost: counts.answersLost,
    clientRetries: counts.failures,
  };
}

export function reportOf(input: ReportInput) {
  const { seed, minutes, facts, faults, happened, processes, broken } = input;
  const { requests, games, moves, twice } = facts;
  const answers = requests.flatMap(({ answer, state }) =>
    answer === undefined ? [] : [{ ...answer, state }],
  );
  const lies = answers.filter(({ right }) => !right);
  const count = <T>(items: readonly T[], key: (item: T) => string): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1;
    return counts;
  };
  const total = [...faults.values()].reduce((sum, number) => sum + number, 0);
  return {
    seed,
    minutes,
    requests: happened.asked,
    refused: facts.missing.length,
    answers: answers.length,
    final: answers.filter(({ state }) => state === "final" || state === "delivered").length,
    declined: requests.filter(({ answer, declined }) => answer === undefined && declined).length,
    refunded: requests.filter(({ state }) => state === "refunded").length,
    liesTold: lies.length,
    liesCaught: lies.filter(({ verdict }) => verdict !== "none").length,
    liesBy: count(lies, ({ by }) => by ?? "stranger"),
    verdicts: count(
      answers.filter(({ verdict }) => verdict !== "none"),
      ({ verdict }) => verdict,
    ),
    disputes: games.length,
    frivolous: games.filter(({ challenger }) => CRANKS.some((name) => name === challenger)).length,
    ...reportOfDoor(facts.door, input.doorCounts),
    faultsInjected: total,
    faults: Object.fromEntries([...faults].sort()),
    hostilePeerCalls: input.peerCalls,
    kills: happened.kills,
    freezes: happened.freezes,
    reorgs: happened.reorgs,
    deepestReorg: happened.deepestReorg,
    failedStarts: processes.reduce((sum, { failedStarts }) => sum + failedStarts, 0),
    honestMoves: moves.length,
    honestMovesReverted: moves.filter(({ success }) => !success).length,
    honestMovesTwice: twice.length,
    honestStakeLostWei: [...facts.ledger, ...facts.door.ledger]
      .filter(({ honest }) => honest)
      .reduce((sum, { lost }) => sum + lost, 0n)
      .toString(),
    memoryMiB: processes
      .filter(({ name }) => HONEST.some((honest) => honest === name))
      .map(({ name, lives }) => memoryOf(name, lives)),
    broken: broken.map(({ invariant, what }) => `${invariant}: ${what}`),
    invariantsBroken: broken.length,
  };
}

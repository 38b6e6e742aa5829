/**
 * What goes wrong, and when: drawn from the seed before the play begins.
 *
 * The fault model. Anything may happen to a node and to its endpoints, but not for long: no protocol survives a party that is cut
 * off for longer than its clock. So an endpoint fails for at most {@link LONGEST_OUTAGE} seconds at a time and then works for at
 * least {@link SHORTEST_CALM}; a node is dead or frozen for at most {@link LONGEST_ABSENCE} seconds at a time and then left
 * alone for at least {@link SHORTEST_PRESENCE}; a reorganisation is at most {@link DEEPEST_REORG} blocks deep, and the next
 * comes at least {@link REORG_GAP} seconds later. The chain itself goes on all the time, and its blocks are true: endpoints show an older
 * state of it, nothing, or what is no answer, but they forge no logs.
 */
import type { Rng } from "../../program/src/testing/rng.ts";
import { between, stream } from "./random.ts";
import { ENDPOINTS, HONEST, OPERATORS, VERIFIERS, type HonestName } from "./rules.ts";

export const LONGEST_OUTAGE = 6;
export const SHORTEST_CALM = 2;
export const LONGEST_ABSENCE = 6;
export const SHORTEST_PRESENCE = 30;
export const DEEPEST_REORG = 6;
export const REORG_GAP = 12;

/** No answer, or none that means anything. */
const FAILURES = ["http500", "http429", "rpcError", "dropped", "truncated", "garbage", "stalled"] as const;
/** An answer that is late, old or refused for its size. */
const NUISANCES = ["delayed", "stale", "logRange"] as const;
/** What becomes of a transaction: lost without a word, sent but not answered, sent twice. */
const SENDING = ["swallowed", "answerLost", "duplicated"] as const;

export const FAULTS = [...FAILURES, ...NUISANCES, ...SENDING] as const;
export type FaultKind = (typeof FAULTS)[number];

/** A spell of bad weather at one endpoint. Times are seconds since the play began. */
export interface Spell {
  readonly kind: FaultKind;
  readonly from: number;
  readonly to: number;
  /** Share of the calls that it hits. */
  readonly share: number;
  /** Milliseconds (delayed, at most), blocks behind (stale), most blocks of a query (logRange); else 0. */
  readonly size: number;
}

/** Something that happens to a node's process, or to it and its children. */
export interface Blow {
  readonly node: HonestName;
  /** SIGKILL to the process alone, or to its children too; SIGSTOP and later SIGCONT to all. */
  readonly kind: "kill" | "killAll" | "freeze";
  readonly at: number;
  /** Seconds until it is started again, or goes on. */
  readonly seconds: number;
}

export interface Reorg {
  readonly at: number;
  readonly depth: number;
  /** Other blocks in place of the last ones, or none: the chain is shorter for a while. */
  readonly kind: "replaced" | "shortened";
  /** Share of the honest nodes' transactions that do not come back to the pool. */
  readonly lost: number;
}

export interface Schedule {
  /** Length of the play, seconds. */
  readonly seconds: number;
  /** Of each endpoint of each node. */
  readonly weather: Readonly<Record<HonestName, readonly (readonly Spell[])[]>>;
  readonly blows: readonly Blow[];
  readonly reorgs: readonly Reorg[];
}

function spellAt(rng: Rng, from: number): Spell {
  const group = rng.pick([FAILURES, FAILURES, NUISANCES, NUISANCES, SENDING]);
  const kind: FaultKind = rng.pick<FaultKind>(group);
  // A stalled call costs its caller much more than the spell: its time limit.
  const longest = kind === "stalled" ? 2 : kind === "logRange" ? 3 * LONGEST_OUTAGE : LONGEST_OUTAGE;
  const size =
    kind === "delayed"
      ? rng.int(200, 2500)
      : kind === "stale"
        ? rng.int(1, 6)
        : kind === "logRange"
          ? rng.int(1, 40)
          : 0;
  return { kind, from, to: from + between(rng, 1, longest), share: rng.pick([0.3, 0.6, 1]), size };
}

export function weatherOf(rng: Rng, seconds: number): Spell[] {
  const spells: Spell[] = [];
  for (let at = between(rng, 0, 8); at < seconds;) {
    const spell = spellAt(rng, at);
    spells.push({ ...spell, to: Math.min(spell.to, seconds) });
    at = spell.to + between(rng, SHORTEST_CALM, 4 * SHORTEST_CALM);
  }
  return spells;
}

/** In a long play one node of each role is never killed: its memory is watched. */
export const STEADY_FROM_SECONDS = 15 * 60;
export function steadyNodes(seconds: number): readonly HonestName[] {
  return seconds < STEADY_FROM_SECONDS ? [] : [OPERATORS[1], VERIFIERS[1]];
}

function blowsTo(node: HonestName, rng: Rng, seconds: number): Blow[] {
  const blows: Blow[] = [];
  const steady = steadyNodes(seconds).includes(node);
  for (let at = between(rng, 5, 25); at < seconds;) {
    const kind = steady ? "freeze" : rng.pick(["kill", "kill", "killAll", "freeze"] as const);
    const blow: Blow = { node, kind, at, seconds: between(rng, 0.5, LONGEST_ABSENCE) };
    blows.push(blow);
    at += blow.seconds + between(rng, SHORTEST_PRESENCE, 2 * SHORTEST_PRESENCE);
  }
  return blows;
}

function reorgsIn(rng: Rng, seconds: number): Reorg[] {
  const reorgs: Reorg[] = [];
  for (let at = between(rng, 8, 8 + REORG_GAP); at < seconds; at += between(rng, REORG_GAP, 2 * REORG_GAP))
    reorgs.push({
      at,
      depth: rng.int(1, DEEPEST_REORG),
      kind: rng.pick(["replaced", "shortened"] as const),
      lost: rng.pick([0, 0.3, 1]),
    });
  return reorgs;
}

/** The same seed and length give the same schedule. */
export function scheduleOf(seed: number, seconds: number): Schedule {
  const weather = (node: HonestName): Spell[][] =>
    Array.from({ length: ENDPOINTS }, (_, i) => weatherOf(stream(seed, `weather ${node} ${i}`), seconds));
  return {
    seconds,
    weather: {
      "operator-0": weather("operator-0"),
      "operator-1": weather("operator-1"),
      "verifier-0": weather("verifier-0"),
      "verifier-1": weather("verifier-1"),
    },
    blows: HONEST.flatMap((node) => blowsTo(node, stream(seed, `blows ${node}`), seconds)),
    reorgs: reorgsIn(stream(seed, "reorgs"), seconds),
  };
}

/** Which endpoints to ask, in which order, and how many must agree. */
import type { Logger } from "../../log.ts";
import type { Endpoint } from "./endpoint.ts";

/** The chain's newest block. */
export interface Head {
  readonly number: number;
  /** Unix seconds. */
  readonly timestamp: number;
  /** Wei per gas; 0 before EIP-1559. */
  readonly baseFee: bigint;
  /** What a block holds. */
  readonly gasLimit: number;
}

export interface Roster {
  /** Best first: those that rest come last, and those that are known to be foreign not at all while there are others. */
  order(): Endpoint[];
  /** Endpoints that must agree now on what `label` names. */
  need(label: string): number;
  /** Whether an endpoint gave an answer of any kind. */
  note(label: string, endpoint: Endpoint, able: boolean): void;
  /**
   * Endpoints that do not count and should be given a chance now: where one answer is enough, nobody else would ask them. Each is
   * named once in a while.
   */
  forgotten(label: string): Endpoint[];
  /** What endpoints take for the newest block. */
  noteHeads(heads: ReadonlyMap<Endpoint, Pick<Head, "number" | "timestamp">>): void;
}

/** An endpoint that has failed for so long does not count among those that must agree. */
const GRACE_MS = 30_000;
/** An endpoint whose newest block is this much older than another's, and than now, seconds, is stuck. */
const STUCK_SECONDS = 180;

/** Lower is better. Fixed milliseconds keep tiny differences of latency from deciding. */
function score({ health }: Endpoint): number {
  return (50 + (health.latencyMs() ?? 0)) * (1 + health.streak());
}

/** @param quorum Endpoints that should agree. @param strict They must, even if too few work. */
export function createRoster(
  endpoints: readonly Endpoint[],
  quorum: number,
  strict: boolean,
  log: Logger,
): Roster {
  const stuck = new Set<Endpoint>();
  const short = new Set<string>();
  let favourite: Endpoint | undefined;

  function rests({ health }: Endpoint): boolean {
    return health.restsUntil() > Date.now();
  }

  function counts(label: string, endpoint: Endpoint): boolean {
    const failsSince = endpoint.unable.get(label)?.sinceMs ?? Infinity;
    return !endpoint.isForeign() && !stuck.has(endpoint) && failsSince > Date.now() - GRACE_MS;
  }

  function note(label: string, { unable }: Endpoint, able: boolean): void {
    const now = Date.now();
    if (able) unable.delete(label);
    else unable.set(label, { sinceMs: unable.get(label)?.sinceMs ?? now, triedMs: now });
  }

  return {
    order() {
      const fit = endpoints.filter((endpoint) => !rests(endpoint) && !stuck.has(endpoint));
      fit.sort((a, b) => score(a) - score(b));
      const best = fit[0];
      // Changing without need would mix the answers of servers that are not quite in step.
      const stays = favourite !== undefined && fit.includes(favourite);
      if (!stays || favourite === undefined || (best !== undefined && score(favourite) > 2 * score(best)))
        favourite = best;
      fit.sort((a, b) => Number(b === favourite) - Number(a === favourite));
      const others = endpoints.filter((endpoint) => !fit.includes(endpoint));
      others.sort((a, b) => a.health.restsUntil() - b.health.restsUntil());
      const all = [...fit, ...others];
      const ours = all.filter((endpoint) => !(endpoint.isForeign() && rests(endpoint)));
      return ours.length > 0 ? ours : all;
    },
    need(label) {
      if (strict) return quorum;
      const able = endpoints.filter((endpoint) => counts(label, endpoint)).length;
      const needed = Math.max(1, Math.min(quorum, able));
      if (needed < quorum === short.has(label)) return needed;
      if (short.delete(label)) log.info({ label }, "RPC endpoints are checked against each other again");
      else {
        short.add(label);
        log.warn({ label }, "too few RPC endpoints work to check them against each other");
      }
      return needed;
    },
    note,
    forgotten(label) {
      const due = endpoints.filter(
        (endpoint) =>
          !counts(label, endpoint) &&
          !rests(endpoint) &&
          (endpoint.unable.get(label)?.triedMs ?? Infinity) < Date.now() - GRACE_MS,
      );
      for (const endpoint of due) note(label, endpoint, false);
      return due;
    },
    noteHeads(heads) {
      const newest = Math.max(...[...heads.values()].map(({ timestamp }) => timestamp));
      const now = Date.now() / 1000;
      for (const [endpoint, { number, timestamp }] of heads) {
        endpoint.height = number;
        const late = Math.min(newest, now) - timestamp > STUCK_SECONDS;
        if (late === stuck.has(endpoint)) continue;
        if (late) stuck.add(endpoint);
        else stuck.delete(endpoint);
        log.warn(
          { endpoint: endpoint.name, height: number },
          late ? "an RPC endpoint is stuck" : "an RPC endpoint moves again",
        );
      }
    },
  };
}

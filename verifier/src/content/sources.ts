/** Whom to ask for content: the fast more, those that lied or failed not for a while. */
import type { AssayError, ErrorCode } from "../../../sdk/src/error.ts";

/** A node or gateway that serves /ipfs/{cid}. */
export interface Source {
  /** http(s) URL without a trailing slash. */
  readonly base: string;
  /** Whether this node's owner chose it. */
  readonly trusted: boolean;
}

export interface Sources {
  /** The one that will probably answer first; undefined: none is left. */
  pick(candidates: readonly Source[]): Source | undefined;
  /** @returns what to call with the outcome: bytes, the error, or nothing that says anything of the source. */
  begin(source: Source): (outcome: number | AssayError | undefined) => void;
}

interface Standing {
  asked: number;
  /** Milliseconds a mebibyte, lately. */
  pace: number;
  strikes: number;
  /** Milliseconds. */
  badUntil: number;
}

const MIB = 2 ** 20;
/** Who fails rests for so long, twice as long each time in a row; who lies for the longest time. Whom the owner chose never rests long. */
const REST_MS = 2000;
const TRUSTED_REST_MS = 15_000;
const LONGEST_REST_MS = 3_600_000;
const MAX_REMEMBERED = 1000;
/** New sources are tried soon, but not all before any that works. */
const UNKNOWN_PACE = 100;

/** An honest source's answers to a stranger's address: it does not have that, or it is too large for us. */
export function isBlameless({ code, details }: AssayError): boolean {
  if (code === "CONTENT_TOO_LARGE") return details["declared"] === true;
  return details["status"] === 404 || details["status"] === 410;
}

/** Wrong or endless bytes are nobody's accident. */
function isLie({ code }: AssayError): boolean {
  return code === "CONTENT_MISMATCH" || code === "CONTENT_TOO_LARGE";
}

/** @param onRest Told why a source is not asked for a while. */
export function createSources(onRest: (why: ErrorCode) => void = () => undefined): Sources {
  const standings = new Map<string, Standing>();

  function standingOf({ base }: Source): Standing {
    const known = standings.get(base);
    if (known !== undefined) return known;
    for (const [old, { asked }] of standings) {
      if (standings.size < MAX_REMEMBERED) break;
      if (asked === 0) standings.delete(old);
    }
    const fresh = { asked: 0, pace: UNKNOWN_PACE, strikes: 0, badUntil: 0 };
    standings.set(base, fresh);
    return fresh;
  }

  return {
    pick(candidates) {
      const now = Date.now();
      let best: { readonly source: Source; readonly wait: number } | undefined;
      for (const source of candidates) {
        const { asked, pace, badUntil } = standingOf(source);
        const wait = (asked + 1) * pace;
        if (badUntil <= now && (best === undefined || wait < best.wait)) best = { source, wait };
      }
      return best?.source;
    },

    begin(source) {
      const standing = standingOf(source);
      const start = performance.now();
      standing.asked++;
      return (outcome) => {
        standing.asked--;
        if (typeof outcome === "number") {
          const pace = ((performance.now() - start) * MIB) / Math.max(outcome, MIB / 16);
          standing.pace = (3 * standing.pace + pace) / 4;
          standing.strikes = 0;
        } else if (outcome !== undefined && !isBlameless(outcome)) {
          const now = Date.now();
          const longest = source.trusted ? TRUSTED_REST_MS : LONGEST_REST_MS;
          // Questions that were under way together fail together.
          if (standing.badUntil <= now) standing.strikes++;
          const rest = isLie(outcome) ? longest : REST_MS * 2 ** (standing.strikes - 1);
          standing.badUntil = now + Math.min(rest, longest);
          onRest(outcome.code);
        }
      };
    },
  };
}

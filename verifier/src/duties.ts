/**
 * Runs what the roles find to be due. Roles look at the state and say what should happen, again and again, until the state says
 * that it has: so a crash, a lost transaction or a reorganisation needs no special case.
 */
import { AssayError } from "../../sdk/src/error.ts";
import type { Hex } from "../../sdk/src/structs.ts";
import { errorFields, logError, type Logger } from "./log.ts";
import { codeOfError, kindOfKey } from "./observe/labels.ts";
import { createThrottle, logThrottled } from "./observe/throttle.ts";
import type { DutyProbe } from "./observe/probes.ts";
import { tookLong } from "./compute/patience.ts";
import type { Claims } from "./state/claims.ts";

export interface Duty {
  /** The same duty has the same key each time; it never runs twice at once. */
  readonly key: string;
  /**
   * The request that it is about, or a name for what not every process does, such as redeeming: of processes that share a database,
   * one works on it at a time. Undefined: each does it for itself.
   */
  readonly subject: string | undefined;
  /** Places that it takes, if it computes: such duties take turns, so that processes that share the work get some each. */
  readonly places?: number;
  /** Unix seconds; a failed duty with a deadline is tried again sooner. */
  readonly deadline?: number | undefined;
  /** @param patient It has taken too long for its places, and has one of those for what takes long. */
  readonly run: (patient: boolean) => Promise<void>;
}

export interface Executor {
  /** All duties that are due now. Those that run or rest are left alone. */
  offer(duties: readonly Duty[]): void;
  /** Nothing more will be due for these subjects. */
  retire(subjects: readonly Hex[]): void;
  /** Resolves when nothing runs any more. */
  idle(): Promise<void>;
}

export interface ExecutorOptions {
  readonly log: Logger;
  readonly claims: Pick<Claims, "take" | "give">;
  /** A duty rests this long after it succeeded, while its effect comes back as an event. */
  readonly restMs: number;
  /** Of all duties that run at once, {@link PLACES_PER_WORKER} for each process that computes. */
  readonly places: number;
  /** Of all duties that run patiently. */
  readonly patientPlaces: number;
  readonly probe?: DutyProbe;
  /** Called when a duty has ended or rested, so that duties are looked for again. */
  readonly onChange: () => void;
}

export const PLACES_PER_WORKER = 8;

const FIRST_BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 300_000;
const MAX_URGENT_BACKOFF_MS = 8000;
/** Another process holds the subject: asked again then, in case it died. */
const CLAIMED_MS = 5000;

/** What cannot succeed without a change is hardly tried again; a contract's refusal can end with the next block. */
function pauseAfter(error: unknown, failures: number, urgent: boolean): number {
  const fatal = error instanceof AssayError && !error.retryable && error.code !== "REVERTED";
  if (fatal && !urgent) return MAX_BACKOFF_MS;
  const longest = urgent ? MAX_URGENT_BACKOFF_MS : MAX_BACKOFF_MS;
  return Math.min(longest, FIRST_BACKOFF_MS * 2 ** Math.min(failures, 20));
}

interface Entry {
  duty: Duty;
  /** It computes for so long that it waits for its like only. */
  patient: boolean;
  running: Promise<void> | undefined;
  restsUntil: number;
  failures: number;
}

function fresh(duty: Duty): Entry {
  return { duty, patient: false, running: undefined, restsUntil: 0, failures: 0 };
}

export function createExecutor(options: ExecutorOptions): Executor {
  const { log, claims, restMs, places, patientPlaces, probe, onChange } = options;
  const entries = new Map<string, Entry>();
  const throttle = createThrottle();
  let pumping: Promise<void> | undefined;
  let again = false;

  function rest(entry: Entry, milliseconds: number): void {
    entry.restsUntil = Date.now() + milliseconds;
    if (milliseconds < Infinity) setTimeout(onChange, milliseconds + 1).unref();
  }

  /** @returns whether it has to be done again patiently. */
  async function tookTooLong(entry: Entry): Promise<boolean> {
    const { patient } = entry;
    try {
      await entry.duty.run(patient);
      return false;
    } catch (error) {
      if (patient || entry.duty.places === undefined || !tookLong(error)) throw error;
      log.info({ duty: entry.duty.key }, "takes long: goes on with what takes long");
      return true;
    }
  }

  async function perform(entry: Entry): Promise<void> {
    const { key, deadline, subject } = entry.duty;
    const work = async (): Promise<void> => {
      if (await tookTooLong(entry)) entry.patient = true;
      else rest(entry, restMs);
    };
    try {
      await (probe === undefined ? work() : probe.run(key, work));
      entry.failures = 0;
    } catch (error) {
      if (entry.patient && tookLong(error)) {
        // It would take as long again.
        rest(entry, Infinity);
        log.error({ duty: key, ...errorFields(error) }, "given up: it takes too long on this machine");
        return;
      }
      const pause = pauseAfter(error, entry.failures++, deadline !== undefined);
      rest(entry, pause);
      const cause = `${kindOfKey(key)} ${codeOfError(error)}`;
      const fields = { duty: key, ...errorFields(error), retryInMs: pause };
      // A cause that holds up many duties is told once a minute.
      logThrottled({ log, throttle }, "warn", cause, fields, "duty failed");
      // Another process may do better.
      if (subject !== undefined) await claims.give([subject]).catch(() => undefined);
    } finally {
      entry.running = undefined;
      onChange();
    }
  }

  function ready(): Entry[] {
    const now = Date.now();
    const waiting = [...entries.values()].filter(
      ({ running, restsUntil }) => running === undefined && restsUntil <= now,
    );
    waiting.sort((a, b) => (a.duty.deadline ?? Infinity) - (b.duty.deadline ?? Infinity));
    const running = [...entries.values()].filter((entry) => entry.running !== undefined);
    const [patient, quick] = [
      running.filter((entry) => entry.patient),
      running.filter((entry) => !entry.patient),
    ];
    let left = quick.reduce((free, { duty }) => free - (duty.places ?? 0), places);
    let patientLeft = patientPlaces - patient.length;
    return waiting.filter((entry) => {
      const { places: needed = 0, deadline } = entry.duty;
      if (!entry.patient) return needed === 0 || (left -= needed) >= 0;
      // The last place is kept for what has a deadline.
      return --patientLeft >= (deadline === undefined && patientPlaces > 1 ? 1 : 0);
    });
  }

  async function start(): Promise<void> {
    const waiting = ready();
    const held = await claims.take(waiting.flatMap(({ duty }) => duty.subject ?? []));
    for (const entry of waiting) {
      // It may have ceased to be due meanwhile.
      if (entries.get(entry.duty.key) !== entry || entry.running !== undefined) continue;
      const { subject } = entry.duty;
      if (subject === undefined || held.has(subject)) entry.running = perform(entry);
      else rest(entry, CLAIMED_MS);
    }
  }

  /** One at a time, and once more for what was offered meanwhile. */
  async function pump(): Promise<void> {
    while (again) {
      again = false;
      await start().catch((error: unknown) => {
        logError(log, error, "claiming work failed");
        setTimeout(onChange, FIRST_BACKOFF_MS).unref();
      });
    }
    pumping = undefined;
  }

  return {
    offer(duties) {
      probe?.due(duties);
      const due = new Map(duties.map((duty) => [duty.key, duty]));
      for (const [key, entry] of entries)
        if (!due.has(key) && entry.running === undefined) entries.delete(key);
      for (const [key, duty] of due) {
        const entry = entries.get(key);
        if (entry === undefined) entries.set(key, fresh(duty));
        else if (entry.running === undefined) entry.duty = duty;
      }
      again = true;
      pumping ??= pump();
    },
    retire(subjects) {
      claims.give(subjects).catch((error: unknown) => logError(log, error, "giving back claims failed"));
    },
    async idle() {
      await pumping;
      await Promise.all([...entries.values()].map(async (entry) => entry.running));
    },
  };
}

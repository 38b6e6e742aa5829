/** What the samples of a process's memory say. Pure. */
import { slopeOf } from "./slope.ts";
import type { Life } from "./processes.ts";

export interface MemoryReport {
  readonly name: string;
  /** Of the process's longest life: samples, and MiB at the first one, the last one and at most. */
  readonly samples: number;
  readonly first: number;
  readonly last: number;
  readonly max: number;
  /** MiB per hour over the later half of the samples: the median of the slopes of all pairs. */
  readonly slope: number;
  /** The most that it took together with its children, MiB. */
  readonly maxWithChildren: number;
}

const MIB = 2 ** 20;
export const SAMPLE_SECONDS = 5;
/** Caches and heaps may still fill; a leak that matters to a process that runs for months shows as more than this. */
const FLAT_MIB = 48;
const FLAT_FACTOR = 1.25;
/** Fewer samples say nothing (a quarter of an hour). */
const ENOUGH_SAMPLES = (15 * 60) / SAMPLE_SECONDS;

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export function memoryOf(name: string, lives: readonly Life[]): MemoryReport {
  const own = lives.reduce<readonly number[]>(
    (best, life) => (life.own.length > best.length ? life.own : best),
    [],
  );
  const mib = own.map((bytes) => bytes / MIB);
  const samples = mib.map((value, i) => ({ at: i * SAMPLE_SECONDS, value }));
  const later = samples.slice(Math.floor(mib.length / 2));
  const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0);
  return {
    name,
    samples: mib.length,
    first: round(mib[0] ?? 0),
    last: round(mib.at(-1) ?? 0),
    max: round(most(mib)),
    slope: round(later.length < 2 ? 0 : 3600 * slopeOf(later)),
    maxWithChildren: round(most(lives.flatMap((life) => life.all)) / MIB),
  };
}

/** Whether a long life took no more in its last quarter than in its second: by then all caches have filled. */
export function isFlat({ own }: Pick<Life, "own">): boolean {
  if (own.length < ENOUGH_SAMPLES) return true;
  const quarter = Math.floor(own.length / 4);
  const most = (from: number, to: number): number => own.slice(from, to).reduce((a, b) => Math.max(a, b), 0);
  return most(3 * quarter, own.length) <= FLAT_FACTOR * most(quarter, 2 * quarter) + FLAT_MIB * MIB;
}

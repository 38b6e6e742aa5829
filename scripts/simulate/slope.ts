/** Whether something grows. Pure. */

export interface Sample {
  /** Seconds, from any start. */
  readonly at: number;
  readonly value: number;
}

/** Pairs grow with the square; a day at one sample a minute is thinned to half of that. */
const MAX_SAMPLES = 720;

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper;
}

function thin(samples: readonly Sample[]): readonly Sample[] {
  const step = Math.ceil(samples.length / MAX_SAMPLES);
  return samples.filter((_, i) => i % step === 0);
}

/**
 * The median of the slopes of all pairs (Theil and Sen): a few outliers, such as a garbage collector's saw teeth, do not move it.
 * @returns per second; NaN of fewer than two times.
 */
export function slopeOf(samples: readonly Sample[]): number {
  const slopes: number[] = [];
  const some = thin(samples);
  some.forEach((first, i) => {
    for (const second of some.slice(i + 1))
      if (second.at !== first.at) slopes.push((second.value - first.value) / (second.at - first.at));
  });
  return median(slopes);
}

export interface Growth {
  readonly samples: number;
  readonly median: number;
  readonly max: number;
  readonly perHour: number;
  /** Growth in an hour as a share of the median. */
  readonly share: number;
}

/** @param warmUp Share of the time, from the start, that is left out: caches fill and code is compiled then. Default 0.25. */
export function growthOf(samples: readonly Sample[], warmUp = 0.25): Growth {
  const [first, last] = [samples[0]?.at ?? 0, samples.at(-1)?.at ?? 0];
  const settled = samples.filter(({ at }) => at >= first + warmUp * (last - first));
  const values = settled.map(({ value }) => value);
  const middle = median(values);
  const perHour = 3600 * slopeOf(settled);
  const max = values.reduce((most, value) => Math.max(most, value), -Infinity);
  return { samples: settled.length, median: middle, max, perHour, share: perHour / middle };
}

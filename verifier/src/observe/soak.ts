/** Watches processes and nodes for growth, while something else keeps them busy. */
import { residentBytes } from "../compute/memory.ts";
import { growthOf, type Growth, type Sample } from "./slope.ts";

/** What of /metrics must not grow with time alone. */
const WATCHED = [
  "process_resident_memory_bytes",
  "nodejs_heap_size_used_bytes",
  "nodejs_external_memory_bytes",
  "nodejs_active_resources_total",
  "process_open_fds",
  "assay_compute_memory_bytes",
  "assay_compute_children",
] as const;

/** Values of the series of Prometheus' text format, those of a metric's labels added up. */
export function valuesOf(text: string, names: readonly string[]): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, name, value] = /^([a-zA-Z_:][\w:]*)(?:\{.*\})? (\S+)/.exec(line) ?? [];
    if (name !== undefined && names.includes(name)) values.set(name, (values.get(name) ?? 0) + Number(value));
  }
  return values;
}

export interface Soak {
  /** Looks once. What cannot be read is left out: a process may have ended. */
  sample(): Promise<void>;
  /** By what was watched: "URL metric" or "pid resident memory". */
  growth(): ReadonlyMap<string, Growth>;
}

export interface SoakTargets {
  readonly pids: readonly number[];
  /** Addresses of /metrics. */
  readonly urls: readonly string[];
}

const TIMEOUT_MS = 5000;

/** @param now Seconds, from any start. */
export function createSoak({ pids, urls }: SoakTargets, now = () => performance.now() / 1000): Soak {
  const series = new Map<string, Sample[]>();

  function add(name: string, value: number): void {
    const samples = series.get(name) ?? [];
    series.set(name, samples);
    samples.push({ at: now(), value });
  }

  async function sampleUrl(url: string): Promise<void> {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await response.text();
    for (const [name, value] of valuesOf(text, WATCHED)) add(`${url} ${name}`, value);
  }

  async function samplePid(pid: number): Promise<void> {
    const memory = (await residentBytes([pid])).get(pid);
    if (memory !== undefined) add(`${pid} resident memory`, memory);
  }

  return {
    async sample() {
      await Promise.allSettled([...urls.map(sampleUrl), ...pids.map(samplePid)]);
    },
    growth: () => new Map([...series].map(([name, samples]) => [name, growthOf(samples)])),
  };
}

/**
 * Typed handles over prom-client. A metric must never break or fill the node: values that are no numbers are left out, and a label
 * that takes too many values gets one more, "other". A level is absent, not 0, until it is known.
 */
import { performance } from "node:perf_hooks";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { formatEther } from "ethers";

/** Label names and their values. */
export type Labels = Readonly<Record<string, string>>;

export interface Count {
  inc(by?: number): void;
}
export interface CountBy<L extends Labels> {
  inc(labels: L, by?: number): void;
}
export interface Level {
  set(value: number): void;
}
export interface LevelBy<L extends Labels> {
  set(labels: L, value: number): void;
  /** These are all there is: series that are left out end. */
  replace(series: Iterable<readonly [labels: L, value: number]>): void;
}
export interface Spread {
  observe(value: number): void;
}
export interface SpreadBy<L extends Labels> {
  observe(labels: L, value: number): void;
  /** Observes how many seconds the work takes, however it ends. */
  time<T>(labels: L, work: () => Promise<T>): Promise<T>;
}
/** Amounts become floats of ether, exact to about 16 digits: for people and graphs, not for accounts. */
export interface EtherCount<L extends Labels> {
  addWei(labels: L, wei: bigint): void;
}
export interface EtherLevel {
  setWei(wei: bigint): void;
}
export interface EtherLevelBy<L extends Labels> {
  setWei(labels: L, wei: bigint): void;
}

export interface Definition {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
}

/** Each metric is defined by its name, what it says, and the labels' names. */
export interface Family {
  readonly definitions: readonly Definition[];
  count(name: string, help: string): Count;
  countBy<L extends Labels>(name: string, help: string, ...labels: (keyof L & string)[]): CountBy<L>;
  level(name: string, help: string): Level;
  levelBy<L extends Labels>(name: string, help: string, ...labels: (keyof L & string)[]): LevelBy<L>;
  spread(name: string, help: string, buckets: readonly number[]): Spread;
  spreadBy<L extends Labels>(
    name: string,
    help: string,
    buckets: readonly number[],
    ...labels: (keyof L & string)[]
  ): SpreadBy<L>;
  etherCountBy<L extends Labels>(name: string, help: string, ...labels: (keyof L & string)[]): EtherCount<L>;
  ether(name: string, help: string): EtherLevel;
  etherBy<L extends Labels>(name: string, help: string, ...labels: (keyof L & string)[]): EtherLevelBy<L>;
}

/** Values of one label that get series of their own. */
export const MAX_LABEL_VALUES = 40;
const MAX_VALUE_LENGTH = 64;
export const OTHER = "other";

/** First come, first served; whatever was seen stays. */
function createLimiter(reserved: Readonly<Record<string, readonly string[]>>): (labels: Labels) => Labels {
  const seen = new Map<string, Set<string>>();
  return (labels) =>
    Object.fromEntries(
      Object.entries(labels).map(([label, value]) => {
        const values = seen.get(label) ?? new Set(reserved[label] ?? []);
        seen.set(label, values);
        const short = value.slice(0, MAX_VALUE_LENGTH);
        if (values.size < MAX_LABEL_VALUES) values.add(short);
        return [label, values.has(short) ? short : OTHER];
      }),
    );
}

export function etherOf(wei: bigint): number {
  return Number(formatEther(wei));
}

/** @param reserved Values, by label, that get series of their own whoever comes first. */
export function createFamily(
  registry: Registry,
  reserved: Readonly<Record<string, readonly string[]>> = {},
): Family {
  const definitions: Definition[] = [];

  function define(type: Definition["type"], name: string, help: string, labels: readonly string[]) {
    definitions.push({ name, type, help, labels });
    return { name, help, labelNames: [...labels], registers: [registry] };
  }

  function counterOf(name: string, help: string, labels: readonly string[]) {
    const counter = new Counter(define("counter", name, help, labels));
    const limit = createLimiter(reserved);
    return (values: Labels, by: number): void => {
      if (Number.isFinite(by) && by >= 0) counter.inc(limit(values), by);
    };
  }

  function gaugeOf(name: string, help: string, labels: readonly string[]) {
    const gauge = new Gauge(define("gauge", name, help, labels));
    // prom-client begins at 0; a balance of 0 would be an alarm.
    gauge.reset();
    if (labels.length === 0) gauge.remove({});
    const limit = createLimiter(reserved);
    return {
      gauge,
      set: (values: Labels, value: number): void => gauge.set(limit(values), value),
      add: (values: Labels, value: number): void => gauge.inc(limit(values), value),
    };
  }

  function histogramOf(name: string, help: string, buckets: readonly number[], labels: readonly string[]) {
    const histogram = new Histogram({
      ...define("histogram", name, help, labels),
      buckets: [...buckets],
    });
    const limit = createLimiter(reserved);
    return (values: Labels, value: number): void => {
      if (Number.isFinite(value)) histogram.observe(limit(values), value);
    };
  }

  return {
    definitions,
    count(name, help) {
      const add = counterOf(name, help, []);
      return { inc: (by = 1) => add({}, by) };
    },
    countBy(name, help, ...labels) {
      const add = counterOf(name, help, labels);
      return { inc: (values, by = 1) => add(values, by) };
    },
    level(name, help) {
      const { set } = gaugeOf(name, help, []);
      return { set: (value) => set({}, value) };
    },
    levelBy(name, help, ...labels) {
      const { gauge, set, add } = gaugeOf(name, help, labels);
      return {
        set,
        replace(series) {
          gauge.reset();
          for (const [values, value] of series) add(values, value);
        },
      };
    },
    spread(name, help, buckets) {
      const observe = histogramOf(name, help, buckets, []);
      return { observe: (value) => observe({}, value) };
    },
    spreadBy(name, help, buckets, ...labels) {
      const observe = histogramOf(name, help, buckets, labels);
      return {
        observe,
        async time(values, work) {
          const start = performance.now();
          try {
            return await work();
          } finally {
            observe(values, (performance.now() - start) / 1000);
          }
        },
      };
    },
    etherCountBy(name, help, ...labels) {
      const add = counterOf(name, help, labels);
      return { addWei: (values, wei) => add(values, etherOf(wei)) };
    },
    ether(name, help) {
      const { set } = gaugeOf(name, help, []);
      return { setWei: (wei) => set({}, etherOf(wei)) };
    },
    etherBy(name, help, ...labels) {
      const { set } = gaugeOf(name, help, labels);
      return { setWei: (values, wei) => set(values, etherOf(wei)) };
    },
  };
}

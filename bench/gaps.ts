/** The longest stretch for which the event loop did not turn. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Figure } from "./figure.ts";

/** Milliseconds. */
export interface Gap {
  readonly longest: number;
  /** Of this thread's processor time: other processes that hold the processor do not count. */
  readonly own: number;
}

export interface GapMeter {
  stop(): Gap;
}

export function startGapMeter(): GapMeter {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let own = 0;
  let last = process.threadCpuUsage();
  const timer = setInterval(() => {
    const now = process.threadCpuUsage();
    own = Math.max(own, now.user + now.system - last.user - last.system);
    last = now;
  }, 1);
  delay.enable();
  return {
    stop() {
      delay.disable();
      clearInterval(timer);
      return { longest: delay.max / 1e6, own: own / 1000 };
    },
  };
}

export function gapFigures(name: string, gaps: readonly Gap[]): Figure[] {
  const longest = (of: (gap: Gap) => number): number => Math.max(...gaps.map(of));
  return [
    { name, value: longest((gap) => gap.longest), unit: "ms (longest gap)" },
    { name: `${name}.own`, value: longest((gap) => gap.own), unit: "ms of processor time" },
  ];
}

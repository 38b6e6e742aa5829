/** The longest stretch for which something kept the event loop. */

export interface GapMeter {
  /** Milliseconds of this thread's processor time: other processes that hold the processor do not count. */
  stop(): number;
}

export function startGapMeter(): GapMeter {
  let longest = 0;
  let last = process.threadCpuUsage();
  const timer = setInterval(() => {
    const now = process.threadCpuUsage();
    longest = Math.max(longest, now.user + now.system - last.user - last.system);
    last = now;
  }, 1);
  return {
    stop() {
      clearInterval(timer);
      return longest / 1000;
    },
  };
}

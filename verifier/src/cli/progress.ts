/** How far long work has come: a line on stderr, only at a terminal and only if the work takes a while. */
import bars, { type Options, type Params } from "cli-progress";

/** Told how much of how much is done. */
export type Tick = (done: number, total: number) => void;

/** Shows a label with a bar (once the work says how far it is) or the time passed, until the work ends. */
export type Progress = <T>(label: string, work: (tick: Tick) => Promise<T>) => Promise<T>;

/** Work that ends sooner is not worth a line. */
const QUIET_MS = 300;

function line(
  options: Options,
  { progress, total, value, startTime }: Params,
  { label }: { label: string },
): string {
  const seconds = Math.round((Date.now() - startTime) / 1000);
  const time = seconds < 1 ? "" : ` ${seconds} s`;
  if (total === 0) return `${label} ...${time}`;
  return `${label} ${bars.Format.BarFormat(progress, options)} ${value}/${total}${time}`;
}

export function terminalProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  return async (label, work) => {
    if (!stream.isTTY) return work(() => undefined);
    const bar = new bars.SingleBar({
      stream,
      format: (options, params, payload: { label: string }) => line(options, params, payload),
      barsize: 24,
      hideCursor: true,
      clearOnComplete: true,
      gracefulExit: false,
    });
    const started = Date.now();
    let [done, total] = [0, 0];
    const timer = setTimeout(() => {
      bar.start(total, done, { label });
    }, QUIET_MS);
    try {
      return await work((nowDone, nowTotal) => {
        [done, total] = [nowDone, nowTotal];
        if (Date.now() - started < QUIET_MS) return;
        bar.setTotal(total);
        bar.update(done);
      });
    } finally {
      clearTimeout(timer);
      bar.stop();
    }
  };
}

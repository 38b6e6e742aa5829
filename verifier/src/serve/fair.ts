/** Turns: clients take one each, however many requests each has. */
import { AssayError } from "../../../sdk/src/error.ts";

export interface FairLimits {
  /** Pieces of work that run side by side. */
  readonly atOnce: number;
  /** That wait or run, of one client. */
  readonly each: number;
  /** That wait or run, of all. */
  readonly all: number;
}

export interface Fair {
  /** @throws {AssayError} BUSY if the client, or all together, have too much here already; whatever `work` throws. */
  run<T>(client: string, work: () => Promise<T>): Promise<T>;
  /** That wait or run. */
  readonly open: number;
}

interface Line {
  readonly waiting: (() => void)[];
  open: number;
}

export function createFair({ atOnce, each, all }: FairLimits): Fair {
  /** In the order of their turns. */
  const lines = new Map<string, Line>();
  let open = 0;
  let running = 0;

  /** The next client in turn goes to the end of the line. */
  function next(): (() => void) | undefined {
    for (const [client, line] of lines) {
      const start = line.waiting.shift();
      if (start === undefined) continue;
      lines.delete(client);
      lines.set(client, line);
      return start;
    }
    return undefined;
  }

  function pump(): void {
    while (running < atOnce) {
      const start = next();
      if (start === undefined) return;
      running++;
      start();
    }
  }

  return {
    get open() {
      return open;
    },
    async run(client, work) {
      const line = lines.get(client) ?? { waiting: [], open: 0 };
      if (line.open >= each || open >= all)
        throw new AssayError("BUSY", "too many requests at once: ask again in a moment", { retryable: true });
      lines.set(client, line);
      line.open++;
      open++;
      await new Promise<void>((start) => {
        line.waiting.push(start);
        pump();
      });
      try {
        return await work();
      } finally {
        running--;
        open--;
        if (--line.open === 0) lines.delete(client);
        pump();
      }
    },
  };
}

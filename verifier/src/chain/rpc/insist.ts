/** One question to one endpoint, asked again where the answer fails or is slow: most troubles last for one request only. */
import { EndpointError, type FailureKind } from "./transport.ts";

const TRIES = 3;
/** Before the second try; twice as long before the third. */
const PAUSE_MS = 250;
/** Without an answer for so long, the question is asked once more beside the first. */
export const SLOW_MS = 2000;
const PASSING: ReadonlySet<FailureKind> = new Set(["unreachable", "garbage", "limited", "failed", "behind"]);

function mayPass(error: unknown): boolean {
  return error instanceof EndpointError && PASSING.has(error.kind);
}

/**
 * The first answer that comes, of up to {@link TRIES} tries.
 * @param ask May run twice at a time. @param isLimited Whether the endpoint wants fewer requests now: then slowness is no reason for another.
 * @param onTrouble Called once: the first try has failed or is slow.
 */
export function insist<T>(
  ask: () => Promise<T>,
  isLimited: () => boolean,
  onTrouble: () => void = () => undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let tries = 0;
    /** Tries that run or wait to begin. */
    let open = 0;
    let over = false;
    let troubled = false;

    function trouble(): void {
      if (!troubled) onTrouble();
      troubled = true;
    }

    function begin(afterMs: number): void {
      if (over || tries === TRIES) return;
      tries++;
      open++;
      if (afterMs === 0) void run();
      else setTimeout(() => void run(), afterMs);
    }

    async function run(): Promise<void> {
      if (over) return;
      let asked = false;
      const again = (afterMs: number): void => {
        if (!asked) begin(afterMs);
        asked = true;
      };
      const pauseMs = PAUSE_MS * 2 ** (tries - 1);
      const slow = setInterval(() => {
        trouble();
        if (!isLimited()) again(0);
      }, SLOW_MS);
      try {
        const answer = await ask();
        over = true;
        resolve(answer);
      } catch (error) {
        open--;
        if (mayPass(error)) {
          trouble();
          again(pauseMs);
        } else over = true;
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as it came
        if (over || open === 0) reject(error);
      } finally {
        clearInterval(slow);
      }
    }
    begin(0);
  });
}

/** Stands between a node and its endpoint, counts what the node asks, and tells when a chosen point has come. */
import { forwarder, onLatest, serveRpc } from "../../scripts/simulate/rpc.ts";

export const SEND = "eth_sendRawTransaction";

/** A point in what a node does. */
export interface KillPoint {
  /** Transactions that the node has tried to send by then; for a transaction itself: those before it. */
  readonly sends: number;
  /** The first call of this method since: one of the node's to its endpoint, or one to the node, "POST /path". */
  readonly method: string;
  /**
   * Before whoever is called hears of the call, or after it has answered and before the caller hears of that. A transaction then is
   * mined while the node is dead, or still pending when it is back.
   */
  readonly phase: "before" | "after" | "pending";
}

export function pointText({ sends, method, phase }: KillPoint): string {
  const call = method === SEND ? `transaction ${sends + 1}` : `${method} after ${sends} transactions`;
  return `${phase} ${call}`;
}

export interface Interposer {
  readonly url: string;
  /** Every point that has come so far, in order: methods by how many transactions had been sent. */
  readonly seen: readonly Pick<KillPoint, "sends" | "method">[];
  /** Whether the chosen point has come. */
  readonly fired: boolean;
  /** Transactions that have been tried to send so far, in all lives of the node. */
  readonly sends: number;
  /** Points come and are counted from here on. */
  begin(): void;
  /** A call to the node, which is a point like those by it. Rejects if the node is killed then. */
  through<T>(method: string, call: () => Promise<T>): Promise<T>;
  readonly close: () => Promise<void>;
}

/**
 * @param target The chain's own endpoint.
 * @param point Where `strike` is called, once; the call gets no answer then.
 */
export async function interpose(
  target: string,
  point: KillPoint | undefined,
  strike: () => void,
): Promise<Interposer> {
  const { forward, close } = forwarder(target);
  const seen: { sends: number; method: string }[] = [];
  const known = new Set<string>();
  let sends = 0;
  let [begun, fired] = [false, false];

  /** Whether this is the chosen point's call. */
  function isPoint(method: string): boolean {
    if (!begun) return false;
    const key = `${sends} ${method}`;
    const isFirst = !known.has(key);
    known.add(key);
    if (isFirst) seen.push({ sends, method });
    if (method === SEND) sends++;
    return isFirst && !fired && key === `${point?.sends ?? ""} ${point?.method ?? ""}`;
  }

  const server = await serveRpc(async (call, response) => {
    const hit = isPoint(call.method);
    if (hit) fired = true;
    const strikes = hit && point?.phase === "before";
    const reply = strikes ? undefined : await forward(onLatest(call));
    if (!hit) return reply;
    strike();
    response.destroy();
    return undefined;
  });
  return {
    url: server.url,
    seen,
    get fired() {
      return fired;
    },
    get sends() {
      return sends;
    },
    begin: () => void (begun = true),
    async through(method, call) {
      if (!isPoint(method)) return call();
      fired = true;
      // Whatever came of it: the caller hears nothing.
      const answered = call().catch(() => undefined);
      if (point?.phase === "after") await answered;
      strike();
      throw new Error("the node was killed");
    },
    close: async () => {
      close();
      await server.close();
    },
  };
}

/** Stands between a node and its endpoint, counts what the node asks, and tells when a chosen point has come. */
import { forwarder, onLatest, serveRpc } from "../../scripts/simulate/rpc.ts";

const SEND = "eth_sendRawTransaction";

/** A point in a node's conversation with its endpoint. */
export interface KillPoint {
  /** Transactions that the node has tried to send by then; for a transaction itself: those before it. */
  readonly sends: number;
  /** The first call of this method since. */
  readonly method: string;
  /**
   * Before the chain hears of the call, or after it has answered and before the node hears of that. A transaction then is mined while
   * the node is dead, or still pending when it is back.
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
  let fired = false;

  /** Whether this is the chosen point's call. */
  function isPoint(method: string): boolean {
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
    close: async () => {
      close();
      await server.close();
    },
  };
}

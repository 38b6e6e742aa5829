/** JSON-RPC over a WebSocket, which is opened by the first request and again after it was lost. */
import { splitCredentials } from "./http.ts";
import { answerOf, EndpointError, isObject, parseJson, type RpcAnswer, type Transport } from "./transport.ts";

interface Pending {
  readonly resolve: (answer: RpcAnswer) => void;
  readonly reject: (error: EndpointError) => void;
}

/** @param maxBytes Of one message. @param onLost The connection has ended; the next request opens another. */
export function socketTransport(url: string, maxBytes: number, onLost: () => void): Transport {
  const { target, headers } = splitCredentials(url);
  const pending = new Map<number, Pending>();
  let lastId = 0;
  let opening: Promise<WebSocket> | undefined;
  let socket: WebSocket | undefined;
  let heard = 0;
  let subscription: { id: unknown; onHead: (header: unknown) => void } | undefined;
  let closed = false;

  function lose(lost: WebSocket, error: EndpointError): void {
    lost.close();
    if (socket !== lost) return;
    socket = opening = subscription = undefined;
    const waiting = [...pending.values()];
    pending.clear();
    for (const { reject } of waiting) reject(error);
    onLost();
  }

  function hear(from: WebSocket, data: unknown): void {
    heard++;
    if (typeof data !== "string" || data.length > maxBytes)
      return lose(from, new EndpointError("garbage", "a message that is too long, or not text"));
    let message: unknown;
    try {
      message = parseJson(data);
    } catch {
      return lose(from, new EndpointError("garbage", "a message that is not JSON"));
    }
    if (!isObject(message)) return;
    const { id, params } = message;
    if (typeof id === "number") {
      const answer = answerOf(message, id);
      const asked = pending.get(id);
      pending.delete(id);
      if (answer === undefined) asked?.reject(new EndpointError("garbage", "the answer is not JSON-RPC"));
      else asked?.resolve(answer);
    } else if (subscription !== undefined && isObject(params) && params["subscription"] === subscription.id)
      subscription.onHead(params["result"]);
  }

  function open(timeoutMs: number): Promise<WebSocket> {
    if (closed) return Promise.reject(new EndpointError("unreachable", "closed"));
    opening ??= new Promise<WebSocket>((resolve, reject) => {
      const made = new WebSocket(target, { headers });
      socket = made;
      const timer = setTimeout(() => fail(new EndpointError("timeout", "no connection in time")), timeoutMs);
      function fail(error: EndpointError): void {
        clearTimeout(timer);
        lose(made, error);
        reject(error);
      }
      made.addEventListener("open", () => {
        clearTimeout(timer);
        resolve(made);
      });
      made.addEventListener("message", ({ data }: { readonly data: unknown }) => hear(made, data));
      made.addEventListener("error", () => fail(new EndpointError("unreachable", "connection failed")));
      made.addEventListener("close", () => fail(new EndpointError("unreachable", "connection lost")));
    });
    return opening;
  }

  async function request(method: string, params: readonly unknown[], timeoutMs: number): Promise<RpcAnswer> {
    const at = await open(timeoutMs);
    const id = ++lastId;
    return new Promise((resolve, reject) => {
      const before = heard;
      const timer = setTimeout(() => {
        pending.delete(id);
        const error = new EndpointError("timeout", "no answer in time");
        reject(error);
        // A connection on which nothing comes any more does not always say that it is dead.
        if (heard === before) lose(at, error);
      }, timeoutMs);
      pending.set(id, {
        resolve(answer) {
          clearTimeout(timer);
          resolve(answer);
        },
        reject(error) {
          clearTimeout(timer);
          reject(error);
        },
      });
      at.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  return {
    request,
    async subscribe(onHead, timeoutMs) {
      if (subscription !== undefined) return;
      const answer = await request("eth_subscribe", ["newHeads"], timeoutMs);
      if ("error" in answer) throw new EndpointError("unsupported", "no subscription to new heads");
      subscription = { id: answer.result, onHead };
    },
    close() {
      closed = true;
      if (socket !== undefined) lose(socket, new EndpointError("unreachable", "closed"));
    },
  };
}

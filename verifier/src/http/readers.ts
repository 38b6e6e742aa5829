/** Cuts off readers that hold an answer open without taking it. */
import type { ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";

/** Bytes of a connection that have left this process. */
function taken({ socket }: ServerResponse): number {
  return socket === null ? 0 : socket.bytesWritten - socket.writableLength;
}

/** @returns a function that ends the watch. */
export function watchReaders(
  app: FastifyInstance,
  { readerMs, readerBytes }: { readonly readerMs: number; readonly readerBytes: number },
): () => void {
  /** Answers under way, and the bytes taken when they were last looked at. */
  const open = new Map<ServerResponse, number>();
  app.addHook("onSend", async (_request, { raw }) => {
    await Promise.resolve();
    open.set(raw, -1);
    raw.once("close", () => open.delete(raw));
  });
  const timer = setInterval(() => {
    for (const [response, before] of open) {
      const now = taken(response);
      // The first look may come right after the beginning.
      if (before >= 0 && now - before < readerBytes) response.destroy();
      else open.set(response, now);
    }
  }, readerMs);
  timer.unref();
  return () => clearInterval(timer);
}

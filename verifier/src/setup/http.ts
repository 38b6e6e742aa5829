/** The address of a node's HTTP server, and what answers there. */
import { createServer } from "node:net";
import { z } from "zod/v4";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";

export interface HttpAddress {
  readonly host: string;
  readonly port: number;
}

/** @returns undefined for "off". @throws {AssayError} BAD_CONFIG */
export function httpAddress(text: string): HttpAddress | undefined {
  if (text === "off") return undefined;
  const [, host, port] = /^(.+):([0-9]{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) > 65535)
    throw new AssayError("BAD_CONFIG", `the HTTP address is host:port or "off", not "${text}"`);
  return { host: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
}

const ANY = new Set(["0.0.0.0", "::"]);
const HEALTH_LIMIT_MS = 3000;
const MAX_HEALTH_CHARACTERS = 65_536;

const healthSchema = z.object({
  ready: z.boolean(),
  address: z.string().optional(),
  chainId: z.number().optional(),
  block: z.number().nullish(),
  roles: z.array(z.string()).optional(),
});

export type NodeHealth = z.infer<typeof healthSchema>;

/** A body's first characters; whatever answers there may never end. */
async function beginning(response: Response, most: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  const body: AsyncIterable<Uint8Array> | null = response.body;
  for await (const part of body ?? []) {
    text += decoder.decode(part, { stream: true });
    if (text.length > most) break;
  }
  return text;
}

/** What a node's /health says. @returns undefined if nothing answers; a text if what answers is no node. */
export async function askHealth({ host, port }: HttpAddress): Promise<NodeHealth | string | undefined> {
  const name = ANY.has(host) ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  let text: string;
  try {
    const response = await fetch(`http://${name}:${port}/health`, {
      signal: AbortSignal.timeout(HEALTH_LIMIT_MS),
      redirect: "error",
    });
    text = await beginning(response, MAX_HEALTH_CHARACTERS);
  } catch (error) {
    const cause: unknown = error instanceof Error ? error.cause : undefined;
    const refused = cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED";
    return refused ? undefined : messageOf(cause ?? error);
  }
  try {
    return healthSchema.parse(JSON.parse(text));
  } catch {
    return "what answers there is no assay node";
  }
}

/** @returns undefined if a server could listen there; otherwise why not. */
export function whyNotFree({ host, port }: HttpAddress): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(messageOf(error)));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

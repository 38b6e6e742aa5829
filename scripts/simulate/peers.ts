/** Peers that serve anything but the file that they are asked for: listed as mirrors, and announced on chain as its places. */
import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import { serve } from "../serve.ts";

const BEHAVIOURS = ["wrong", "endless", "drip", "silent", "redirect", "short"] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

export interface HostilePeers {
  readonly url: (behaviour: Behaviour) => string;
  readonly urls: readonly string[];
  /** Calls so far, by behaviour. */
  readonly calls: Readonly<Record<Behaviour, number>>;
  readonly close: () => Promise<void>;
}

const BLOCK = randomBytes(65_536);

/** More of it as long as somebody reads. */
function pour(response: ServerResponse): void {
  while (!response.destroyed && response.write(BLOCK));
  if (!response.destroyed) response.once("drain", () => pour(response));
}

function misbehave(behaviour: Behaviour, response: ServerResponse): void {
  switch (behaviour) {
    case "wrong":
      return void response.end(randomBytes(4096));
    case "endless":
      return pour(response);
    case "drip": {
      const timer = setInterval(() => response.write(randomBytes(1)), 1000);
      response.on("close", () => clearInterval(timer));
      return;
    }
    case "silent":
      return;
    case "redirect":
      return void response.writeHead(302, { location: "/endless" }).end();
    case "short":
      response.writeHead(200, { "content-length": 1_000_000 });
      response.write(randomBytes(1000));
      setTimeout(() => response.destroy(), 100);
  }
}

export async function startHostilePeers(): Promise<HostilePeers> {
  const calls = { wrong: 0, endless: 0, drip: 0, silent: 0, redirect: 0, short: 0 };
  const server = await serve((request, response) => {
    const behaviour = BEHAVIOURS.find((name) => request.url?.startsWith(`/${name}`)) ?? "wrong";
    calls[behaviour]++;
    misbehave(behaviour, response);
  });
  const url = (behaviour: Behaviour): string => `${server.url}/${behaviour}`;
  return { url, urls: BEHAVIOURS.map(url), calls, close: server.close };
}

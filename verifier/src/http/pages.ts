/** The explorer's static files, where they have been built (`npm run explorer`). */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import fastifyStatic from "@fastify/static";
import type { Routes } from "./server.ts";

const BUILT = resolve(import.meta.dirname, "..", "..", "..", "explorer", "dist");

/** Names under assets/ have their contents' hash in them. */
const LASTING = /[\\/]assets[\\/]/;

/** @returns undefined if they have not been built. */
export function explorerPages(directory = BUILT): Routes | undefined {
  if (!existsSync(join(directory, "index.html"))) return undefined;
  return (app) => {
    void app.register(fastifyStatic, {
      root: directory,
      cacheControl: false,
      dotfiles: "ignore",
      setHeaders(reply, path) {
        const lasting = LASTING.test(path);
        void reply.headers({
          "cache-control": lasting ? "public, max-age=31536000, immutable" : "no-cache",
          "x-content-type-options": "nosniff",
          "referrer-policy": "no-referrer",
          // A page that sends transactions is in nobody's frame.
          "content-security-policy": "frame-ancestors 'none'",
        });
      },
    });
  };
}

/** Any web server: serves the static build under a path of its own. */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { extname, join, resolve, sep } from "node:path";
import { freePort } from "../../scripts/anvil.ts";
import { ROOT } from "./stage.ts";

const BUILT = join(ROOT, "explorer", "dist");
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

/** @param prefix Begins and ends with a slash. */
export async function serveStatic(prefix: string): Promise<{ url: string; server: Server }> {
  const server = createServer(({ url = "" }, response) => {
    const path = resolve(BUILT, `.${(url.split("?")[0] ?? "").slice(prefix.length - 1)}`);
    const file = path === BUILT ? join(BUILT, "index.html") : path;
    const found = url.startsWith(prefix) && file.startsWith(BUILT + sep) && existsSync(file);
    response.writeHead(found ? 200 : 404, { "content-type": TYPES[extname(file)] ?? "text/plain" });
    response.end(found ? readFileSync(file) : "");
  });
  const port = await freePort();
  await new Promise<void>((ready) => server.listen(port, "127.0.0.1", ready));
  return { url: `http://127.0.0.1:${port}${prefix}`, server };
}

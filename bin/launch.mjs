// How Node runs the TypeScript sources as they are: it strips the types itself (https://nodejs.org/api/typescript.html).
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

export const FLAGS = [
  // MiB. By itself V8 lets young objects take 100 MiB before it looks which of them are still needed.
  "--max-semi-space-size=8",
  // Percent more than is still needed, of old objects. By itself V8 lets them grow to four times that.
  "--heap-growing-percent=50",
  "--import",
  new URL("generated.mjs", import.meta.url).href,
];

/** Few heaps for native code; and what was compiled once is kept, where no other user of the machine can write. */
export const ENVIRONMENT = {
  // glibc: by itself threads get up to eight heaps per processor, of which little goes back. https://man7.org/linux/man-pages/man3/mallopt.3.html
  MALLOC_ARENA_MAX: process.env.MALLOC_ARENA_MAX ?? "2",
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, "node_modules", ".cache", "assay"),
};

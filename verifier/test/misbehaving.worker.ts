/** A child process that does what hostile models do, on demand. */
import { serveParent } from "../src/compute/child.ts";

export type Misdeed =
  | { readonly kind: "answer"; readonly value: number }
  /** Blocks its thread. */
  | { readonly kind: "spin"; readonly ms: number }
  | { readonly kind: "die" }
  | { readonly kind: "fill"; readonly bytes: number }
  /** Says nothing of what it keeps. */
  | { readonly kind: "hoard"; readonly bytes: number }
  /** Says whether it has the key, and keeps it. */
  | { readonly kind: "keep"; readonly key: string; readonly bytes: number }
  | { readonly kind: "which" };

const kept = new Set<string>();
const hoard: Uint8Array[] = [];

function spin(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

serveParent<Misdeed>({
  run(job, context) {
    switch (job.kind) {
      case "answer":
        return job.value;
      case "spin":
        return spin(job.ms);
      case "die":
        return process.kill(process.pid, "SIGFPE");
      case "fill":
        hoard.push(new Uint8Array(job.bytes).fill(1));
        return new Promise(() => undefined);
      case "hoard":
        return hoard.push(new Uint8Array(job.bytes).fill(1));
      case "keep": {
        const had = kept.has(job.key);
        kept.add(job.key);
        context.held(job.key, job.bytes);
        return had;
      }
      case "which":
        return process.pid;
    }
  },
  drop: (key) => kept.delete(key),
});

/** The child's side of `children.ts`. */
import { messageOf } from "../../../sdk/src/error.ts";
import type { ChildReply, Job } from "./children.ts";

function codeOf(error: unknown): { readonly code?: string } {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? { code: error.code }
    : {};
}

/**
 * @param work Takes the jobs that the parent's side sends. It calls `running` once everything is loaded. A thrown error's `code`,
 * if it has one, is passed on.
 */
export function serveParent(work: (job: Job, running: () => void) => Promise<unknown>): void {
  const send = (reply: ChildReply): void => {
    process.send?.(reply);
  };
  // Only the node that started this process can reach it.
  process.on("message", (job: Job) => {
    const { id } = job;
    work(job, () => send({ kind: "running", id })).then(
      (value) => send({ kind: "done", id, value }),
      (error: unknown) => send({ kind: "failed", id, message: messageOf(error), ...codeOf(error) }),
    );
  });
  process.on("disconnect", () => process.exit(0));
  // The terminal sends Ctrl-C to the whole group; the node decides when its children end.
  process.on("SIGINT", () => undefined);
}

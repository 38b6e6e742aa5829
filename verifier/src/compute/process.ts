/** One child process. */
import { fork } from "node:child_process";
import type { Holder } from "./budget.ts";
import { childReply, type ChildReply, type Order } from "./protocol.ts";

export interface ChildProcessHandle extends Holder {
  readonly pid: number | undefined;
  readonly connected: boolean;
  /** Resolves once it is gone. */
  readonly ended: Promise<void>;
  send(order: Order): void;
  kill(): void;
}

export interface ProcessEvents {
  readonly onReply: (reply: ChildReply) => void;
  /** Once, after the last reply. @param how Signal or exit code. */
  readonly onEnd: (how: string) => void;
}

export function startProcess(module: URL, { onReply, onEnd }: ProcessEvents): ChildProcessHandle {
  // No environment: whatever a hostile model makes of this process, it finds no secrets. Node strips the types itself.
  // The node's output is its log alone.
  const child = fork(module, [], {
    ...{ serialization: "advanced", execArgv: [], env: {} },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  let over: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (over = resolve));
  let gone = false;
  function end(how: string): void {
    if (gone) return;
    gone = true;
    over();
    onEnd(how);
  }
  child.on("message", (message) => {
    const reply = childReply.safeParse(message);
    if (reply.success) onReply(reply.data);
  });
  // A process that cannot be started has no other event.
  child.on("error", (error) => {
    if (child.pid === undefined) end(error.message);
  });
  child.once("close", (code, signal) => end(signal ?? `exit code ${code}`));
  const send = (order: Order): void => {
    // A child that is gone already is dealt with when it closes.
    child.send(order, () => undefined);
  };
  return {
    pid: child.pid,
    ended,
    send,
    get connected() {
      return child.connected;
    },
    kill: () => void child.kill("SIGKILL"),
    drop: (key) => send({ kind: "drop", key }),
  };
}

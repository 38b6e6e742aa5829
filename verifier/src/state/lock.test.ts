import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { AssayError } from "../../../sdk/src/error.ts";
import { lockDirectory } from "./lock.ts";

describe("the lock of a state directory", function () {
  this.timeout(120_000);
  let directory: string;
  const children: ChildProcess[] = [];

  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "assay-lock-"))));
  afterEach(async () => {
    await Promise.all(children.splice(0).map(kill));
    rmSync(directory, { recursive: true });
  });

  async function start(): Promise<ChildProcess> {
    const child = fork(new URL("./lock.child.ts", import.meta.url), [directory]);
    children.push(child);
    await once(child, "message");
    return child;
  }

  async function attempt(child: ChildProcess): Promise<unknown> {
    const answer = once(child, "message");
    child.send("try");
    return ((await answer) as unknown[])[0];
  }

  async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  function refusal(): AssayError {
    try {
      lockDirectory(directory);
    } catch (error) {
      if (error instanceof AssayError) return error;
      throw error;
    }
    throw new Error("the directory could be locked");
  }

  it("is one process's at a time, and free as soon as that is killed", async () => {
    for (let round = 0; round < 5; round++) {
      const child = await start();
      expect(await attempt(child)).to.equal("held");
      const error = refusal();
      expect(error.code).to.equal("STATE_LOCKED");
      expect(error.message).to.include(`process ${child.pid} `);
      await kill(child);
      lockDirectory(directory)();
    }
  });

  it("goes to one of several that start at once", async () => {
    let starters = await Promise.all(Array.from({ length: 5 }, start));
    while (starters.length > 0) {
      const answers = await Promise.all(starters.map(attempt));
      expect(answers.filter((answer) => answer === "held")).to.have.length(1);
      expect(answers.filter((answer) => answer === "STATE_LOCKED")).to.have.length(starters.length - 1);
      const holder = starters[answers.indexOf("held")];
      if (holder !== undefined) await kill(holder);
      starters = starters.filter((child) => child !== holder);
    }
  });

  it("does not go by process ids: in another container they are the same", async () => {
    const holder = (): void =>
      writeFileSync(
        join(directory, "holder.json"),
        JSON.stringify({ pid: process.pid, host: "x", since: "" }),
      );
    // Left by a process of our id that has ended: ours to take.
    holder();
    lockDirectory(directory)();
    // Held by a process of our id that runs: not ours.
    expect(await attempt(await start())).to.equal("held");
    holder();
    expect(refusal().code).to.equal("STATE_LOCKED");
  });

  it("is given back, and is not this process's own twice", () => {
    const unlock = lockDirectory(directory);
    expect(refusal().code).to.equal("STATE_LOCKED");
    unlock();
    lockDirectory(directory)();
  });
});

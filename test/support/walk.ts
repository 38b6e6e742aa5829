/**
 * Follows a page of the documents as a reader would: runs its commands in a shell, writes its files, and compares what is shown with what
 * the page says. A fenced block says in its first line what it is:
 *
 * - `sh`: for the reader's shell; no command may fail. `sh again`: until the text that follows is shown.
 * - `sh terminal`: in a terminal of its own, where it goes on until the page's end.
 * - `text`: what the block before shows, line by line, in this order; "…" stands for anything, and so does what is between the lines.
 * - `solidity FILE`, `ts FILE`: a file.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../sdk/src/error.ts";

export interface Block {
  readonly language: string;
  /** The rest of the first line. */
  readonly info: string;
  readonly text: string;
}

export function blocksOf(page: string): Block[] {
  return [...page.matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)].map(
    ([, language = "", info = "", text = ""]) => ({ language, info, text }),
  );
}

/** Whether the lines that a page shows are in what was said, in their order. */
export function shows(said: string, lines: string): boolean {
  const escape = (part: string): string => part.trim().replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const spaces = (part: string): string => escape(part).replace(/\s+/g, "\\s+");
  const patterns = lines
    .trim()
    .split("\n")
    .map((line) => new RegExp(`^\\s*${line.split("…").map(spaces).join(".*")}\\s*$`));
  let next = 0;
  for (const line of said.split("\n")) if (patterns[next]?.test(line) === true) next++;
  return next === patterns.length;
}

export interface Place {
  /** Copy of the repository, where everything runs. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** What is other than in the page: ports. */
  readonly replace: (text: string) => string;
}

const LIMIT_MS = 240_000;
/** What a terminal says last. */
const ENDED = "--- the terminal's program has ended";

interface Program {
  readonly child: ChildProcess;
  readonly said: () => string;
}

function start({ folder, env }: Place, args: readonly string[]): Program {
  // A process group of its own, so that all that it starts can be stopped.
  const options = { cwd: folder, env, detached: true } as const;
  const child = spawn("bash", args, { ...options, stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  return { child, said: () => said };
}

async function stop({ child }: Program): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once("exit", () => resolve());
  });
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    try {
      process.kill(-(child.pid ?? 0), signal);
    } catch {
      return;
    }
    await Promise.race([ended, sleep(10_000, undefined, { ref: false })]);
  }
}

export interface Walk {
  /** Follows a page. @throws Error with all that was said, where the page is wrong. */
  page(text: string): Promise<void>;
  /** Ends everything that runs in terminals. */
  stop(): Promise<void>;
}

export function openWalk(place: Place): Walk {
  const shell = start(place, ["--noprofile", "--norc", "-O", "expand_aliases"]);
  const terminals: Program[] = [];
  let count = 0;

  /** @returns what it said. @throws Error if a command of it fails. */
  async function run(text: string): Promise<string> {
    const [from, mark] = [shell.said().length, `--- block ${++count} ended`];
    const file = join(place.folder, `block-${count}.sh`);
    writeFileSync(file, text);
    // Read line by line as if typed, so that aliases work; its commands do not read what comes after it.
    shell.child.stdin?.write(
      `FAILED=; trap 'FAILED="$BASH_COMMAND"' ERR; source ${file} </dev/null; trap - ERR; echo "${mark}: $FAILED"\n`,
    );
    for (const end = Date.now() + LIMIT_MS; ; await sleep(100)) {
      const said = shell.said().slice(from);
      const [, failed] = new RegExp(`^${mark}: (.*)$`, "m").exec(said) ?? [];
      if (failed === "") return said;
      if (failed !== undefined) throw new Error(`this failed: ${failed}\n${said}`);
      if (Date.now() > end || shell.child.exitCode !== null) throw new Error(`no end of ${text}\n${said}`);
    }
  }

  async function expectShown(block: Block, text: string): Promise<void> {
    if (block.info === "terminal") {
      // Its input ends when this process does, whatever becomes of it, and with it all that runs there.
      const script = `( ${block.text}\necho "${ENDED}" ) </dev/null & read -r; kill 0`;
      const terminal = start(place, ["-c", script]);
      terminals.push(terminal);
      for (const end = Date.now() + LIMIT_MS; !shows(terminal.said(), text); await sleep(200))
        if (Date.now() > end || terminal.said().includes(ENDED))
          throw new Error(`not shown:\n${text}\nbut:\n${terminal.said()}`);
      return;
    }
    for (const end = Date.now() + LIMIT_MS; ; await sleep(1000)) {
      const said = await run(block.text);
      if (shows(said, text)) return;
      if (block.info !== "again" || Date.now() > end) throw new Error(`not shown:\n${text}\nbut:\n${said}`);
    }
  }

  async function follow(blocks: readonly Block[]): Promise<void> {
    for (const [k, block] of blocks.entries()) {
      const next = blocks[k + 1];
      if (block.language === "text") continue;
      if (block.language === "sh") {
        await expectShown(block, next?.language === "text" ? next.text : "");
        continue;
      }
      const file = join(place.folder, block.info);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, block.text);
    }
  }

  return {
    async page(text) {
      try {
        await follow(blocksOf(place.replace(text)));
      } catch (error) {
        const others = terminals.map(({ said }) => said().slice(-2000));
        throw new Error(`${messageOf(error)}\nIn terminals:\n${others.join("\n---\n")}`, { cause: error });
      }
    },
    async stop() {
      for (const terminal of [...terminals.splice(0), shell]) await stop(terminal);
    },
  };
}

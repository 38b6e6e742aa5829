/** Processes that are killed, frozen and started again, and the memory that they and their children take. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, mkdirSync, readFileSync, type WriteStream } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ENVIRONMENT, FLAGS } from "../../bin/launch.mjs";
import type { Blow } from "./faults.ts";

const ROOT = join(import.meta.dirname, "..", "..");
/** A supervisor starts a process that ended by itself again after this long. */
const RESTART_MS = 1000;
const EXIT_LIMIT_MS = 60_000;
/** Before the play begins; many processes start at once. */
const START_LIMIT_MS = 300_000;
/** Of a process that cannot succeed now but may later (verifier/src/cli/output.ts). */
const EXIT_RETRYABLE = 3;

export interface ProcessSpec {
  readonly name: string;
  /** TypeScript file, from the project's root. */
  readonly script: string;
  readonly args: readonly string[];
  /** For the log, and for whatever the process keeps at home. */
  readonly directory: string;
}

/** One life of a process, from start to end. */
export interface Life {
  readonly name: string;
  readonly pid: number;
  /** Bytes of the process itself and of it with its children, one sample after the other. */
  readonly own: number[];
  readonly all: number[];
}

export interface Supervised {
  readonly name: string;
  readonly lives: readonly Life[];
  /** What it has written to its log, in all lives. */
  readonly log: () => string;
  /** Exits that nobody asked for. */
  readonly crashes: readonly string[];
  /** Starts that were given up for an endpoint that did not answer, to be tried again. */
  readonly failedStarts: number;
  /** Processes that were left over after one was killed. */
  readonly orphans: readonly string[];
  /** Resolves once the present life has written `text` to its log. @throws after {@link START_LIMIT_MS}. */
  saw(text: string): Promise<void>;
  strike(blow: Blow): Promise<void>;
  /** SIGTERM. @returns how it ended: "0", another exit code, a signal, or "never". */
  stop(): Promise<string>;
}

interface Sample {
  readonly pid: number;
  readonly group: number;
  readonly bytes: number;
}

function sample(): Sample[] {
  const text = execFileSync("ps", ["-A", "-o", "pid=,pgid=,rss=,stat="], { encoding: "utf8" });
  return text.split("\n").flatMap((line) => {
    const [pid, group, kib, state] = line.trim().split(/\s+/);
    return state === undefined || state.startsWith("Z")
      ? []
      : [{ pid: Number(pid), group: Number(group), bytes: Number(kib) * 1024 }];
  });
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // They are gone.
  }
}

/** Takes a sample of the memory of each process that runs. */
export function sampleMemory(processes: Iterable<Supervised>): void {
  const samples = sample();
  for (const { lives } of processes) {
    const life = lives.at(-1);
    const own = samples.find(({ pid }) => pid === life?.pid);
    if (life === undefined || own === undefined) continue;
    life.own.push(own.bytes);
    life.all.push(
      samples.filter(({ group }) => group === life.pid).reduce((sum, { bytes }) => sum + bytes, 0),
    );
  }
}

export function startProcess(spec: ProcessSpec): Supervised {
  const { name, directory } = spec;
  mkdirSync(directory, { recursive: true });
  const file = join(directory, "log");
  const log: WriteStream = createWriteStream(file, { flags: "a" });
  const lives: Life[] = [];
  const crashes: string[] = [];
  const orphans: string[] = [];
  let failedStarts = 0;
  let child: ChildProcess | undefined;
  let output = "";
  /** Whether the end of the present life is somebody's wish. */
  let wished = false;

  function start(): void {
    wished = false;
    output = "";
    // As the command runs (bin/assay.mjs).
    const args = [...FLAGS, join(ROOT, spec.script), ...spec.args];
    // Nothing of ours in its environment or its home; a process group of its own, so that its children can be found.
    const env = { ...ENVIRONMENT, PATH: process.env["PATH"], HOME: directory };
    const started = spawn(process.execPath, args, {
      cwd: ROOT,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    child = started;
    lives.push({ name, pid: started.pid ?? 0, own: [], all: [] });
    for (const stream of [started.stdout, started.stderr])
      stream.on("data", (chunk: Buffer) => {
        log.write(chunk);
        output = (output + chunk.toString()).slice(-65_536);
      });
    started.once("exit", (code, signal) => {
      log.write(`--- ${new Date().toISOString()} ended: ${signal ?? code}\n`);
      if (wished || child !== started) return;
      if (code === EXIT_RETRYABLE) failedStarts++;
      else crashes.push(`${name} ended by itself: ${signal ?? code}`);
      setTimeout(() => {
        if (!wished && child === started) start();
      }, RESTART_MS);
    });
  }

  function exited(): Promise<string> {
    const current = child;
    if (current === undefined || current.exitCode !== null || current.signalCode !== null)
      return Promise.resolve(String(current?.signalCode ?? current?.exitCode));
    return new Promise((resolve) => current.once("exit", (code, signal) => resolve(String(signal ?? code))));
  }

  /** Children must see for themselves that their parent has gone. */
  async function lookForOrphans(group: number): Promise<void> {
    for (let i = 0; i < 40; i++) {
      if (!sample().some((entry) => entry.group === group)) return;
      await sleep(500);
    }
    const left = sample().filter((entry) => entry.group === group).length;
    orphans.push(`${left} children of ${name} outlived it by 20 s`);
    signalGroup(group, "SIGKILL");
  }

  const searches: Promise<void>[] = [];

  start();
  return {
    name,
    lives,
    log: () => readFileSync(file, "utf8"),
    crashes,
    orphans,
    get failedStarts() {
      return failedStarts;
    },
    async saw(text) {
      for (const until = Date.now() + START_LIMIT_MS; Date.now() < until;) {
        if (output.includes(text)) return;
        await sleep(100);
      }
      throw new Error(`${name} did not say ${text}:\n${output.slice(-2000)}`);
    },
    async strike({ kind, seconds }) {
      const group = lives.at(-1)?.pid ?? 0;
      if (kind === "freeze") {
        signalGroup(group, "SIGSTOP");
        await sleep(seconds * 1000);
        return signalGroup(group, "SIGCONT");
      }
      wished = true;
      if (kind === "killAll") signalGroup(group, "SIGKILL");
      else child?.kill("SIGKILL");
      await exited();
      log.write(`--- ${new Date().toISOString()} killed\n`);
      searches.push(lookForOrphans(group));
      await sleep(seconds * 1000);
      start();
    },
    async stop() {
      wished = true;
      const group = lives.at(-1)?.pid ?? 0;
      child?.kill("SIGTERM");
      const late = sleep(EXIT_LIMIT_MS, "never", { ref: false });
      const how = await Promise.race([exited(), late]);
      if (how === "never") signalGroup(group, "SIGKILL");
      await Promise.all(searches);
      await lookForOrphans(group);
      return how;
    },
  };
}

/**
 * Lines in files: what was acknowledged is on the disk. Those that come while one write is on its way share the next. What a crash cut
 * short was never acknowledged. A disk that takes nothing fails what is appended, and no more: the next line tries anew.
 */
import {
  closeSync,
  fdatasync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { open, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";

/** Where a line is. */
export interface Place {
  readonly file: number;
  /** Bytes. */
  readonly offset: number;
  readonly length: number;
}

export interface Spooled {
  readonly line: string;
  readonly place: Place;
}

export interface Spool {
  /** What was there when it was opened and was not settled, the oldest first; read as it is asked for. */
  readonly left: () => Iterable<Spooled>;
  /** Resolves when the line is on the disk. @throws {AssayError} STATE_FAILED (retryable) if the disk does not take it, CLOSED. */
  append(line: string): Promise<Place>;
  /** What follows goes to a new file, once everything before is acknowledged. @returns what calls all lines before it settled. */
  turn(): Promise<() => void>;
  /** @throws Error if the line is not there any more. */
  read(place: Place): Promise<string>;
  /** Removes what was settled, and written last, before a time; unix seconds. */
  purge(before: number): Promise<void>;
  /** Acknowledges what was appended before. */
  close(): Promise<void>;
}

const synced = promisify(fdatasync);
const NAME = /^([0-9]{1,15})\.(open|kept)$/;

interface Waiting {
  readonly line: string;
  readonly done: (place: Place) => void;
  readonly failed: (error: unknown) => void;
}

function filesIn(directory: string, kind: "open" | "kept"): number[] {
  return readdirSync(directory)
    .flatMap((name) => {
      const [, number, found] = NAME.exec(name) ?? [];
      return found === kind ? Number(number) : [];
    })
    .sort((a, b) => a - b);
}

function spooledIn(path: string, file: number): Spooled[] {
  const bytes = readFileSync(path);
  const found: Spooled[] = [];
  // The last line has an end, or was never acknowledged.
  for (let at = 0, end = bytes.indexOf(10); end !== -1; at = end + 1, end = bytes.indexOf(10, at)) {
    const place = { file, offset: at, length: end - at };
    found.push({ line: bytes.toString("utf8", at, end), place });
  }
  return found;
}

/**
 * @param directory Of its own; one process at a time.
 * @param again Nothing counts as settled.
 */
export function openSpool(directory: string, again = false): Spool {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const pathOf = (number: number, kind: "open" | "kept"): string => join(directory, `${number}.${kind}`);
  if (again)
    for (const one of filesIn(directory, "kept")) renameSync(pathOf(one, "kept"), pathOf(one, "open"));
  let unsettled = filesIn(directory, "open");
  const found = unsettled;
  function* left(): Generator<Spooled, void> {
    for (const one of found) yield* spooledIn(pathOf(one, "open"), one);
  }
  const known = [...unsettled, ...filesIn(directory, "kept")];
  let number = Math.max(0, ...known);
  /** Undefined: the next line begins one. */
  let file: number | undefined;
  let size = 0;
  /** Whether the disk knows the newest file's name. */
  let named = false;
  let waiting: Waiting[] = [];
  let turning: (() => void)[] = [];
  let working: Promise<void> | undefined;
  let closed = false;

  async function write(batch: readonly Waiting[]): Promise<void> {
    const parts = batch.map(({ line }) => Buffer.from(`${line}\n`));
    try {
      const all = Buffer.concat(parts);
      const to = (file ??= begin());
      for (let at = 0; at < all.length;) at += writeSync(to, all, at);
      await synced(to);
      if (!named) await nameOnDisk();
      batch.forEach(({ done }, i) => {
        const { length = 0 } = parts[i] ?? {};
        done({ file: number, offset: size, length: length - 1 });
        size += length;
      });
    } catch (cause) {
      // How much of it is there is not known: what follows goes to a new file.
      end();
      const message = `receipts cannot be written: ${messageOf(cause)}`;
      const error = new AssayError("STATE_FAILED", message, { retryable: true, cause });
      for (const { failed } of batch) failed(error);
    }
  }

  async function nameOnDisk(): Promise<void> {
    const folder = await open(directory, "r");
    try {
      await folder.sync();
      named = true;
    } finally {
      await folder.close();
    }
  }

  function begin(): number {
    const opened = openSync(pathOf(number + 1, "open"), "ax", 0o600);
    number++;
    size = 0;
    named = false;
    return opened;
  }

  function end(): void {
    if (file === undefined) return;
    const ended = file;
    file = undefined;
    unsettled.push(number);
    try {
      closeSync(ended);
    } catch {
      // What was acknowledged is on the disk already.
    }
  }

  async function work(): Promise<void> {
    // What comes in the same turn of the event loop is written together.
    await Promise.resolve();
    while (waiting.length > 0 || turning.length > 0) {
      const [batch, turns] = [waiting, turning];
      [waiting, turning] = [[], []];
      if (batch.length > 0) await write(batch);
      if (turns.length > 0) end();
      for (const turned of turns) turned();
    }
    working = undefined;
  }

  function settleAll(): () => void {
    const mine = [...unsettled];
    return () => {
      const gone = mine.filter((one) => unsettled.includes(one));
      for (const one of gone) renameSync(pathOf(one, "open"), pathOf(one, "kept"));
      unsettled = unsettled.filter((one) => !gone.includes(one));
    };
  }

  return {
    left,
    append: (line) =>
      new Promise((done, failed) => {
        if (closed) return failed(new AssayError("CLOSED", "receipts are not kept any more"));
        waiting.push({ line, done, failed });
        working ??= work();
      }),
    turn: () =>
      new Promise((resolve) => {
        turning.push(() => resolve(settleAll()));
        working ??= work();
      }),
    async read({ file: from, offset, length }) {
      // It may be settled meanwhile, and is never unsettled again.
      const handle = await open(pathOf(from, "open"), "r").catch(() => open(pathOf(from, "kept"), "r"));
      try {
        const { buffer } = await handle.read(Buffer.alloc(length), 0, length, offset);
        return buffer.toString("utf8");
      } finally {
        await handle.close();
      }
    },
    async purge(before) {
      for (const one of filesIn(directory, "kept")) {
        const path = pathOf(one, "kept");
        if ((await stat(path)).mtimeMs < 1000 * before) await rm(path, { force: true });
      }
    },
    async close() {
      closed = true;
      await working;
      end();
    },
  };
}

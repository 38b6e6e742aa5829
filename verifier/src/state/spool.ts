/**
 * Lines in files: an append is one write into the system's cache, and those that come together share it. What a crash cut short was
 * never acknowledged.
 */
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, writeSync } from "node:fs";
import { open, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { AssayError } from "../../../sdk/src/error.ts";

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
  /** What was there when it was opened and was not settled, the oldest first. */
  readonly left: readonly Spooled[];
  /** Resolves when the line is in the file. */
  append(line: string): Promise<Place>;
  /** Begins a new file. @returns what calls all lines before it settled. */
  turn(): () => void;
  /** @throws Error if the line is not there any more. */
  read(place: Place): Promise<string>;
  /** Removes what was settled, and written last, before a time; unix seconds. */
  purge(before: number): Promise<void>;
  close(): void;
}

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

/** @param directory Of its own; one process at a time. */
export function openSpool(directory: string): Spool {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const pathOf = (number: number, kind: "open" | "kept"): string => join(directory, `${number}.${kind}`);
  let unsettled = filesIn(directory, "open");
  const left = unsettled.flatMap((number) => spooledIn(pathOf(number, "open"), number));
  const known = [...unsettled, ...filesIn(directory, "kept")];
  let number = Math.max(0, ...known) + 1;
  let file = openSync(pathOf(number, "open"), "ax", 0o600);
  let size = 0;
  let waiting: Waiting[] = [];
  let closed = false;

  function write(): void {
    const batch = waiting;
    waiting = [];
    if (batch.length === 0) return;
    const parts = batch.map(({ line }) => Buffer.from(`${line}\n`));
    try {
      const all = Buffer.concat(parts);
      for (let at = 0; at < all.length;) at += writeSync(file, all, at);
      batch.forEach(({ done }, i) => {
        const { length = 0 } = parts[i] ?? {};
        done({ file: number, offset: size, length: length - 1 });
        size += length;
      });
    } catch (error) {
      // How much of it is there is not known: what follows goes to a new file.
      begin();
      for (const { failed } of batch) failed(error);
    }
  }

  function begin(): void {
    closeSync(file);
    unsettled.push(number++);
    file = openSync(pathOf(number, "open"), "ax", 0o600);
    size = 0;
  }

  return {
    left,
    append: (line) =>
      new Promise((done, failed) => {
        if (closed) failed(new AssayError("CLOSED", "receipts are not kept any more"));
        else if (waiting.push({ line, done, failed }) === 1) queueMicrotask(write);
      }),
    turn() {
      write();
      begin();
      const gone = [...unsettled];
      return () => {
        for (const one of gone) renameSync(pathOf(one, "open"), pathOf(one, "kept"));
        unsettled = unsettled.filter((one) => !gone.includes(one));
      };
    },
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
    close() {
      write();
      closed = true;
      closeSync(file);
    },
  };
}

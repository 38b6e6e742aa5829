/** A client's memory in a directory: files that are replaced whole, by one process at a time. */
import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { open as openFile, readdir, readFile, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod/v4";
import { AssayError, messageOf } from "../error.ts";
import { lockFile } from "../lockFile.ts";
import type { Hex } from "../structs.ts";
import { ledgerSchema, type Ledger } from "./ledger.ts";
import { accountKey, createTurns, digestOfFile, type AccountId, type InferenceStore } from "./store.ts";
import { receiptFileSchema, toJson, type ReceiptFile } from "./wire.ts";

/** So that names sort by time; good for 30,000 years. */
const TIME_DIGITS = 12;
const TEMPORARY = ".new";

function failed(what: string, cause: unknown): AssayError {
  if (cause instanceof AssayError) return cause;
  const full = isCode(cause, "ENOSPC") || isCode(cause, "EDQUOT");
  return new AssayError(full ? "STORAGE_FULL" : "STATE_FAILED", `${what}: ${messageOf(cause)}`, {
    retryable: full,
    cause,
  });
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

async function closing<T>(handle: FileHandle, work: (handle: FileHandle) => Promise<T>): Promise<T> {
  try {
    return await work(handle);
  } finally {
    await handle.close();
  }
}

/** After this its entries are there for good; a system that cannot do so for directories does it by itself. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await openFile(path, "r").catch(() => undefined);
  if (handle !== undefined) await closing(handle, (opened) => opened.sync().catch(() => undefined));
}

/** The old contents or the new ones, whole, whatever happens. */
async function replace(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID()}${TEMPORARY}`;
  try {
    await closing(await openFile(temporary, "w", 0o600), async (handle) => {
      await handle.writeFile(data);
      await handle.sync();
    });
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw failed(`cannot write ${path}`, cause);
  }
}

async function contents(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (isCode(cause, "ENOENT")) return undefined;
    throw failed(`cannot read ${path}`, cause);
  }
}

function parsed<S extends z.ZodType>(schema: S, path: string, bytes: Buffer): z.output<S> {
  try {
    return schema.parse(JSON.parse(bytes.toString()));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : messageOf(cause);
    throw new AssayError(
      "STATE_FAILED",
      `${path} is damaged (${why}): nothing is signed by it. Put a copy of it back, or, to begin anew from what the chain says, move it away`,
      { cause },
    );
  }
}

/** Sorted. @throws {AssayError} STATE_FAILED */
async function names(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => !name.endsWith(TEMPORARY)).sort();
  } catch (cause) {
    throw failed(`cannot read ${directory}`, cause);
  }
}

/** What a process that was killed had not finished. */
async function tidy(directory: string): Promise<void> {
  for (const name of await readdir(directory))
    if (name.endsWith(TEMPORARY)) await rm(join(directory, name), { force: true });
}

function receiptName(file: ReceiptFile): string {
  const issuedAt = String(file.receipt.issuedAt).padStart(TIME_DIGITS, "0");
  return `${issuedAt}-${digestOfFile(file).slice(2)}.json`;
}

/**
 * @param directory Made if it is not there. What is in it is worth money, but no secret: no key is.
 * @throws {AssayError} STATE_LOCKED while another process has it, STATE_FAILED; later calls STATE_FAILED, STORAGE_FULL.
 */
export async function fileStore(directory: string): Promise<InferenceStore> {
  const ledgers = join(directory, "ledgers");
  const inputs = join(directory, "inputs");
  const receipts = join(directory, "receipts");
  const folders = [ledgers, inputs, receipts];
  try {
    for (const path of folders) mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw failed(`cannot make ${directory}`, cause);
  }
  const unlock = lockFile(join(directory, "lock.sqlite"));
  if (unlock === undefined)
    throw new AssayError(
      "STATE_LOCKED",
      `another process has ${directory} open: of two that sign vouchers neither knows what the other signed. Wait for it, or use another directory and deposit`,
    );
  for (const path of folders) await tidy(path);
  const known = new Map<string, Ledger>();
  const inTurn = createTurns();
  let closed = false;
  const need = (): void => {
    if (closed) throw new AssayError("CLOSED", `the store in ${directory} was closed`);
  };
  const ledgerPath = (account: AccountId): string => join(ledgers, `${accountKey(account)}.json`);
  const inputPath = (digest: Hex): string => join(inputs, `${digest.slice(2).toLowerCase()}.bin`);

  async function ledger(account: AccountId): Promise<Ledger | undefined> {
    need();
    const path = ledgerPath(account);
    const kept = known.get(path);
    if (kept !== undefined) return kept;
    const bytes = await contents(path);
    if (bytes === undefined) return undefined;
    const { obtainedWei, signedWei, open } = parsed(ledgerSchema, path, bytes);
    return { obtainedWei, signedWei, open };
  }

  return {
    ledger,
    update(account, change) {
      const path = ledgerPath(account);
      return inTurn(path, async () => {
        const [next, result] = await change(await ledger(account));
        need();
        // What is on the disk after a failure nobody knows: it is read again.
        known.delete(path);
        await replace(path, `${toJson({ version: 1, ...next })}\n`);
        known.set(path, next);
        return result;
      });
    },
    async keepInput(digest, input) {
      need();
      await replace(inputPath(digest), input);
    },
    async input(digest) {
      need();
      const bytes = await contents(inputPath(digest));
      return bytes === undefined ? undefined : new Uint8Array(bytes);
    },
    async dropInput(digest) {
      need();
      await rm(inputPath(digest), { force: true });
    },
    async keepReceipt(file) {
      need();
      await replace(join(receipts, receiptName(file)), `${toJson(file)}\n`);
    },
    async *receipts() {
      need();
      for (const name of await names(receipts)) {
        const path = join(receipts, name);
        const bytes = await contents(path);
        if (bytes !== undefined) yield parsed(receiptFileSchema, path, bytes);
      }
    },
    async forget(before) {
      need();
      for (const name of await names(receipts))
        if (Number(name.slice(0, TIME_DIGITS)) < before) await rm(join(receipts, name), { force: true });
      // Of orders that were never sent.
      for (const name of await names(inputs)) {
        const { mtimeMs } = await stat(join(inputs, name));
        if (mtimeMs < before * 1000) await rm(join(inputs, name), { force: true });
      }
    },
    async close() {
      if (closed) return;
      closed = true;
      // What was begun is written before another process may read.
      await Promise.all([...known.keys()].map((path) => inTurn(path, () => Promise.resolve())));
      unlock();
    },
  };
}

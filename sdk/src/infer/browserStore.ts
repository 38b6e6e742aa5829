/** A client's memory in a browser: an IndexedDB of the page's origin, which one page has open at a time. */
import { z } from "zod/v4";
import { AssayError, messageOf } from "../error.ts";
import { ledgerSchema, type Ledger } from "./ledger.ts";
import { accountKey, createTurns, digestOfFile, type AccountId, type InferenceStore } from "./store.ts";
import { receiptFileSchema, toJson, type ReceiptFile } from "./wire.ts";

const VERSION = 1;
const LEDGERS = "ledgers";
const INPUTS = "inputs";
const RECEIPTS = "receipts";
const BY_TIME = "issuedAt";

/** A stored input; `keptAt` in unix seconds, so that those of orders that were never sent go some day. */
const keptInput = z.object({ input: z.instanceof(Uint8Array), keptAt: z.number() });

function failed(what: string, cause: unknown): AssayError {
  if (cause instanceof AssayError) return cause;
  const full = cause instanceof DOMException && cause.name === "QuotaExceededError";
  return new AssayError(full ? "STORAGE_FULL" : "STATE_FAILED", `${what}: ${messageOf(cause)}`, {
    retryable: full,
    cause,
  });
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the request failed"));
  });
}

function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
  });
}

function openDatabase(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, VERSION);
  request.onupgradeneeded = () => {
    request.result.createObjectStore(LEDGERS);
    request.result.createObjectStore(INPUTS);
    request.result.createObjectStore(RECEIPTS).createIndex(BY_TIME, "receipt.issuedAt");
  };
  return done(request);
}

/**
 * Of two pages that sign vouchers neither would know what the other signed.
 * @returns what gives the lock back; undefined if another page has it.
 */
function lock(name: string): Promise<(() => void) | undefined> {
  if (!("locks" in navigator))
    throw new AssayError("STATE_FAILED", "a store takes a page from https, or from this machine");
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(name, { ifAvailable: true }, async (got) => {
        if (got === null) resolve(undefined);
        // Held until the store is closed, or the page is.
        else await new Promise<void>((release) => resolve(release));
      })
      .catch(reject);
  });
}

/**
 * What a client must not forget, in this browser. The browser is asked not to clear it by itself (`navigator.storage.persist`); a
 * person still can, with the site's data.
 * @param name Of the database; one for each account that pays.
 * @throws {AssayError} STATE_LOCKED while another page has it, STATE_FAILED; later calls STATE_FAILED, STORAGE_FULL, CLOSED.
 */
export async function browserStore(name = "assay-inference"): Promise<InferenceStore> {
  let unlock: (() => void) | undefined;
  let database: IDBDatabase;
  try {
    unlock = await lock(`${name}.lock`);
    if (unlock === undefined)
      throw new AssayError(
        "STATE_LOCKED",
        `another page has the store ${name} open: close it, or use another name and deposit`,
      );
    database = await openDatabase(name);
    // A browser may ask the person, and take its time.
    navigator.storage.persist().catch(() => false);
  } catch (cause) {
    unlock?.();
    throw failed(`cannot open the store ${name}`, cause);
  }
  const inTurn = createTurns();
  let closed = false;
  const need = (): void => {
    if (closed) throw new AssayError("CLOSED", `the store ${name} was closed`);
  };

  /** Resolves once it can no longer be lost. */
  async function write(kind: string, change: (store: IDBObjectStore) => void): Promise<void> {
    need();
    try {
      const transaction = database.transaction(kind, "readwrite", { durability: "strict" });
      const over = committed(transaction);
      change(transaction.objectStore(kind));
      await over;
    } catch (cause) {
      throw failed(`cannot write to the store ${name}`, cause);
    }
  }

  async function read<T>(kind: string, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    need();
    try {
      return await done(ask(database.transaction(kind).objectStore(kind)));
    } catch (cause) {
      throw failed(`cannot read the store ${name}`, cause);
    }
  }

  async function ledger(account: AccountId): Promise<Ledger | undefined> {
    const key = accountKey(account);
    const text = await read<unknown>(LEDGERS, (store) => store.get(key));
    if (text === undefined) return undefined;
    try {
      const { obtainedWei, signedWei, open } = ledgerSchema.parse(JSON.parse(z.string().parse(text)));
      return { obtainedWei, signedWei, open };
    } catch (cause) {
      throw new AssayError(
        "STATE_FAILED",
        `the ledger ${key} of the store ${name} is damaged: nothing is signed by it`,
        { cause },
      );
    }
  }

  return {
    ledger,
    update: (account, change) =>
      inTurn(accountKey(account), async () => {
        const [next, result] = await change(await ledger(account));
        const text = toJson({ version: 1, ...next });
        await write(LEDGERS, (store) => store.put(text, accountKey(account)));
        return result;
      }),
    keepInput(digest, input) {
      const kept: z.input<typeof keptInput> = { input: input.slice(), keptAt: Math.floor(Date.now() / 1000) };
      return write(INPUTS, (store) => store.put(kept, digest.toLowerCase()));
    },
    async input(digest) {
      const kept = await read<unknown>(INPUTS, (store) => store.get(digest.toLowerCase()));
      return kept === undefined ? undefined : keptInput.parse(kept).input;
    },
    dropInput: (digest) => write(INPUTS, (store) => store.delete(digest.toLowerCase())),
    keepReceipt: (file) => write(RECEIPTS, (store) => store.put(file, digestOfFile(file))),
    async *receipts() {
      const keys = await read(RECEIPTS, (store) => store.index(BY_TIME).getAllKeys());
      for (const key of keys) {
        const file = await read<unknown>(RECEIPTS, (store) => store.get(key));
        if (file !== undefined) yield receiptOf(file, name);
      }
    },
    async forget(before) {
      const old = IDBKeyRange.upperBound(before, true);
      const keys = await read(RECEIPTS, (store) => store.index(BY_TIME).getAllKeys(old));
      await write(RECEIPTS, (store) => {
        for (const key of keys) store.delete(key);
      });
      // Of orders that were never sent.
      await write(INPUTS, (store) => {
        const cursor = store.openCursor();
        cursor.onsuccess = () => {
          const { result } = cursor;
          if (result === null) return;
          const kept = keptInput.safeParse(result.value);
          if (kept.success && kept.data.keptAt < before) result.delete();
          result.continue();
        };
      });
    },
    async close() {
      if (closed) return;
      closed = true;
      // Ends once what was begun is written.
      database.close();
      unlock();
      await Promise.resolve();
    },
  };
}

function receiptOf(file: unknown, name: string): ReceiptFile {
  const parsed = receiptFileSchema.safeParse(file);
  if (parsed.success) return parsed.data;
  throw new AssayError("STATE_FAILED", `a receipt in the store ${name} is damaged`, { cause: parsed.error });
}

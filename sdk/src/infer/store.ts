/** What a client must not forget: what it has signed, what it waits for, and the receipts that it got. */
import { digestOf, type Place } from "../receipts.ts";
import type { Hex } from "../structs.ts";
import type { Ledger } from "./ledger.ts";
import type { ReceiptFile } from "./wire.ts";

/** Whose vouchers, for whom, where they are good. */
export interface AccountId {
  readonly chainId: number;
  /** Address of the Deposits contract. */
  readonly deposits: Hex;
  readonly client: Hex;
  readonly operator: Hex;
}

export interface InferenceStore {
  /** Undefined: nothing was ever signed. */
  ledger(account: AccountId): Promise<Ledger | undefined>;
  /**
   * Changes a ledger; one at a time for each account, also where many are asked for at once. What it resolved to is not forgotten, not
   * even if the machine loses power; if `change` throws, nothing has changed.
   */
  update<T>(
    account: AccountId,
    change: (ledger: Ledger | undefined) => Promise<readonly [Ledger, T]>,
  ): Promise<T>;
  /** Keeps the input of an order until it is dropped. @param digest The order's. */
  keepInput(digest: Hex, input: Uint8Array): Promise<void>;
  input(digest: Hex): Promise<Uint8Array | undefined>;
  dropInput(digest: Hex): Promise<void>;
  /** The same receipt again changes nothing. */
  keepReceipt(file: ReceiptFile): Promise<void>;
  /** All that are kept, oldest first. */
  receipts(): AsyncGenerator<ReceiptFile, void>;
  /** Forgets receipts issued before `before`, unix seconds: after seven days nobody can be held to them. */
  forget(before: number): Promise<void>;
  close(): Promise<void>;
}

export function accountKey({ chainId, deposits, client, operator }: AccountId): string {
  return [chainId, deposits, client, operator].join("-").toLowerCase();
}

/** What a receipt file's receipt is signed over. */
export function digestOfFile({ chainId, receipts, receipt }: ReceiptFile): Hex {
  const place: Place = { chainId, receipts, deposits: receipts };
  return digestOf(place, "Receipt", receipt);
}

/** Runs work one after the other, by key. */
export function createTurns(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const before = last.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    const ended = mine.catch(() => undefined);
    last.set(key, ended);
    try {
      return await mine;
    } finally {
      if (last.get(key) === ended) last.delete(key);
    }
  };
}

/** Forgets everything when the process ends, and with it what is owed: for tests, and pages that need no more than that. */
export function memoryStore(): InferenceStore {
  const ledgers = new Map<string, Ledger>();
  const inputs = new Map<Hex, Uint8Array>();
  const receipts = new Map<Hex, ReceiptFile>();
  const inTurn = createTurns();
  return {
    ledger: (account) => Promise.resolve(ledgers.get(accountKey(account))),
    update(account, change) {
      const key = accountKey(account);
      return inTurn(key, async () => {
        const [ledger, result] = await change(ledgers.get(key));
        ledgers.set(key, ledger);
        return result;
      });
    },
    async keepInput(digest, input) {
      inputs.set(digest, input.slice());
      await Promise.resolve();
    },
    input: (digest) => Promise.resolve(inputs.get(digest)),
    async dropInput(digest) {
      inputs.delete(digest);
      await Promise.resolve();
    },
    async keepReceipt(file) {
      receipts.set(digestOfFile(file), file);
      await Promise.resolve();
    },
    async *receipts() {
      const kept = [...receipts.values()].sort((a, b) => a.receipt.issuedAt - b.receipt.issuedAt);
      await Promise.resolve();
      yield* kept;
    },
    async forget(before) {
      for (const [digest, { receipt }] of receipts) if (receipt.issuedAt < before) receipts.delete(digest);
      await Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

/** A page that keeps what a client must not forget; its test calls `page`. Results are JSON. */
import { AssayError } from "../../src/error.ts";
import { browserStore } from "../../src/infer/browserStore.ts";
import { openingLedger, withOrder } from "../../src/infer/ledger.ts";
import type { AccountId, InferenceStore } from "../../src/infer/store.ts";
import { toJson, type ReceiptFile } from "../../src/infer/wire.ts";
import { ZERO_HASH, type Hex } from "../../src/structs.ts";

const at = (digit: string): Hex => `0x${digit.repeat(40)}`;
const account: AccountId = { chainId: 1, deposits: at("d"), client: at("c"), operator: at("a") };

let store: InferenceStore | undefined;

function opened(): InferenceStore {
  if (store === undefined) throw new Error("open it first");
  return store;
}

function receiptAt(issuedAt: number): ReceiptFile {
  const hashes = {
    requestHash: ZERO_HASH,
    releaseId: ZERO_HASH,
    inputsRoot: ZERO_HASH,
    outputHash: ZERO_HASH,
  };
  const receipt = { ...hashes, operator: account.operator, issuedAt, bondClass: 1 };
  return { version: 1, chainId: 1, receipts: at("e"), receipt, signature: "0x12", input: "AQI=", output: "" };
}

/** The code of what it throws; "worked". */
async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "worked";
  } catch (error) {
    return error instanceof AssayError ? error.code : String(error);
  }
}

function raise(wei: bigint): Promise<bigint> {
  return opened().update(account, (ledger = openingLedger(0n)) => {
    const signedWei = ledger.signedWei + wei;
    return Promise.resolve([{ ...ledger, signedWei }, signedWei] as const);
  });
}

const page = {
  open: () =>
    codeOf(
      browserStore("test").then((made) => {
        store = made;
      }),
    ),
  async raise(times: number): Promise<string> {
    const totals = await Promise.all(Array.from({ length: times }, () => raise(1n)));
    return toJson(totals.sort((a, b) => Number(a - b)));
  },
  /** A change that throws, and one after it. */
  async decline(): Promise<string> {
    const refused = opened().update(account, () => Promise.reject(new AssayError("DECLINED", "no")));
    return toJson(await Promise.all([codeOf(refused), raise(1n)]));
  },
  async order(): Promise<void> {
    const { client, operator } = account;
    const order = {
      ...{ releaseId: ZERO_HASH, inputsRoot: ZERO_HASH, client, operator },
      ...{ priceWei: 7n, nonce: 2n ** 63n, expiresAt: 9 },
    };
    const made = { order, totalWei: 2n ** 91n, signature: "0x34", bondClass: 3, sentAt: 5 } as const;
    await opened().update(account, (ledger = openingLedger(0n)) =>
      Promise.resolve([withOrder(ledger, made), undefined] as const),
    );
  },
  ledger: async () => toJson((await opened().ledger(account)) ?? null),
  other: async () => toJson((await opened().ledger({ ...account, client: at("b") })) ?? null),
  keepInput: () => opened().keepInput(ZERO_HASH, new Uint8Array([1, 2, 3])),
  input: async () => toJson([...((await opened().input(ZERO_HASH)) ?? [])]),
  dropInput: () => opened().dropInput(ZERO_HASH),
  async keepReceipts(...times: readonly number[]): Promise<void> {
    for (const time of times) await opened().keepReceipt(receiptAt(time));
  },
  async receipts(): Promise<string> {
    const files: ReceiptFile[] = [];
    for await (const file of opened().receipts()) files.push(file);
    return toJson([files.map(({ receipt }) => receipt.issuedAt), files[0] ?? null]);
  },
  same: (time: number) => toJson(receiptAt(time)),
  forget: (before: number) => opened().forget(before),
  async close(): Promise<string> {
    await opened().close();
    return codeOf(opened().ledger(account));
  },
  /** As if something else had written there. */
  damage(): Promise<string> {
    return new Promise((resolve, reject) => {
      const request = indexedDB.open("test");
      request.onerror = () => reject(new Error("no database"));
      request.onsuccess = () => {
        const transaction = request.result.transaction("ledgers", "readwrite");
        const key = [1, at("d"), at("c"), at("a")].join("-");
        transaction.objectStore("ledgers").put('{"version":1,"obtai', key);
        transaction.oncomplete = () => {
          request.result.close();
          resolve(codeOf(raise(1n)));
        };
      };
    });
  },
};

Object.assign(globalThis, { page });

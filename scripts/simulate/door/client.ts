/** A client of the SDK that buys receipts, is ended in the middle of it, and begins again with what is on its disk. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { JsonRpcProvider } from "ethers";
import { connect } from "../../../sdk/src/contracts.ts";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { createInferenceClient, type InferenceClient } from "../../../sdk/src/infer/client.ts";
import { fileStore } from "../../../sdk/src/infer/fileStore.ts";
import type { Ledger } from "../../../sdk/src/infer/ledger.ts";
import { digestOfFile, type InferenceStore } from "../../../sdk/src/infer/store.ts";
import type { ReceiptFile } from "../../../sdk/src/infer/wire.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { MAX_IN_FLIGHT, type SellerName } from "../rules.ts";
import type { Models } from "../models.ts";
import type { Stage } from "../stage.ts";
import type { Letters } from "./letters.ts";
import type { PlannedOrder } from "./plan.ts";

export interface ShopperOptions {
  readonly stage: Stage;
  readonly models: Models;
  readonly letters: Letters;
  /** The client's own endpoint. */
  readonly provider: JsonRpcProvider;
  /** For its store and its log. */
  readonly directory: string;
  /** Told of each receipt that the client keeps, once. */
  readonly onReceipt: (digest: Hex, file: ReceiptFile) => void;
}

export interface Shopper {
  /** Resolves to the order's receipt; undefined: there was none until the signal. */
  buy(order: PlannedOrder, signal: AbortSignal): Promise<ReceiptFile | undefined>;
  restart(): Promise<void>;
  ledger(operator: SellerName): Promise<Ledger>;
  /** Of calls that failed, by code; all were tried again. */
  readonly failures: ReadonlyMap<string, number>;
  /** Errors that are none of those that the SDK says it throws. */
  readonly surprises: readonly string[];
  close(): Promise<void>;
}

const AGAIN_MS = 1000;
const TIMEOUT_SECONDS = 20;
/** A minute, as by default, would be long for a play of three. */
const TERMS_SECONDS = 5;

export async function createShopper(options: ShopperOptions): Promise<Shopper> {
  const { stage, models, letters, provider, directory, onReceipt } = options;
  const { accounts, releases, doors } = stage;
  const contracts = connect(stage.contracts.deployment, provider);
  const told = new Set<Hex>();
  const failures = new Map<string, number>();
  const surprises: string[] = [];
  let current = open();
  await current;

  async function open(): Promise<{ readonly store: InferenceStore; readonly client: InferenceClient }> {
    const files = await fileStore(join(directory, "inference"));
    const store: InferenceStore = {
      ...files,
      async keepReceipt(file) {
        await files.keepReceipt(file);
        const digest = digestOfFile(file);
        if (told.has(digest)) return;
        told.add(digest);
        onReceipt(digest, file);
      },
    };
    const client = await createInferenceClient(contracts, accounts.client.wallet, {
      ...{ provider, store, exchange: letters.exchange },
      ...{ termsSeconds: TERMS_SECONDS, maxInFlight: MAX_IN_FLIGHT },
    });
    return { store, client };
  }

  function failed(error: unknown, { index, operator }: PlannedOrder): void {
    const code = error instanceof AssayError ? error.code : "none";
    const time = new Date().toISOString();
    appendFileSync(
      join(directory, "log"),
      `${time} order ${index} to ${operator}: ${code}: ${messageOf(error)}\n`,
    );
    failures.set(code, (failures.get(code) ?? 0) + 1);
    if (code === "none") surprises.push(messageOf(error));
  }

  return {
    async buy(order, signal) {
      const { model, input, operator } = order;
      while (!signal.aborted) {
        try {
          const { client } = await current;
          const { receipt } = await client.infer({
            ...{ releaseId: releases[model], signature: models[model].signature, input },
            ...{ operator: accounts[operator].address, endpoint: `http://${doors[operator]}` },
            timeoutSeconds: TIMEOUT_SECONDS,
          });
          return receipt;
        } catch (error) {
          failed(error, order);
          await sleep(AGAIN_MS);
        }
      }
      return undefined;
    },
    async restart() {
      const { store } = await current;
      // What is under way fails, as if the process had ended.
      await store.close();
      current = open();
      await current;
    },
    ledger: async (operator) => (await current).client.ledger(accounts[operator].address),
    failures,
    surprises,
    close: async () => (await current).store.close(),
  };
}

/** Whether a client's vouchers pay for one more answer. Decided in memory; the database has the last word when the receipt is kept. */
import { AssayError } from "../../../sdk/src/error.ts";
import { ZERO_HASH, type Hex } from "../../../sdk/src/structs.ts";
import type { DepositRecord } from "../chain/state.ts";
import { ether } from "../economics/ether.ts";
import type { Promised, PurseState, ReceiptStore } from "../state/receipts.ts";
import { lowerHex } from "../lowerHex.ts";

/** A price that is set aside while its answer is computed. */
export interface Reservation {
  /** The best voucher that we have of the client. */
  readonly voucher: () => Promised;
  /** The answer was given and charged for. */
  charged(): void;
  /** It was not: the client does not owe it. */
  released(): void;
}

export interface Purses {
  /** @param offered Signed. @throws {AssayError} PAYMENT_REQUIRED with `details.owedWei`. */
  reserve(deposit: DepositRecord, priceWei: bigint, offered: Promised): Promise<Reservation>;
  /** What was found in the database may have changed by others: it is read again. */
  forget(client: Hex): void;
}

interface Purse {
  owedWei: bigint;
  reservedWei: bigint;
  best: Promised;
}

const NONE: Promised = { totalWei: 0n, order: ZERO_HASH, signature: "0x" };
const MOST_PURSES = 100_000;
const MOST_EVICTED = 1000;

export function createPurses(store: Pick<ReceiptStore, "purse">): Purses {
  const purses = new Map<string, Promise<Purse>>();
  /** Answers on their way, by client. */
  const reserved = new Map<string, number>();

  async function load(client: Hex): Promise<Purse> {
    const found: PurseState | undefined = await store.purse(client);
    if (found === undefined) return { owedWei: 0n, reservedWei: 0n, best: NONE };
    return { owedWei: found.owedWei, reservedWei: 0n, best: found.voucher };
  }

  /** What is set aside for answers on their way is known here alone. */
  function evict(): void {
    for (const client of [...purses.keys()].slice(0, MOST_EVICTED))
      if (!reserved.has(client)) purses.delete(client);
  }

  function purseOf(client: Hex): Promise<Purse> {
    const known = purses.get(client);
    if (known !== undefined) return known;
    if (purses.size >= MOST_PURSES) evict();
    const loading = load(client);
    purses.set(client, loading);
    loading.catch(() => purses.delete(client));
    return loading;
  }

  function refuse(why: string, owedWei: bigint): AssayError {
    return new AssayError("PAYMENT_REQUIRED", why, { details: { owedWei: owedWei.toString() } });
  }

  return {
    async reserve({ client, depositWei }, priceWei, offered) {
      const purse = await purseOf(lowerHex(client));
      const promised = purse.owedWei + purse.reservedWei;
      const needed = promised + priceWei;
      const best = offered.totalWei > purse.best.totalWei ? offered : purse.best;
      if (best.totalWei < needed)
        throw refuse(
          `the voucher says ${ether(best.totalWei)}, and ${ether(needed)} is needed: ${ether(promised)} for answers before this one`,
          promised,
        );
      if (depositWei < needed)
        throw refuse(
          `the deposit of ${ether(depositWei)} does not cover ${ether(needed)}: add to it`,
          promised,
        );
      // The voucher of an order that is refused is worth nothing to us.
      purse.best = best;
      purse.reservedWei += priceWei;
      const name = lowerHex(client);
      reserved.set(name, (reserved.get(name) ?? 0) + 1);
      const end = (): void => {
        purse.reservedWei -= priceWei;
        const left = (reserved.get(name) ?? 1) - 1;
        if (left === 0) reserved.delete(name);
        else reserved.set(name, left);
      };
      return {
        voucher: () => purse.best,
        charged() {
          end();
          purse.owedWei += priceWei;
        },
        released: end,
      };
    },
    forget(client) {
      purses.delete(lowerHex(client));
    },
  };
}

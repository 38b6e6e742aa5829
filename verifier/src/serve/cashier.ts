/** What answers over HTTP take on chain: a key that is registered, vouchers that are redeemed, a line that moves on. */
import { id } from "ethers";
import type { Voucher } from "../../../sdk/src/receipts.ts";
import { MAX_WEI, sameHex, type Hex } from "../../../sdk/src/structs.ts";
import { depositKey, type ChainState, type DepositRecord } from "../chain/state.ts";
import type { BlockRef } from "../chain/log.ts";
import type { Duty } from "../duties.ts";
import { logError } from "../log.ts";
import { lowerHex } from "../lowerHex.ts";
import { isSignedBy, type Digests, type DigestSigner } from "./digests.ts";
import type { Promised, PurseState, ReceiptStore } from "../state/receipts.ts";
import { KEPT_SECONDS } from "../state/kept.ts";
import { lineDuties } from "../roles/line.ts";
import type { Role, RoleContext } from "../roles/role.ts";

export interface CashierOptions {
  readonly signer: DigestSigner;
  readonly digests: Digests;
  readonly store: Pick<ReceiptStore, "purses" | "purge">;
  /** Redeemed once clients together owe this much, wei; who leaves is redeemed anyway. */
  readonly redeemFromWei: bigint;
}

/** Vouchers of one transaction. */
const MOST_VOUCHERS = 64;
/** Between two looks at what clients owe, milliseconds. */
const LOOK_MS = 15_000;
const PURGE_MS = 3_600_000;
/** What an own client leaves behind is not worth a transaction below this, wei. */
const LEAST_WEI = 10n ** 13n;

interface Due {
  readonly purse: PurseState;
  readonly wei: bigint;
  /** What will have been redeemed then, of all times. */
  readonly upToWei: bigint;
  readonly leaves: boolean;
  /** Of the deposit. */
  readonly signer: Hex;
}

/** The same sums bring nothing twice: what was sent for them, by an earlier life of this process perhaps, is joined or found. */
function redeemKey(due: readonly Due[]): string {
  return `redeem:${id(due.map(({ purse: { client }, upToWei }) => `${client}:${upToWei}`).join())}`;
}

/** A voucher, and by whom it should be signed: a reorganisation can give a deposit another signer. */
function nameOf({ signature }: Promised, { signer }: Pick<DepositRecord, "signer">): string {
  return `${signature}:${signer}`;
}

export function createCashier(
  context: Pick<RoleContext, "contracts" | "sender" | "log">,
  options: CashierOptions,
): Role {
  const { contracts, sender, log } = context;
  const { signer, digests, store, redeemFromWei } = options;
  const me = sender.address;
  let purses: readonly PurseState[] = [];
  let lookedAt = -Infinity;
  /** Block of the last redeeming. */
  let redeemedIn = 0;
  let purgedAt = performance.now();
  /** Vouchers that the contract would not take. */
  const worthless = new Set<string>();

  /** The purses are read in the background: what is due is a little old, which redeeming is not hurt by. */
  function look(): void {
    if (performance.now() - lookedAt < LOOK_MS) return;
    lookedAt = performance.now();
    store.purses().then(
      (found) => (purses = found),
      (error: unknown) => logError(log, error, "reading vouchers failed"),
    );
  }

  function keyDuty(state: ChainState): Duty[] {
    const owner = state.keys.get(signer.address.toLowerCase());
    if (owner !== undefined) return [];
    const key = `addKey:${signer.address}`;
    const run = async (): Promise<void> => {
      const proof = signer.sign(digests.digestOf("Key", { operator: me }));
      const data = contracts.receipts.interface.encodeFunctionData("addKey", [signer.address, proof]);
      await sender.send({ key, label: "addKey", to: contracts.deployment.addresses.receipts, data });
    };
    return [{ key, subject: key, run }];
  }

  /** What a voucher brings: no more than the deposit holds. */
  function dueOf(purse: PurseState, deposit: DepositRecord | undefined): Due[] {
    if (deposit === undefined || worthless.has(nameOf(purse.voucher, deposit))) return [];
    const { totalWei } = purse.voucher;
    const upToWei = totalWei < deposit.depositWei ? totalWei : deposit.depositWei;
    const wei = upToWei - deposit.redeemedWei;
    return wei <= 0n ? [] : [{ purse, wei, upToWei, leaves: deposit.leavesAt !== 0, signer: deposit.signer }];
  }

  function redeemDuty(state: ChainState, head: BlockRef): Duty[] {
    // What was redeemed is not in the state yet: it would count again.
    if (head.number < redeemedIn) return [];
    const due = purses.flatMap((purse) => dueOf(purse, state.deposits.get(depositKey(purse.client, me))));
    const sum = due.reduce((all, { wei }) => all + wei, 0n);
    const urgent = due.filter(({ leaves, wei }) => leaves && wei >= LEAST_WEI);
    if (sum < redeemFromWei && urgent.length === 0) return [];
    const first = [...due].sort((a, b) => Number(b.leaves) - Number(a.leaves) || (a.wei < b.wei ? 1 : -1));
    const run = (): Promise<void> => redeem(first.slice(0, MOST_VOUCHERS).filter(isTaken));
    return [{ key: "redeem", subject: `redeem:${lowerHex(me)}`, run }];
  }

  function voucherIn({ purse: { client, voucher } }: Due): Voucher {
    const { totalWei, order } = voucher;
    return { client, operator: me, totalWei, order };
  }

  /** Whether the contract takes the voucher: one that it does not would undo all that are redeemed with it, again and again. */
  function isTaken(due: Due): boolean {
    const { purse, signer } = due;
    const { signature } = purse.voucher;
    const voucher = voucherIn(due);
    if (voucher.totalWei <= MAX_WEI && isSignedBy(digests.digestOf("Voucher", voucher), signature, signer))
      return true;
    worthless.add(nameOf(purse.voucher, due));
    log.warn(
      { client: purse.client, totalWei: voucher.totalWei.toString() },
      "a voucher is left out: the contract would not take it",
    );
    return false;
  }

  async function redeem(due: readonly Due[]): Promise<void> {
    if (due.length === 0) return;
    const vouchers = due.map(voucherIn);
    const signatures = due.map(({ purse }) => purse.voucher.signature);
    const data = contracts.deposits.interface.encodeFunctionData("redeem", [vouchers, signatures, me]);
    const to = contracts.deployment.addresses.deposits;
    redeemedIn = (await sender.send({ key: redeemKey(due), label: "redeem", to, data })).blockNumber;
    log.info(
      { clients: due.length, wei: due.reduce((all, { wei }) => all + wei, 0n).toString() },
      "redeemed",
    );
    lookedAt = -Infinity;
  }

  function purgeDuty(now: number): Duty[] {
    if (performance.now() - purgedAt < PURGE_MS) return [];
    const run = async (): Promise<void> => {
      purgedAt = performance.now();
      await store.purge(now - KEPT_SECONDS);
    };
    return [{ key: "purgeReceipts", subject: undefined, run }];
  }

  return {
    duties(state: ChainState, head: BlockRef) {
      look();
      const mine = [...state.queues.keys()].some((operator) => sameHex(operator, me));
      return [
        ...keyDuty(state),
        ...redeemDuty(state, head),
        ...purgeDuty(head.timestamp),
        ...(mine ? lineDuties(context, state) : []),
      ];
    },
  };
}

/** Whether the key may sign for the operator. */
export function isKeyOf(state: Pick<ChainState, "keys">, key: Hex, operator: Hex): boolean {
  const owner = state.keys.get(key.toLowerCase());
  return owner !== undefined && sameHex(owner.operator, operator) && owner.until === Number.MAX_SAFE_INTEGER;
}

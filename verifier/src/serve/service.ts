/** Answers paid for by vouchers: an order and an input in, an output and a signed receipt out. */
import { inputsRoot } from "../../../program/src/claim.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { keccak } from "../../../sdk/src/ids.ts";
import { voucherOf, type Payment } from "../../../sdk/src/infer/wire.ts";
import type { Receipt } from "../../../sdk/src/receipts.ts";
import { sameHex, toHex, type Hex } from "../../../sdk/src/structs.ts";
import { createLine, QUERIES } from "../api/bounded.ts";
import { depositKey, type ChainState, type DepositRecord } from "../chain/state.ts";
import { ether } from "../economics/ether.ts";
import type { PreparedRelease } from "../releases/prepare.ts";
import type { Given, Kept, ReceiptStore } from "../state/receipts.ts";
import { isSignedBy, type Digests, type DigestSigner } from "./digests.ts";
import type { Fair } from "./fair.ts";
import type { Purses, Reservation } from "./purses.ts";
import type { Prices } from "./terms.ts";
import { lowerHex } from "../lowerHex.ts";

export interface ServiceOptions {
  /** The operator. */
  readonly account: Hex;
  readonly prices: Prices;
  readonly digests: Digests;
  readonly signer: DigestSigner;
  readonly store: ReceiptStore;
  readonly purses: Purses;
  readonly fair: Fair;
  readonly state: () => Pick<ChainState, "deposits" | "keys">;
  /** Whether the state is that of the chain's newest block: before, nobody is known. */
  readonly isRead: () => boolean;
  /** @throws {AssayError} NOT_FOUND if the release is not served, BUSY if it is not ready. */
  readonly release: (releaseId: Hex) => PreparedRelease;
  /** @param deadline Unix seconds. */
  readonly answer: (release: PreparedRelease, input: Uint8Array, deadline: number) => Promise<Uint8Array>;
  /** Unix seconds. */
  readonly now: () => number;
}

export interface Answered {
  readonly receipt: Receipt;
  readonly signature: Hex;
  readonly output: Uint8Array;
}

/** An order that a client with a deposit has signed. */
export interface Checked {
  readonly payment: Payment;
  readonly requestHash: Hex;
  readonly release: PreparedRelease;
  readonly deposit: DepositRecord;
}

export interface Service {
  /**
   * What can be known of an order without its input: nothing need be read from whoever does not pay.
   * @throws {AssayError} NOT_FOUND, BUSY, BAD_PAYMENT, BAD_SIGNATURE, PAYMENT_REQUIRED.
   */
  check(payment: Payment): Checked;
  /** @param input Blob. @throws {AssayError} BUSY, BAD_PAYMENT, PAYMENT_REQUIRED; as inference. */
  infer(checked: Checked, input: Uint8Array): Promise<Answered>;
  /** What was answered before, to whoever signed for it, whatever has changed since. @throws {AssayError} BUSY */
  answered(payment: Payment): Promise<Answered | undefined>;
}

/** An order may expire this much later at most, seconds. */
export const MAX_ORDER_SECONDS = 600;

function bad(why: string): AssayError {
  return new AssayError("BAD_PAYMENT", why);
}

export function createService(options: ServiceOptions): Service {
  const { account, prices, digests, signer, store, purses, fair, state, now } = options;
  /** By the order's digest: who asks again waits for the same answer. */
  const open = new Map<Hex, Promise<Answered>>();
  const queries = createLine(QUERIES);

  function answeredOf({ receipt, signature, output }: Kept): Answered {
    return { receipt, signature, output };
  }

  function checkOrder({ order }: Payment): void {
    if (!sameHex(order.operator, account))
      throw bad(`the order is for ${order.operator}, this is ${account}`);
    const time = now();
    if (order.expiresAt < time) throw bad("the order has expired: sign a new one, and look at the clock");
    if (order.expiresAt > time + MAX_ORDER_SECONDS)
      throw bad(`the order expires more than ${MAX_ORDER_SECONDS} s from now: look at the clock`);
    const priceWei = prices.of(order.releaseId);
    if (order.priceWei < priceWei)
      throw new AssayError(
        "PAYMENT_REQUIRED",
        `the price is ${priceWei} wei, the order offers ${order.priceWei}`,
      );
  }

  /** Whether it covers what is owed besides is seen later: that takes the database. */
  function depositFor({ client, priceWei }: Payment["order"]): DepositRecord {
    const deposit = state().deposits.get(depositKey(client, account));
    if (deposit === undefined || deposit.depositWei === deposit.redeemedWei)
      throw new AssayError("PAYMENT_REQUIRED", `${client} has no deposit for ${account}: make one first`);
    if (deposit.leavesAt !== 0)
      throw new AssayError(
        "PAYMENT_REQUIRED",
        `${client} has announced that it leaves: deposit again to stay`,
      );
    if (deposit.depositWei < priceWei)
      throw new AssayError(
        "PAYMENT_REQUIRED",
        `the deposit of ${ether(deposit.depositWei)} does not cover the price of ${ether(priceWei)}: add to it`,
      );
    return deposit;
  }

  function issue(payment: Payment, requestHash: Hex, output: Uint8Array): Omit<Given, "input" | "voucher"> {
    const { order } = payment;
    const receipt: Receipt = {
      requestHash,
      releaseId: lowerHex(order.releaseId),
      inputsRoot: lowerHex(order.inputsRoot),
      outputHash: keccak(output),
      operator: lowerHex(account),
      issuedAt: now(),
      bondClass: prices.bondClass,
    };
    const signature = signer.sign(digests.digestOf("Receipt", receipt));
    return {
      requestHash,
      receipt,
      signature,
      output,
      client: lowerHex(order.client),
      priceWei: order.priceWei,
    };
  }

  async function compute(
    { payment, requestHash, release }: Checked,
    input: Uint8Array,
    reservation: Reservation,
  ): Promise<Answered> {
    const { order } = payment;
    let kept = false;
    try {
      const output = await fair.run(lowerHex(order.client), () =>
        options.answer(release, input, order.expiresAt),
      );
      const issued = issue(payment, requestHash, output);
      const outcome = await store.keep({ ...issued, input, voucher: reservation.voucher() });
      kept = outcome === "kept";
      if (kept) return { receipt: issued.receipt, signature: issued.signature, output };
      // Another process of this operator spent the voucher, or was faster. Forgetting frees what is set aside for other orders, which
      // a store of one process, that never says "unpaid", would not notice.
      if (outcome === "unpaid") purses.forget(order.client);
      const known = outcome === "known" ? await store.find(requestHash) : undefined;
      if (known !== undefined) return answeredOf(known);
      throw new AssayError("PAYMENT_REQUIRED", "the voucher has been spent meanwhile: sign for more");
    } finally {
      if (kept) reservation.charged();
      else reservation.released();
    }
  }

  async function admit(checked: Checked, input: Uint8Array): Promise<Answered> {
    const { payment, requestHash, release, deposit } = checked;
    const { order, totalWei, signature } = payment;
    const { inputBytes } = release.model;
    if (input.length !== inputBytes) throw bad(`the input has ${input.length} bytes, not ${inputBytes}`);
    // Of what we got, not of what we were told: whoever signs for another root could be slashed for a right answer.
    const root = toHex(inputsRoot({ inputs: release.model.inputs }, input));
    if (!sameHex(root, order.inputsRoot))
      throw bad(`the input's root is ${root}, the order says ${order.inputsRoot}`);
    const offered = { totalWei, order: requestHash, signature };
    const reservation = await purses.reserve(deposit, order.priceWei, offered);
    return compute(checked, input, reservation);
  }

  function isSigned({ order, totalWei, signature }: Payment, requestHash: Hex, by: Hex): boolean {
    return isSignedBy(digests.digestOf("Voucher", voucherOf(order, totalWei, requestHash)), signature, by);
  }

  async function answered(payment: Payment): Promise<Answered | undefined> {
    const requestHash = digests.digestOf("Order", payment.order);
    const deposit = state().deposits.get(depositKey(payment.order.client, account));
    if (deposit === undefined || !isSigned(payment, requestHash, deposit.signer)) return undefined;
    const known = await queries(() => store.find(requestHash));
    return known && answeredOf(known);
  }

  /** Its voucher is used up by the answer of before; who joins a call that runs gets that too. */
  async function admitOrFind(checked: Checked, input: Uint8Array): Promise<Answered> {
    try {
      return await admit(checked, input);
    } catch (error) {
      const before = error instanceof AssayError ? await answered(checked.payment) : undefined;
      if (before !== undefined) return before;
      throw error;
    }
  }

  return {
    answered,
    check(payment) {
      const { order } = payment;
      // Whoever is refused takes it that nothing was given before.
      if (!options.isRead())
        throw new AssayError("BUSY", "the chain is still being read: ask again later", { retryable: true });
      checkOrder(payment);
      const release = options.release(lowerHex(order.releaseId));
      const deposit = depositFor(order);
      const requestHash = digests.digestOf("Order", order);
      if (!isSigned(payment, requestHash, deposit.signer))
        throw new AssayError("BAD_SIGNATURE", `the order's voucher is not signed by ${deposit.signer}`);
      return { payment, requestHash, release, deposit };
    },
    async infer(checked, input) {
      const { requestHash } = checked;
      const running = open.get(requestHash);
      if (running !== undefined) return running;
      const answer = admitOrFind(checked, input);
      open.set(requestHash, answer);
      try {
        return await answer;
      } finally {
        open.delete(requestHash);
      }
    },
  };
}

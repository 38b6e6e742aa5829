/** Answers paid for by vouchers: an order and an input in, an output and a signed receipt out. */
import { inputsRoot } from "../../../program/src/claim.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { keccak } from "../../../sdk/src/ids.ts";
import type { Payment } from "../../../sdk/src/infer/wire.ts";
import type { Receipt } from "../../../sdk/src/receipts.ts";
import { sameHex, toHex, type Hex } from "../../../sdk/src/structs.ts";
import { depositKey, type ChainState, type DepositRecord } from "../chain/state.ts";
import type { PreparedRelease } from "../releases/prepare.ts";
import type { Given, Kept, ReceiptStore } from "../state/receipts.ts";
import { isSignedBy, type Digests, type DigestSigner } from "./digests.ts";
import type { Fair } from "./fair.ts";
import type { Purses, Reservation } from "./purses.ts";
import type { Prices } from "./terms.ts";

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

export interface Service {
  /**
   * @param input Blob.
   * @throws {AssayError} NOT_FOUND, BUSY, BAD_PAYMENT, BAD_SIGNATURE, PAYMENT_REQUIRED, NONCE_USED; as inference.
   */
  infer(payment: Payment, input: Uint8Array): Promise<Answered>;
}

/** An order may expire this much later at most, seconds. */
export const MAX_ORDER_SECONDS = 600;

function lower(text: string): Hex {
  return `0x${text.slice(2).toLowerCase()}`;
}

function bad(why: string): AssayError {
  return new AssayError("BAD_PAYMENT", why);
}

export function createService(options: ServiceOptions): Service {
  const { account, prices, digests, signer, store, purses, fair, state, now } = options;
  /** By the order's digest: who asks again waits for the same answer. */
  const open = new Map<Hex, Promise<Answered>>();

  function answeredOf({ receipt, signature, output }: Kept): Answered {
    return { receipt, signature, output };
  }

  function checkOrder({ order, voucher }: Payment): void {
    if (!sameHex(order.operator, account))
      throw bad(`the order is for ${order.operator}, this is ${account}`);
    if (!sameHex(voucher.client, order.client) || !sameHex(voucher.operator, account))
      throw bad("the voucher is another client's, or for another operator");
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

  function depositFor(client: Hex): DepositRecord {
    const deposit = state().deposits.get(depositKey(client, account));
    if (deposit === undefined || deposit.depositWei === deposit.redeemedWei)
      throw new AssayError("PAYMENT_REQUIRED", `${client} has no deposit for ${account}: make one first`);
    if (deposit.leavesAt !== 0)
      throw new AssayError(
        "PAYMENT_REQUIRED",
        `${client} has announced that it leaves: deposit again to stay`,
      );
    return deposit;
  }

  function issue(payment: Payment, requestHash: Hex, output: Uint8Array): Omit<Given, "input" | "voucher"> {
    const { order } = payment;
    const receipt: Receipt = {
      requestHash,
      releaseId: lower(order.releaseId),
      inputsRoot: lower(order.inputsRoot),
      outputHash: keccak(output),
      operator: lower(account),
      issuedAt: now(),
      bondClass: prices.bondClass,
    };
    const digest = digests.digestOf("Receipt", receipt);
    const { nonce, priceWei } = order;
    const client = lower(order.client);
    return { requestHash, digest, receipt, signature: signer.sign(digest), output, client, nonce, priceWei };
  }

  /** What was answered before, or why it will not be. */
  async function again(requestHash: Hex): Promise<Answered> {
    const known = await store.byRequest(requestHash);
    if (known !== undefined) return answeredOf(known);
    throw new AssayError("NONCE_USED", "another order had this nonce: choose a new one");
  }

  async function compute(
    payment: Payment,
    input: Uint8Array,
    requestHash: Hex,
    release: PreparedRelease,
    reservation: Reservation,
  ): Promise<Answered> {
    const { order } = payment;
    let kept = false;
    try {
      const output = await fair.run(lower(order.client), () =>
        options.answer(release, input, order.expiresAt),
      );
      const issued = issue(payment, requestHash, output);
      const outcome = await store.keep({ ...issued, input, voucher: reservation.voucher() });
      kept = outcome === "kept";
      if (kept) return { receipt: issued.receipt, signature: issued.signature, output };
      // Another process of this operator was faster, or spent the voucher.
      purses.forget(order.client);
      if (outcome === "known") return await again(requestHash);
      throw new AssayError("PAYMENT_REQUIRED", "the voucher has been spent meanwhile: sign for more");
    } finally {
      if (kept) reservation.charged();
      else reservation.released();
    }
  }

  async function admit(payment: Payment, input: Uint8Array, requestHash: Hex): Promise<Answered> {
    const { order, orderSignature, voucher, voucherSignature } = payment;
    const release = options.release(lower(order.releaseId));
    const deposit = depositFor(order.client);
    if (!isSignedBy(requestHash, orderSignature, deposit.signer))
      throw new AssayError("BAD_SIGNATURE", "the order is not signed by the deposit's signer");
    const { inputBytes } = release.model;
    if (input.length !== inputBytes) throw bad(`the input has ${input.length} bytes, not ${inputBytes}`);
    // Of what we got, not of what we were told: whoever signs for another root could be slashed for a right answer.
    const root = toHex(inputsRoot({ inputs: release.model.inputs }, input));
    if (!sameHex(root, order.inputsRoot))
      throw bad(`the input's root is ${root}, the order says ${order.inputsRoot}`);
    const offered = { totalWei: voucher.totalWei, signature: voucherSignature };
    const isSigned = (): boolean =>
      isSignedBy(digests.digestOf("Voucher", voucher), voucherSignature, deposit.signer);
    let reservation: Reservation;
    try {
      reservation = await purses.reserve(deposit, order.priceWei, offered, isSigned);
    } catch (error) {
      // Who lost the answer owes it already.
      const known = await store.byRequest(requestHash);
      if (known !== undefined) return answeredOf(known);
      throw error;
    }
    return compute(payment, input, requestHash, release, reservation);
  }

  return {
    async infer(payment, input) {
      const requestHash = digests.digestOf("Order", payment.order);
      const running = open.get(requestHash);
      if (running !== undefined) return running;
      checkOrder(payment);
      const answer = admit(payment, input, requestHash);
      open.set(requestHash, answer);
      try {
        return await answer;
      } finally {
        open.delete(requestHash);
      }
    },
  };
}

/** A client of answers over HTTP that can sign whatever it likes: its parts are the SDK's, without the SDK's care. */
import { randomBytes, toBigInt, type BaseWallet } from "ethers";
import { inputsRoot } from "../../program/src/claim.ts";
import { connect } from "../../sdk/src/contracts.ts";
import {
  fromHeader,
  HEADERS,
  INFER_PATH,
  networkOf,
  SCHEME,
  settlementSchema,
  toHeader,
  voucherOf,
  X402_VERSION,
  type Payment,
  type ReceiptFile,
  type Settlement,
} from "../../sdk/src/infer/wire.ts";
import { digestOf, placeIn, signAs, type Order, type Place } from "../../sdk/src/receipts.ts";
import { toHex, type Hex } from "../../sdk/src/structs.ts";
import type { PublishedModel, World } from "./world.ts";

export interface Bought {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** With status 200. */
  readonly settlement: Settlement | undefined;
}

export interface Ordered {
  readonly payment: Payment;
  readonly input: Uint8Array;
}

export type Buyer = Awaited<ReturnType<typeof createBuyer>>;

export function placeOf({ deployment }: World): Place {
  return placeIn(deployment);
}

/** @param depositWei For `operator`, paid from the account. */
export async function createBuyer(world: World, account: number, operator: Hex, depositWei: bigint) {
  const wallet: BaseWallet = world.chain.wallet(account);
  const client: Hex = `0x${wallet.address.slice(2)}`;
  const place = placeOf(world);
  const { deposits } = connect(world.deployment, wallet);
  if (depositWei > 0n) await (await deposits.deposit(operator, client, { value: depositWei })).wait();

  /** Signed; `changed` is what the order says otherwise than it should. */
  async function order(
    { model, releaseId }: PublishedModel,
    input: Uint8Array,
    priceWei: bigint,
    totalWei: bigint,
    changed: Partial<Order> = {},
    at: Place = place,
  ): Promise<Ordered> {
    const made: Order = {
      releaseId,
      inputsRoot: toHex(inputsRoot(model.program, input)),
      client,
      operator,
      priceWei,
      nonce: toBigInt(randomBytes(8)),
      expiresAt: Math.floor(Date.now() / 1000) + 300,
      ...changed,
    };
    const voucher = voucherOf({ ...made, operator }, totalWei, digestOf(at, "Order", made));
    return {
      payment: { order: made, totalWei, signature: await signAs(wallet, at, "Voucher", voucher) },
      input,
    };
  }

  async function send(url: string, { payment, input }: Ordered): Promise<Bought> {
    const accepted = { scheme: SCHEME, network: networkOf(place) };
    const reply = await fetch(`${url}${INFER_PATH}`, {
      method: "POST",
      headers: {
        "content-type": "application/octet-stream",
        [HEADERS.payment]: toHeader({ x402Version: X402_VERSION, accepted, payload: payment }),
      },
      body: new Uint8Array(input),
    });
    const body = new Uint8Array(await reply.arrayBuffer());
    const header = reply.headers.get(HEADERS.response);
    const settlement =
      header === null ? undefined : fromHeader(settlementSchema, "settlement", header).extensions;
    return { status: reply.status, headers: reply.headers, body, settlement };
  }

  return { client, place, deposits, order, send };
}

/** What the buyer can hand to anybody. */
export function fileOf(place: Place, { input }: Ordered, { settlement, body }: Bought): ReceiptFile {
  if (settlement === undefined) throw new Error("there is no receipt");
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  return {
    version: 1,
    chainId: place.chainId,
    receipts: place.receipts,
    receipt: settlement.receipt,
    signature: settlement.signature,
    input: base64(input),
    output: base64(body),
  };
}

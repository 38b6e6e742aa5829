/** The plain facts of the second door: the chain's record, the client's ledger and the operators' own books set against each other. */
import type { EventOf } from "../../../sdk/src/events.ts";
import type { Verdict } from "../../../sdk/src/states.ts";
import type { ReceiptFile } from "../../../sdk/src/infer/wire.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import { resultOfClaim } from "../../../verifier/src/chain/state.ts";
import { gamesOf, ledgerOf, nameAt, vaultOf, type Facts, type GameFact, type LedgerFact } from "../facts.ts";
import { eventsNamed, readRecord, type ChainRecord } from "../record.ts";
import { RECEIPT_PRICE, SELLERS, type SellerName, type StakedName, type VerifierName } from "../rules.ts";
import type { Stage } from "../stage.ts";
import type { Books } from "./books.ts";
import type { Judged } from "./desk.ts";
import type { Shopper } from "./client.ts";
import type { Asked } from "./letters.ts";
import type { PlannedOrder } from "./plan.ts";

/** A receipt that the client holds. */
export interface ReceiptFact {
  readonly digest: Hex;
  readonly by: StakedName | undefined;
  readonly right: boolean;
  /** Who took it to judge it. */
  readonly taken: readonly VerifierName[];
  /** What each of them found. */
  readonly judged: readonly Judged[];
  readonly verdict: Verdict;
  readonly bondSettled: boolean;
}

/** An order that was answered. */
export interface OrderFact {
  readonly by: StakedName | undefined;
  /** Different ones. */
  readonly answers: number;
  /** What was said when it was asked once more at the end. */
  readonly again: "same" | "other" | "none";
}

/** What the client and one seller count, wei. */
export interface PurseFact {
  readonly seller: SellerName;
  /** Prices of the receipts that the client holds. */
  readonly held: bigint;
  /** The client's ledger. */
  readonly obtained: bigint;
  readonly signed: bigint;
  readonly open: number;
  /** The seller's own books: what the client owes, and the best voucher. */
  readonly owed: bigint;
  readonly promised: bigint;
  /** By the chain. */
  readonly redeemed: bigint;
}

export interface DoorFacts {
  readonly receipts: readonly ReceiptFact[];
  readonly orders: readonly OrderFact[];
  /** Sellers of orders that got no receipt. */
  readonly unanswered: readonly SellerName[];
  readonly purses: readonly PurseFact[];
  readonly games: readonly GameFact[];
  /** Challenges that waited in line. */
  readonly queued: number;
  readonly ledger: readonly LedgerFact[];
  readonly vault: Facts["vault"];
  readonly deposits: Facts["vault"];
  readonly surprises: readonly string[];
}

export interface Held {
  readonly digest: Hex;
  readonly file: ReceiptFile;
  readonly right: boolean;
  readonly taken: readonly VerifierName[];
  readonly judged: readonly Judged[];
}

export interface DoorNotes {
  readonly held: readonly Held[];
  readonly asked: readonly Asked[];
  readonly unanswered: readonly PlannedOrder[];
  readonly shopper: Shopper;
  /** Of each seller, once its process has ended. */
  readonly booksOf: (seller: SellerName) => Promise<Books>;
}

function receiptsOf(stage: Stage, record: ChainRecord, held: readonly Held[]): ReceiptFact[] {
  const trials = eventsNamed(record, "ReceiptOnTrial");
  const lost = eventsNamed(record, "OperatorLost");
  const settled = eventsNamed(record, "BondSettled");
  const resultOf = ({ requestId, claim }: EventOf<"ReceiptOnTrial">): Hex => resultOfClaim(requestId, claim);
  return held.map(({ digest, file, right, taken, judged }) => {
    const trial = trials.find(({ claim }) => sameHex(claim.request.inputHash, digest));
    const isOfTrial = ({ resultId }: { readonly resultId: Hex }): boolean =>
      trial !== undefined && sameHex(resultId, resultOf(trial));
    return {
      ...{ digest, right, taken, judged, by: nameAt(stage, file.receipt.operator) },
      verdict: lost.find(isOfTrial)?.verdict ?? "none",
      bondSettled: settled.some(isOfTrial),
    };
  });
}

function orderOf(stage: Stage, { letter, again }: Asked): OrderFact {
  const known = again === undefined ? "none" : letter.answers.has(again) ? "same" : "other";
  return { by: nameAt(stage, letter.payment.order.operator), answers: letter.answers.size, again: known };
}

async function purseOf(
  stage: Stage,
  seller: SellerName,
  { held, shopper, booksOf }: DoorNotes,
): Promise<PurseFact> {
  const { address } = stage.accounts[seller];
  const { client } = stage.accounts;
  const receipts = held.filter(({ file }) => sameHex(file.receipt.operator, address));
  const { obtainedWei: obtained, signedWei: signed, open } = await shopper.ledger(seller);
  const { owedWei: owed, promisedWei: promised } = await booksOf(seller);
  const { redeemedWei: redeemed } = await stage.contracts.deposits.accountOf(client.address, address);
  const prices = BigInt(receipts.length) * RECEIPT_PRICE;
  return { seller, held: prices, obtained, signed, open: open.length, owed, promised, redeemed };
}

async function depositsOf({ contracts, accounts, provider }: Stage): Promise<Facts["vault"]> {
  const { deposits, deployment } = contracts;
  let accounted = 0n;
  for (const name of SELLERS) {
    const { depositWei, redeemedWei } = await deposits.accountOf(
      accounts.client.address,
      accounts[name].address,
    );
    accounted += depositWei - redeemedWei;
  }
  return { balance: await provider.getBalance(deployment.addresses.deposits), accounted };
}

export async function gatherDoorFacts(stage: Stage, notes: DoorNotes): Promise<DoorFacts> {
  const record = await readRecord(stage.contracts, stage.provider, "receipts");
  const purses: PurseFact[] = [];
  for (const seller of SELLERS) purses.push(await purseOf(stage, seller, notes));
  return {
    receipts: receiptsOf(stage, record, notes.held),
    orders: notes.asked.map((asked) => orderOf(stage, asked)),
    unanswered: notes.unanswered.map(({ operator }) => operator),
    purses,
    games: gamesOf(stage, record, ({ request }) => `receipt ${request.inputHash}`),
    queued: eventsNamed(record, "ChallengeQueued").length,
    ledger: await ledgerOf(stage, record, "receipts"),
    vault: await vaultOf(stage.contracts, stage, record, "receipts"),
    deposits: await depositsOf(stage),
    surprises: notes.shopper.surprises,
  };
}

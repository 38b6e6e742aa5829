/** What must hold at the end, whatever went wrong on the way. Pure: facts in, broken invariants out. */
import { sameHex } from "../../sdk/src/structs.ts";
import { brokenAtDoor } from "./door/invariants.ts";
import type { Facts, GameFact, LedgerFact, RequestFact } from "./facts.ts";
import { isHonest } from "./rules.ts";

export interface Broken {
  readonly invariant:
    /** An honest account lost stake, or has another sum than it deposited and earned. */
    | "HONEST_STAKE"
    /** An honest operator's answer is wrong. */
    | "HONEST_WRONG"
    /** A wrong answer was not overturned. */
    | "LIE_STANDS"
    /** A right answer was overturned, or is not final. */
    | "RIGHT_ANSWER"
    /** A request that honest operators could answer, and did not decline, was not answered in time. */
    | "UNANSWERED"
    /** A request was answered, made or refunded that should not have been. */
    | "UNEXPECTED"
    /** An honest account made a move again that had succeeded. */
    | "TWICE"
    /** Somebody's stake is still locked, or a fee still held, when nothing is left to happen. */
    | "UNSETTLED"
    /** The vault or the market holds another sum than it owes. */
    | "MONEY"
    /** A client was charged for more than it holds receipts of, or signed for more than was on its way to it. */
    | "CHARGED"
    /** An operator does not know, or has not redeemed, what a client has signed for. */
    | "UNREDEEMED"
    /** An order was answered in two ways, or not again; or a receipt that the client holds was not taken to be judged. */
    | "RECEIPT_LOST"
    /** A verifier took a receipt and did not judge it, or otherwise than the exact interpreter. */
    | "MISJUDGED"
    /** An SDK call threw what it does not say that it throws. */
    | "SURPRISE"
    /** A process ended by itself, did not end when told to, or left children behind. */
    | "PROCESS"
    /** A process takes more and more memory. */
    | "MEMORY";
  readonly what: string;
}

function isFinal({ state }: RequestFact): boolean {
  return state === "final" || state === "delivered";
}

function ofRequest(fact: RequestFact): Broken[] {
  const { index, requestId, expected, operator, answer, declined, state } = fact;
  const broken: Broken[] = [];
  const add = (invariant: Broken["invariant"], what: string): void => {
    broken.push({ invariant, what: `request ${index} (${requestId}): ${what}` });
  };
  if (expected === "refused") add("UNEXPECTED", "the market took what it should refuse");
  if (expected === "unanswerable" && answer !== undefined)
    add("UNEXPECTED", `answered by ${answer.by ?? "a stranger"}`);
  if (answer === undefined) {
    // A liar that was named may leave it.
    if (expected === "answered" && !declined && (operator === undefined || isHonest(operator)))
      add("UNANSWERED", `nobody answered; ${operator ?? "anybody"} could`);
    if (state !== "refunded") add("UNSETTLED", `unanswered, its state is ${state}`);
    return broken;
  }
  const by = answer.by ?? "a stranger";
  if (isHonest(answer.by) && !answer.right) add("HONEST_WRONG", `${by} gave a wrong answer`);
  if (isHonest(answer.by) && answer.verdict !== "none")
    add("HONEST_STAKE", `${by} was overturned by ${answer.verdict}`);
  if (!answer.right && answer.verdict === "none") add("LIE_STANDS", `the lie of ${by} is ${state}`);
  if (answer.right && !isFinal(fact)) add("RIGHT_ANSWER", `the right answer of ${by} is ${state}`);
  if (answer.verdict !== "none" && state !== "refunded")
    add("UNSETTLED", `overturned, but its state is ${state}`);
  if (answer.verdict !== "none" && !answer.bondSettled)
    add("UNSETTLED", "the rest of the bond is not burned");
  return broken;
}

function ofLedger(fact: LedgerFact): Broken[] {
  const { name, honest, free, locked, reserve, deposited, withdrawn, earned, credited, won, lost } = fact;
  const broken: Broken[] = [];
  if (honest && lost !== 0n) broken.push({ invariant: "HONEST_STAKE", what: `${name} lost ${lost} wei` });
  const due = deposited - withdrawn + earned + credited + won - lost;
  if (free + locked !== due)
    broken.push({
      invariant: honest ? "HONEST_STAKE" : "MONEY",
      what: `${name} has ${free + locked} wei, its events add up to ${due}`,
    });
  if (locked !== reserve)
    broken.push({ invariant: "UNSETTLED", what: `${locked - reserve} wei of ${name} are still locked` });
  return broken;
}

function ofMoney({ vault, market, door }: Facts): Broken[] {
  const sums = [
    ["the vault", vault.balance, vault.accounted],
    ["the market", market.balance, market.owed],
    ["the receipts' vault", door.vault.balance, door.vault.accounted],
    ["the contract of deposits", door.deposits.balance, door.deposits.accounted],
  ] as const;
  return sums
    .filter(([, balance, owed]) => balance !== owed)
    .map(([name, balance, owed]): Broken => {
      return { invariant: "MONEY", what: `${name} holds ${balance} wei and owes ${owed}` };
    });
}

function ofGame({ challenger, about, lost, settled }: GameFact): Broken[] {
  const broken: Broken[] = [];
  if (lost && isHonest(challenger))
    broken.push({ invariant: "HONEST_STAKE", what: `${challenger ?? ""} lost its game about ${about}` });
  if (!settled)
    broken.push({ invariant: "UNSETTLED", what: `the game of ${challenger ?? "a stranger"} about ${about}` });
  return broken;
}

export function brokenInvariants(facts: Facts): Broken[] {
  const twice = facts.twice.map(({ account, key, hash }): Broken => {
    const name = facts.ledger.find(({ address }) => sameHex(address, account))?.name ?? account;
    return { invariant: "TWICE", what: `${name} made ${key} again by ${hash}` };
  });
  const missing = facts.missing
    .filter(({ expected }) => expected !== "refused")
    .map(({ index }): Broken => ({ invariant: "UNEXPECTED", what: `request ${index} was refused` }));
  return [
    ...facts.requests.flatMap(ofRequest),
    ...[...facts.ledger, ...facts.door.ledger].flatMap(ofLedger),
    ...ofMoney(facts),
    ...[...facts.games, ...facts.door.games].flatMap(ofGame),
    ...brokenAtDoor(facts.door),
    ...missing,
    ...twice,
  ];
}

/** What must hold of receipts and vouchers at the end. Pure. */
import type { Broken } from "../invariants.ts";
import { isHonest, MAX_IN_FLIGHT, RECEIPT_PRICE, REDEEM_FROM } from "../rules.ts";
import type { DoorFacts, OrderFact, PurseFact, ReceiptFact } from "./facts.ts";

function ofReceipt({ digest, by, right, taken, judged, verdict, bondSettled }: ReceiptFact): Broken[] {
  const broken: Broken[] = [];
  const add = (invariant: Broken["invariant"], what: string): void => {
    broken.push({ invariant, what: `receipt ${digest} of ${by ?? "a stranger"}: ${what}` });
  };
  if (isHonest(by) && !right) add("HONEST_WRONG", "it is wrong");
  if (isHonest(by) && verdict !== "none") add("HONEST_STAKE", `overturned by ${verdict}`);
  if (!right && verdict === "none") add("LIE_STANDS", "it is wrong and stands");
  if (right && verdict !== "none") add("RIGHT_ANSWER", `it is right, and was overturned by ${verdict}`);
  if (verdict !== "none" && !bondSettled) add("UNSETTLED", "the rest of the bond is not burned");
  if (taken.length === 0) add("RECEIPT_LOST", "nobody took it to judge it");
  const found = judged.filter((one) => one !== (right ? "right" : "wrong"));
  if (found.length > 0 || judged.length < taken.length)
    add("MISJUDGED", `it is ${right ? "right" : "wrong"}, those who took it say ${judged.join(", ")}`);
  return broken;
}

function ofOrder({ by, answers, again }: OrderFact): Broken[] {
  const who = by ?? "a stranger";
  if (answers > 1)
    return [{ invariant: "RECEIPT_LOST", what: `${who} answered an order in ${answers} different ways` }];
  if (again === "same") return [];
  return [{ invariant: "RECEIPT_LOST", what: `asked again, ${who} gives ${again} instead of what it gave` }];
}

/** Prices that may be at risk at once: what was signed beyond what was got. */
const AT_RISK = BigInt(MAX_IN_FLIGHT) * RECEIPT_PRICE;

function ofPurse({ seller, held, obtained, signed, open, owed, promised, redeemed }: PurseFact): Broken[] {
  const broken: Broken[] = [];
  const add = (invariant: Broken["invariant"], what: string): void => {
    broken.push({ invariant, what: `${seller}: ${what}` });
  };
  if (obtained !== held)
    add("CHARGED", `the client counts ${obtained} wei as obtained, its receipts are worth ${held}`);
  if (signed > held + AT_RISK)
    add("CHARGED", `${signed} wei were signed, for receipts of ${held} and ${AT_RISK} on their way`);
  if (owed !== held) add("CHARGED", `it counts ${owed} wei as owed, for receipts of ${held}`);
  if (redeemed > signed) add("CHARGED", `it redeemed ${redeemed} wei, of ${signed} signed`);
  if (open !== 0) add("UNSETTLED", `${open} orders are open`);
  if (promised !== signed) add("UNREDEEMED", `its best voucher says ${promised} wei, ${signed} were signed`);
  if (promised - redeemed >= REDEEM_FROM) add("UNREDEEMED", `${promised - redeemed} wei are not redeemed`);
  return broken;
}

export function brokenAtDoor({ receipts, orders, purses, unanswered, surprises }: DoorFacts): Broken[] {
  const ignored = unanswered
    .filter(isHonest)
    .map((seller): Broken => ({ invariant: "UNANSWERED", what: `${seller} gave no receipt for an order` }));
  const surprised = surprises.map((what): Broken => ({ invariant: "SURPRISE", what }));
  return [
    ...receipts.flatMap(ofReceipt),
    ...orders.flatMap(ofOrder),
    ...purses.flatMap(ofPurse),
    ...ignored,
    ...surprised,
  ];
}

/** Finds a receipt's trial by whatever names it: its digest, or the ids that the court and its game made of it. */
import { digestOf, placeIn } from "../../../sdk/src/receipts.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import { resultOfClaim } from "../chain/state.ts";
import { idsOf } from "./disputes.ts";
import { parse, search, type Place, type Subject } from "./search.ts";

/** @returns undefined if no challenged receipt has to do with the id. @throws {AssayError} RPC_FAILED. */
export async function findChallenged(place: Place, id: Hex): Promise<Subject | undefined> {
  const { contracts } = place;
  const { deployment, receipts, receiptsGame } = contracts;
  const { addresses } = deployment;
  // Nobody indexes digests, and trials of receipts are few: all of them are looked at.
  const names = (["ReceiptOnTrial", "ChallengeQueued"] as const).map(
    (name) => receipts.interface.getEvent(name).topicHash,
  );
  const byResult = new Map<Hex, Hex>();
  for (const log of await search(place, { address: addresses.receipts, topics: [names] })) {
    const event = parse(contracts, log, 0)?.event;
    if (event?.name !== "ReceiptOnTrial" && event?.name !== "ChallengeQueued") continue;
    const { requestId } = event;
    const waiting = event.name === "ChallengeQueued" ? idsOf(event) : undefined;
    const resultId =
      event.name === "ReceiptOnTrial" ? resultOfClaim(requestId, event.claim) : waiting?.resultId;
    if (waiting !== undefined && sameHex(waiting.disputeId, id)) return { requestId, disputeId: id };
    const digest = digestOf(placeIn(deployment), "Receipt", event.receipt);
    if ([requestId, resultId ?? requestId, digest].some((known) => sameHex(known, id)))
      return { requestId, disputeId: undefined };
    if (resultId !== undefined) byResult.set(resultId, requestId);
  }
  const topics = [receiptsGame.interface.getEvent("Challenged").topicHash, null, id];
  const [log] = await search(place, { address: addresses.receiptsGame, topics });
  const event = log && parse(contracts, log, 0)?.event;
  if (event?.name !== "Challenged") return undefined;
  const requestId = byResult.get(event.resultId);
  return requestId && { requestId, disputeId: event.disputeId };
}

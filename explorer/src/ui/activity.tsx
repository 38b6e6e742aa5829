/** What happened, an event a line. */
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Ledger } from "../data/ledger.ts";
import { requestOf } from "../../../verifier/src/chain/state.ts";
import type { HistoryEvent } from "../../../verifier/src/inspect/history.ts";
import type { Deployment } from "../../../sdk/src/deployment.ts";
import type { AssayEvent } from "../../../sdk/src/events.ts";
import { digestOf, placeIn } from "../../../sdk/src/receipts.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { useReading } from "../data/context.tsx";
import { Account, Badge, Ether, Id, Time, type Tone } from "./basics.tsx";

/** Events that only say again what another one of their transaction says, or that concern the rules. */
const QUIET: ReadonlySet<AssayEvent["name"]> = new Set([
  ...(["GameOpened", "GameClosed", "Overturned", "Revealed", "InputOpened", "Selected"] as const),
  ...(["EndpointsAnnounced", "ContentAnnounced", "BondSettled"] as const),
  ...(["ReceiptOnTrial", "ChallengeDequeued", "Anchored", "KeyAdded", "KeyRevoked"] as const),
  ...(["ReserveAdded", "ReserveLeaving", "ReserveWithdrawn"] as const),
]);

export function isLoud({ event }: HistoryEvent): boolean {
  return !QUIET.has(event.name);
}

function kindOf(event: AssayEvent): readonly [string, Tone] {
  switch (event.name) {
    case "Requested":
      return ["request", "open"];
    case "Fulfilled":
      return ["answer", "plain"];
    case "Finalized":
    case "Delivered":
      if (event.name === "Finalized") return ["final", "good"];
      return event.success ? ["delivered", "good"] : ["callback failed", "warn"];
    case "ChallengeQueued":
      return ["in line", "open"];
    case "Challenged":
    case "OperatorLost":
      return [event.name === "Challenged" ? "challenge" : "overturned", "bad"];
    case "Released":
    case "ModelCreated":
      return [event.name === "Released" ? "release" : "model", "plain"];
    case "Refunded":
      return ["refund", "warn"];
    case "OfferChanged":
      return ["offer", "plain"];
    case "ParametersChanged":
      return ["rules", "warn"];
    case "TraceCommitted":
      return ["trace", "plain"];
    case "ChallengerLost":
      return ["challenger lost", "plain"];
    case "GameSettled":
      return event.forfeitedWei > 0n ? ["forfeit", "plain"] : ["paid out", "plain"];
    default:
      return [event.name, "plain"];
  }
}

/** Digest of the receipt that an event is about; undefined: it is about something else. */
function digestFor(event: AssayEvent, { state }: Ledger, deployment: Deployment): Hex | undefined {
  if (event.name === "ChallengeQueued") return digestOf(placeIn(deployment), "Receipt", event.receipt);
  const record = state.requests.get(requestOf(state, event) ?? "0x");
  return record?.court === "receipts" ? record.request.inputHash : undefined;
}

function Words({ event, ledger }: { event: AssayEvent; ledger: Ledger }): ReactNode {
  const requestId = requestOf(ledger.state, event);
  const request = requestId !== undefined && (
    <Id value={requestId} to={`/requests/${requestId}`} what="request" />
  );
  const { deployment } = useReading().source;
  const digest = digestFor(event, ledger, deployment);
  const receipt = digest !== undefined && (
    <>
      the receipt <Id value={digest} to={`/requests/${requestId ?? digest}`} what="receipt" />
    </>
  );
  const answer = receipt === false ? <>the answer to {request}</> : receipt;
  switch (event.name) {
    case "ChallengeQueued":
      return (
        <>
          <Account address={event.challenger} /> challenges {receipt}, and waits in line
        </>
      );
    case "Requested":
      return (
        <>
          <Account address={event.requester} /> asks {request} for <Ether wei={event.request.fee} />
        </>
      );
    case "Fulfilled":
      return (
        <>
          <Account address={event.operator} /> answers {request}
        </>
      );
    case "Challenged":
      return (
        <>
          <Account address={event.challenger} /> challenges {answer}
        </>
      );
    case "OperatorLost":
      return (
        <>
          {answer} is overturned, proved by <Account address={event.by} />
        </>
      );
    case "Finalized":
      return <>the answer to {request} is final</>;
    case "Delivered":
      return event.success ? (
        <>the answer to {request} reaches the contract that asked</>
      ) : (
        <>the contract that asked {request} refuses its answer</>
      );
    case "TraceCommitted":
      return (
        <>
          the operator commits to every tensor of {receipt === false ? <>its answer to {request}</> : receipt}
        </>
      );
    case "ChallengerLost":
      return <>the challenger of {receipt === false ? request : receipt} runs out of time</>;
    case "GameSettled":
      return event.forfeitedWei > 0n ? (
        <>
          <Ether wei={event.forfeitedWei} /> forfeited by the challenger of{" "}
          {receipt === false ? request : receipt}
        </>
      ) : (
        <>the challenger of {receipt === false ? request : receipt} is paid</>
      );
    case "Released":
      return (
        <>
          <Id value={event.releaseId} to={`/releases/${event.releaseId}`} what="release" /> of model{" "}
          {event.modelId.toString()} is published
        </>
      );
    case "ModelCreated":
      return (
        <>
          <Account address={event.owner} /> creates <Link to="/models">model {event.modelId.toString()}</Link>
        </>
      );
    case "OfferChanged":
      return (
        <>
          <Account address={event.operator} /> {event.offer.maxBondWei === 0n ? "withdraws" : "offers"}{" "}
          <Id value={event.releaseId} to={`/releases/${event.releaseId}`} what="release" />
        </>
      );
    case "Refunded":
      return (
        <>
          <Ether wei={event.feeWei} /> back for {request}
        </>
      );
    case "ParametersChanged":
      return (
        <>
          the rules of later requests: <Link to="/roles">see what they are</Link>
        </>
      );
    default:
      return request;
  }
}

export function Activity({ ledger, events }: { ledger: Ledger; events: readonly HistoryEvent[] }): ReactNode {
  if (events.length === 0) return <p className="empty">Nothing has happened yet.</p>;
  return (
    <ol className="activity">
      {events.map((entry, i) => {
        const [kind, tone] = kindOf(entry.event);
        return (
          <li key={`${entry.transaction}:${entry.event.name}:${i - events.length}`}>
            <Badge tone={tone}>{kind}</Badge>
            <span className="what">
              <Words event={entry.event} ledger={ledger} />
            </span>
            <Time at={entry.timestamp} />
          </li>
        );
      })}
    </ol>
  );
}

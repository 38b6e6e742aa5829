/** A receipt that was challenged: what the chain knows of an answer over HTTP. */
import type { ReactNode } from "react";
import { bondOfClass, RECEIPT_VALIDITY } from "../../../sdk/src/receipts.ts";
import { disputesIn } from "../../../verifier/src/inspect/disputes.ts";
import { eventsOf } from "../../../verifier/src/inspect/history.ts";
import { moneyOf } from "../../../verifier/src/inspect/money.ts";
import { useNow, useSnapshot } from "../data/context.tsx";
import type { ReceiptCase } from "../data/receipts.ts";
import { Account, Badge, Card, Ether, Facts, Id, Page, Time, type Tone } from "../ui/basics.tsx";
import { DisputesOf } from "../ui/disputeTable.tsx";
import { Timeline, type Milestone } from "../ui/timeline.tsx";
import { WaitingTable } from "../ui/waitingTable.tsx";
import { counted, shortened } from "../ui/words.ts";

function standingOf({ history, waiting, receipt }: ReceiptCase, now: number): readonly [Tone, string] {
  const result = history?.result;
  if (result !== undefined && result.verdict !== "none") return ["bad", "judged wrong"];
  if ((result?.openGames ?? 0) > 0) return ["bad", "on trial"];
  if (waiting.length > 0) return ["open", "waits for its trial"];
  if (now < receipt.issuedAt + RECEIPT_VALIDITY) return ["open", "stands so far"];
  return ["good", "stands for good"];
}

function milestonesOf({ history, waiting, receipt }: ReceiptCase, now: number): Milestone[] {
  const [challenged] = history === undefined ? [] : eventsOf(history, "Challenged");
  const [lost] = history === undefined ? [] : eventsOf(history, "OperatorLost");
  const endsAt = receipt.issuedAt + RECEIPT_VALIDITY;
  const over = now >= endsAt;
  const issued: Milestone = { name: "Issued", at: receipt.issuedAt, state: "done", note: "over HTTP" };
  const trial: Milestone =
    challenged === undefined
      ? {
          name: "Waits for its trial",
          at: undefined,
          state: "now",
          note: counted(waiting.length, "challenge"),
        }
      : { name: "On trial", at: challenged.timestamp, state: "done" };
  if (lost !== undefined) return [issued, trial, { name: "Judged wrong", at: lost.timestamp, state: "bad" }];
  const end: Milestone = {
    name: over ? "Expired" : "Can be challenged until",
    at: endsAt,
    state: over ? "done" : "now",
  };
  return [issued, trial, end];
}

export function ReceiptPage({ found }: { found: ReceiptCase }): ReactNode {
  const { ledger } = useSnapshot();
  const now = useNow();
  const { requestId, digest, receipt, history, waiting } = found;
  const { operator, releaseId, issuedAt, bondClass } = receipt;
  const [tone, words] = standingOf(found, now);
  const money = history && moneyOf(history);
  const disputes = disputesIn(ledger.state).filter((entry) => entry.requestId === requestId);
  return (
    <Page
      title="Receipt"
      tab={`Receipt ${shortened(digest)}`}
      lead={
        <>
          <Id value={digest} what="receipt" /> <Badge tone={tone}>{words}</Badge>
        </>
      }
    >
      <Card title="Life">
        <Timeline milestones={milestonesOf(found, now)} />
      </Card>
      <div className="columns">
        <Card title="What it is">
          <p>
            An operator's signed answer over HTTP. Input and output are not on chain: whoever holds the
            receipt has them, and <code>assay receipt verify FILE</code> checks the answer.
          </p>
          <Facts
            rows={[
              ["Operator", <Account key="o" address={operator} />],
              ["Release", <Id key="r" value={releaseId} to={`/releases/${releaseId}`} what="release" />],
              ["Issued", <Time key="i" at={issuedAt} focusable />],
              ["Trial", <Id key="t" value={requestId} what="trial" />],
            ]}
          />
        </Card>
        <Card title="Money">
          <Facts
            rows={[
              ["Bond, of the operator's reserve", <Ether key="b" wei={bondOfClass(bondClass)} />],
              money !== undefined &&
                money.burnedWei > 0n && ["Burned", <Ether key="u" wei={money.burnedWei} />],
              money !== undefined &&
                money.unsettledWei > 0n && ["Not settled yet", <Ether key="n" wei={money.unsettledWei} />],
            ]}
          />
        </Card>
      </div>
      <DisputesOf disputes={disputes} />
      {waiting.length > 0 && (
        <Card title={`${counted(waiting.length, "challenge")} in line`}>
          <WaitingTable waiting={waiting} />
        </Card>
      )}
    </Page>
  );
}

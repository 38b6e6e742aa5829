import type { ReactNode } from "react";
import { Link } from "wouter";
import type { DisputeEntry } from "../../../verifier/src/inspect/disputes.ts";
import { Account, Badge, Card, Id, Table, useMore } from "./basics.tsx";
import { OutcomeBadge } from "./states.tsx";
import { counted } from "./words.ts";

const VERDICTS = {
  none: "–",
  clock: "the operator ran out of time",
  step: "a wrong element of its trace",
  output: "an output that is not its trace's",
} as const;

function decidedBy({ outcome, verdict }: DisputeEntry): string {
  return outcome === "challenger lost" ? "the challenger ran out of time" : VERDICTS[verdict];
}

function About({ entry: { requestId, receipt } }: { entry: DisputeEntry }): ReactNode {
  const to = `/requests/${requestId}`;
  if (receipt === undefined) return <Id value={requestId} to={to} what="request" />;
  return (
    <span>
      <Badge tone="plain">receipt</Badge> <Id value={receipt} to={to} what="receipt" />
    </span>
  );
}

export function DisputeTable({
  disputes,
  hide,
  empty,
}: {
  disputes: readonly DisputeEntry[];
  hide?: "request";
  empty: string;
}): ReactNode {
  const [shown, more] = useMore(disputes);
  const about = hide === "request" ? [] : ["Request"];
  return (
    <>
      <Table
        caption="Disputes, newest first"
        head={["Dispute", "Outcome", "Decided by", "Challenger", "Operator", ...about]}
        empty={empty}
        rows={shown.map((entry) => ({
          key: entry.disputeId,
          cells: [
            <Id key="id" value={entry.disputeId} to={`/disputes/${entry.disputeId}`} what="dispute" />,
            <OutcomeBadge key="o" outcome={entry.outcome} />,
            decidedBy(entry),
            <Account key="c" address={entry.challenger} />,
            <Account key="op" address={entry.operator} />,
            ...about.map((name) => <About key={name} entry={entry} />),
          ],
        }))}
      />
      {more}
    </>
  );
}

/** Of one request; nothing if there are none. */
export function DisputesOf({ disputes }: { disputes: readonly DisputeEntry[] }): ReactNode {
  const [first] = disputes;
  if (first === undefined) return null;
  return (
    <Card
      title={counted(disputes.length, "dispute")}
      aside={<Link to={`/disputes/${first.disputeId}`}>Replay</Link>}
    >
      <DisputeTable disputes={disputes} hide="request" empty="Nobody has challenged it." />
    </Card>
  );
}

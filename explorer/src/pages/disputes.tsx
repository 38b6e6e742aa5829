import { useMemo, type ReactNode } from "react";
import { disputesIn, waitingIn } from "../../../verifier/src/inspect/disputes.ts";
import { useReading, useSnapshot } from "../data/context.tsx";
import { Card, Page } from "../ui/basics.tsx";
import { DisputeTable } from "../ui/disputeTable.tsx";
import { WaitingTable } from "../ui/waitingTable.tsx";
import { counted } from "../ui/words.ts";

export function Disputes(): ReactNode {
  const { ledger } = useSnapshot();
  const { source } = useReading();
  const waiting = useMemo(() => waitingIn(source.deployment, ledger.state), [ledger]);
  const disputes = useMemo(() => disputesIn(ledger.state).reverse(), [ledger]);
  return (
    <Page
      title="Disputes"
      lead="The operator's claim is on trial. The game finds the first number that differs, and the chain recomputes that one."
    >
      <Card title={counted(disputes.length, "dispute")}>
        <DisputeTable disputes={disputes} empty="No answer has been challenged." />
      </Card>
      {waiting.length > 0 && (
        <Card title={`${counted(waiting.length, "challenge")} of receipts in line`}>
          <p className="hint">
            At most eight receipts of an operator are on trial at once; the next begins when one is over.
          </p>
          <WaitingTable waiting={waiting} />
        </Card>
      )}
    </Page>
  );
}

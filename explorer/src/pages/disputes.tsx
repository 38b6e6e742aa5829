import { useMemo, type ReactNode } from "react";
import { disputesIn } from "../../../verifier/src/inspect/disputes.ts";
import { useSnapshot } from "../data/context.tsx";
import { Card, Page } from "../ui/basics.tsx";
import { DisputeTable } from "../ui/disputeTable.tsx";
import { counted } from "../ui/words.ts";

export function Disputes(): ReactNode {
  const { ledger } = useSnapshot();
  const disputes = useMemo(() => disputesIn(ledger.state).reverse(), [ledger]);
  return (
    <Page
      title="Disputes"
      lead="The operator's claim is on trial. The game finds the first number that differs, and the chain recomputes that one."
    >
      <Card title={counted(disputes.length, "dispute")}>
        <DisputeTable disputes={disputes} empty="No answer has been challenged." />
      </Card>
    </Page>
  );
}

/** Challenges of receipts that wait while their operator has too much on trial. */
import type { ReactNode } from "react";
import type { DisputeEntry } from "../../../verifier/src/inspect/disputes.ts";
import { Account, Id, Table, useMore } from "./basics.tsx";

export function WaitingTable({ waiting }: { waiting: readonly DisputeEntry[] }): ReactNode {
  const [shown, more] = useMore(waiting);
  return (
    <>
      <Table
        caption="Challenges in line, the next first"
        head={["Receipt", "Place in line", "Challenger", "Operator"]}
        empty="No challenge waits."
        rows={shown.map(({ disputeId, requestId, receipt, ahead = 0, challenger, operator }) => ({
          key: disputeId,
          cells: [
            <Id key="r" value={receipt ?? requestId} to={`/requests/${requestId}`} what="receipt" />,
            ahead === 0 ? "next" : `${ahead} ahead of it`,
            <Account key="c" address={challenger} />,
            <Account key="o" address={operator} />,
          ],
        }))}
      />
      {more}
    </>
  );
}

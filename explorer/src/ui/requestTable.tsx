import type { ReactNode } from "react";
import type { RequestRecord } from "../../../verifier/src/chain/state.ts";
import { useNow, useSnapshot } from "../data/context.tsx";
import { resultOf } from "../data/records.ts";
import { Account, Ether, Id, Table, Time, useMore } from "./basics.tsx";
import { RequestBadge } from "./states.tsx";

export function RequestTable({
  requests,
  hide,
  empty,
}: {
  requests: readonly RequestRecord[];
  hide?: "release";
  empty: string;
}): ReactNode {
  const { ledger } = useSnapshot();
  const now = useNow();
  const [shown, more] = useMore(requests);
  return (
    <>
      <Table
        caption="Requests, newest first"
        head={[
          "Request",
          "State",
          ...(hide === "release" ? [] : ["Release"]),
          "Asked by",
          "Answered by",
          "Fee",
          "Bond",
          "Asked",
        ]}
        empty={empty}
        rows={shown.map((record) => {
          const { requestId, request } = record;
          const result = resultOf(ledger.state, record);
          return {
            key: requestId,
            cells: [
              <Id key="id" value={requestId} to={`/requests/${requestId}`} what="request" />,
              <RequestBadge key="state" request={record} result={result} now={now} />,
              ...(hide === "release"
                ? []
                : [
                    <Id
                      key="r"
                      value={request.releaseId}
                      to={`/releases/${request.releaseId}`}
                      what="release"
                    />,
                  ]),
              <Account key="by" address={request.requester} />,
              result === undefined ? "–" : <Account key="op" address={result.operator} />,
              <Ether key="fee" wei={request.fee} />,
              <Ether key="bond" wei={request.bond} />,
              <Time key="at" at={request.requestedAt} />,
            ],
          };
        })}
      />
      {more}
    </>
  );
}

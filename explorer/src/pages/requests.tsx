import { useMemo, useState, type ReactNode } from "react";
import { useNow, useSnapshot } from "../data/context.tsx";
import { newestRequests, resultOf } from "../data/records.ts";
import { Card, Page } from "../ui/basics.tsx";
import { RequestTable } from "../ui/requestTable.tsx";
import { standingOf } from "../ui/states.tsx";
import { counted } from "../ui/words.ts";

export function Requests(): ReactNode {
  const { ledger } = useSnapshot();
  const now = useNow();
  const [show, setShow] = useState("all");
  const all = useMemo(() => newestRequests(ledger), [ledger]);
  const words = (record: (typeof all)[number]): string =>
    standingOf(record, resultOf(ledger.state, record), now).words;
  const kinds = [...new Set(all.map(words))].sort();
  const shown = show === "all" ? all : all.filter((record) => words(record) === show);
  return (
    <Page
      title="Requests"
      lead="Each is answered once, by a staked operator. An answer is final when its window has passed and no dispute is open."
    >
      <Card
        title={counted(shown.length, "request")}
        aside={
          <label>
            State{" "}
            <select value={show} onChange={(event) => setShow(event.target.value)}>
              <option>all</option>
              {kinds.map((kind) => (
                <option key={kind}>{kind}</option>
              ))}
            </select>
          </label>
        }
      >
        <RequestTable requests={shown} empty="Nobody has asked for anything yet." />
      </Card>
    </Page>
  );
}

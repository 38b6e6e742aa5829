import { useMemo, type ReactNode } from "react";
import { Link } from "wouter";
import { disputesIn } from "../../../verifier/src/inspect/disputes.ts";
import { useSnapshot } from "../data/context.tsx";
import { newestRequests } from "../data/records.ts";
import { Activity, isLoud } from "../ui/activity.tsx";
import { Card, Ether, Page } from "../ui/basics.tsx";
import { counted, grouped } from "../ui/words.ts";

const SHOWN = 25;

function Count({
  name,
  value,
  to,
  note,
}: {
  name: string;
  value: ReactNode;
  to: string;
  note?: ReactNode;
}): ReactNode {
  return (
    <li>
      <Link to={to} className="count">
        <span className="value">{value}</span>
        <span className="name">{name}</span>
        {note !== undefined && <span className="note">{note}</span>}
      </Link>
    </li>
  );
}

export function Overview(): ReactNode {
  const { ledger } = useSnapshot();
  const { state, events } = ledger;
  const { counts, disputes, feesWei } = useMemo(() => {
    const requests = newestRequests(ledger);
    const count = (...states: readonly string[]): number =>
      requests.filter(({ status }) => states.includes(status)).length;
    return {
      disputes: disputesIn(ledger.state),
      feesWei: requests.reduce((sum, { request }) => sum + request.fee, 0n),
      counts: {
        all: requests.length,
        waiting: count("requested"),
        provisional: count("answered"),
        final: count("final", "delivered"),
        overturned: [...ledger.state.results.values()].filter(({ verdict }) => verdict !== "none").length,
      },
    };
  }, [ledger]);
  const recent = useMemo(() => events.filter(isLoud).slice(-SHOWN).reverse(), [events.length, ledger]);
  const open = disputes.filter(({ outcome }) => outcome === "open").length;
  return (
    <Page
      title="Overview"
      lead="Operators answer requests to ONNX models under a bond. Anyone recomputes the answers; where two sides differ, the chain itself recomputes the one number in question."
    >
      <ul className="counts" aria-label="Counts">
        <Count
          name={state.releases.size === 1 ? "release" : "releases"}
          value={grouped(state.releases.size)}
          to="/models"
          note={`of ${counted(ledger.models.size, "model")}`}
        />
        <Count
          name={counts.all === 1 ? "request" : "requests"}
          value={grouped(counts.all)}
          to="/requests"
          note={
            <>
              <Ether wei={feesWei} /> in fees
            </>
          }
        />
        <Count name="final" value={grouped(counts.final)} to="/requests" note="can never be overturned" />
        <Count
          name="provisional"
          value={grouped(counts.provisional)}
          to="/requests"
          note={`${counts.waiting} waiting`}
        />
        <Count
          name={disputes.length === 1 ? "dispute" : "disputes"}
          value={grouped(disputes.length)}
          to="/disputes"
          note={`${open} open`}
        />
        <Count
          name="overturned"
          value={grouped(counts.overturned)}
          to="/disputes"
          note="answers judged wrong"
        />
      </ul>
      <Card title="Recent activity">
        <Activity ledger={ledger} events={recent} />
      </Card>
    </Page>
  );
}

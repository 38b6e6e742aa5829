import { useMemo, type ReactNode } from "react";
import { Link } from "wouter";
import { useQuery } from "@tanstack/react-query";
import type { ReleaseRecord } from "../../../verifier/src/chain/state.ts";
import { useReading, useSnapshot } from "../data/context.tsx";
import { useOwners } from "../data/owners.ts";
import { signatureOf, specText, useReport } from "../data/signature.ts";
import { Account, Badge, Card, Ether, Id, Page, Table, Time, useMore } from "../ui/basics.tsx";
import { servedReleases } from "../data/offers.ts";
import { RELEASE_WORDS, shortTolerance } from "../ui/releaseWords.ts";
import { counted, grouped } from "../ui/words.ts";

function Inputs({ record }: { record: ReleaseRecord }): ReactNode {
  const { inputs, outputs } = signatureOf(record, useReport(record));
  return (
    <span className="mono small">
      {inputs.map(specText).join(", ")} → {outputs.map(specText).join(", ")}
    </span>
  );
}

export function Models(): ReactNode {
  const { source } = useReading();
  const { ledger, head } = useSnapshot();
  const { releases, requests } = ledger.state;
  const { data: status } = useQuery({
    queryKey: [source.name, "status", head?.number],
    queryFn: async () => (await source.node?.status()) ?? null,
    enabled: source.node !== undefined,
  });
  const uses = useMemo(() => {
    const counts = new Map<string, number>();
    for (const { request } of requests.values())
      counts.set(request.releaseId, (counts.get(request.releaseId) ?? 0) + 1);
    return counts;
  }, [ledger]);
  const served = useMemo(() => servedReleases(ledger.state, head?.baseFee ?? 0n), [ledger, head]);
  const [shown, more] = useMore([...releases.values()].reverse());
  const owners = useOwners(shown.map(({ release }) => release.modelId));
  const stateOf = (id: string) => status?.releases.find(({ releaseId }) => releaseId === id)?.state;
  return (
    <Page
      title="Models"
      lead="A release fixes a file, what it computes exactly, and how far an answer may be off. Its id is the hash of all that."
    >
      <Card
        title={counted(releases.size, "release")}
        aside={
          <Link className="button" to="/publish">
            Publish a model
          </Link>
        }
      >
        <Table
          caption="Releases, newest first"
          head={[
            "Release",
            "Owner",
            "Takes and gives",
            "Tolerance",
            "Worst judgement",
            "Served",
            "Requests",
            ...(source.node ? ["This node"] : []),
            "Published",
          ]}
          empty="No release has been published yet."
          rows={shown.map((record) => {
            const owner = owners.get(record.release.modelId);
            const state = stateOf(record.releaseId);
            const words = state && RELEASE_WORDS[state];
            const offered = served.get(record.releaseId);
            return {
              key: record.releaseId,
              cells: [
                <span key="id">
                  <Id value={record.releaseId} to={`/releases/${record.releaseId}`} what="release" />
                  <br />
                  <span className="muted small">model {grouped(record.release.modelId)}</span>
                </span>,
                owner === undefined ? "unknown" : <Account key="owner" address={owner} />,
                <Inputs key="inputs" record={record} />,
                shortTolerance(record.release),
                `${grouped(record.release.stepGas)} gas`,
                offered === undefined ? (
                  "by nobody"
                ) : (
                  <span key="served">
                    by {offered.operators}, from <Ether wei={offered.cheapestWei} />
                  </span>
                ),
                grouped(uses.get(record.releaseId) ?? 0),
                ...(source.node
                  ? [
                      words === undefined ? (
                        "…"
                      ) : (
                        <Badge key="state" tone={words.tone}>
                          {words.short}
                        </Badge>
                      ),
                    ]
                  : []),
                <Time key="at" at={ledger.releasedAt.get(record.releaseId) ?? 0} />,
              ],
            };
          })}
        />
        {more}
      </Card>
    </Page>
  );
}

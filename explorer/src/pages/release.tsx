import { lazy, Suspense, useMemo, useState, type ReactNode } from "react";
import { Link } from "wouter";
import { bytes32, fromHex, type Hex } from "../../../sdk/src/structs.ts";
import { decodeHeader } from "../../../program/src/decode.ts";
import type { ReleaseReport } from "../../../verifier/src/api/schema.ts";
import { bytes } from "../../../verifier/src/inspect/text.ts";
import type { ReleaseRecord } from "../../../verifier/src/chain/state.ts";
import { useChain, useFixed, useReading, useSnapshot } from "../data/context.tsx";
import { useOffers } from "../data/offers.ts";
import { useOwners } from "../data/owners.ts";
import { newestRequests } from "../data/records.ts";
import { signatureOf, specText, useReport } from "../data/signature.ts";
import { Account, Badge, Card, Ether, Facts, Id, Page, Table, Time } from "../ui/basics.tsx";
import type { GraphEnds } from "../ui/graph.tsx";
import { Missing } from "../ui/missing.tsx";
import { RELEASE_WORDS, toleranceText } from "../ui/releaseWords.ts";
import { RequestTable } from "../ui/requestTable.tsx";
import { counted, grouped, percent } from "../ui/words.ts";

const Graph = lazy(async () => ({ default: (await import("../ui/graph.tsx")).Graph }));

function Tensors({ record }: { record: ReleaseRecord }): ReactNode {
  const report = useReport(record);
  const { inputs, outputs, named } = signatureOf(record, report);
  const rows = [
    ...inputs.map((spec) => ["input", spec] as const),
    ...outputs.map((spec) => ["output", spec] as const),
  ];
  return (
    <>
      <Table
        caption="Inputs and outputs"
        head={["", "Name", "Type", "Shape"]}
        empty="The registered header does not decode."
        rows={rows.map(([kind, { name, dtype, shape }]) => ({
          key: `${kind} ${name}`,
          cells: [
            kind,
            <code key="name">{name}</code>,
            dtype,
            <span key="shape" className="mono">
              {shape.join(" × ")}
            </span>,
          ],
        }))}
      />
      {!named && (
        <p className="hint">
          The registry commits to names and shapes by a hash only. A node that has lowered the file can tell
          them.
        </p>
      )}
    </>
  );
}

function Offers({ releaseId }: { releaseId: Hex }): ReactNode {
  const offers = useOffers(releaseId);
  return (
    <Table
      caption="Offers, cheapest first"
      head={["Operator", "Price now", "Takes bonds up to", "Stake free", "Locked"]}
      empty="No operator has announced this release. A request may still be answered by any."
      rows={offers.map(({ operator, priceWei, maxBondWei, stake }) => ({
        key: operator.address,
        cells: [
          <Account key="who" address={operator.address} />,
          <Ether key="price" wei={priceWei} />,
          maxBondWei >= 2n ** 96n - 1n ? "any" : <Ether key="bond" wei={maxBondWei} />,
          stake === undefined ? "…" : <Ether key="free" wei={stake.freeWei} />,
          stake === undefined ? "…" : <Ether key="locked" wei={stake.lockedWei} />,
        ],
      }))}
    />
  );
}

/** Names of what goes into the program, and of what comes out of which instruction. */
function endsOf(record: ReleaseRecord, report: ReleaseReport | undefined): GraphEnds {
  const { inputs, outputs } = signatureOf(record, report);
  const made = decodeHeader(fromHex(record.header))?.outputs ?? [];
  return {
    inputs: inputs.map(specText),
    outputs: made.map(({ instruction }, i) => {
      const spec = outputs[i];
      return { instruction, text: spec === undefined ? `output ${i}` : specText(spec) };
    }),
  };
}

function Program({ record }: { record: ReleaseRecord }): ReactNode {
  const { source } = useReading();
  const report = useReport(record);
  const [wanted, setWanted] = useState(false);
  const { data: outline, isLoading } = useFixed(
    ["outline", wanted ? record.releaseId : "", report?.state ?? ""],
    async () => (wanted ? ((await source.node?.outline(record.releaseId)) ?? null) : null),
  );
  const model = report?.model;
  const ends = useMemo(() => endsOf(record, report), [record, report]);
  const rows = (
    <Facts
      rows={[
        model != null && ["File", bytes(model.fileBytes)],
        model != null && [
          "Instructions",
          `${grouped(model.instructions)}, with ${grouped(model.constants)} constants of ${bytes(model.constantBytes)}`,
        ],
        model != null && ["Multiply-adds", grouped(model.multiplyAdds)],
        model != null && ["All tensors of a run", bytes(model.traceBytes)],
        model != null && [
          "Dearest element to judge",
          `${grouped(model.worst.gas)} gas, of ${model.worst.operator || "instruction"} (${model.worst.instruction})`,
        ],
        model != null && ["Rounds of a dispute", `at most ${model.disputeRounds}`],
        report?.selfCheck != null && [
          "onnxruntime here",
          report.selfCheck === "exact"
            ? "agrees with the exact interpreter bit for bit"
            : report.selfCheck === "approximate"
              ? "agrees within the tolerance"
              : "is not relied on: it differed",
        ],
      ]}
    />
  );
  if (source.node === undefined)
    return (
      <p className="muted">
        A graph needs the model's file. Open this page on a node to see what the file lowers to.
      </p>
    );
  return (
    <>
      {model == null ? (
        <p className="muted">This node {RELEASE_WORDS[report?.state ?? "waiting"].words}.</p>
      ) : (
        rows
      )}
      {model != null && !wanted && (
        <button type="button" onClick={() => setWanted(true)}>
          Show the graph
        </button>
      )}
      {wanted && isLoading && <p role="status">Lowering the file…</p>}
      {wanted && outline === null && <p className="muted">It is too large to show.</p>}
      {outline != null && (
        <Suspense fallback={<p role="status">Drawing…</p>}>
          <Graph outline={outline} {...ends} />
        </Suspense>
      )}
    </>
  );
}

function Known({ record }: { record: ReleaseRecord }): ReactNode {
  const { ledger } = useSnapshot();
  const { release, releaseId, contentUris } = record;
  const report = useReport(record);
  const model = ledger.models.get(release.modelId);
  const owner = useOwners([release.modelId]).get(release.modelId);
  const { data: floor } = useChain(["floor", releaseId], ({ contracts }) =>
    contracts.market.bondFloor(releaseId),
  );
  const words = report && RELEASE_WORDS[report.state];
  const asked = newestRequests(ledger).filter(({ request }) => request.releaseId === releaseId);
  return (
    <Page
      title={`Release of model ${release.modelId}`}
      lead={
        <>
          <Id value={releaseId} what="release" />{" "}
          {words !== undefined && <Badge tone={words.tone}>{words.short}</Badge>}{" "}
          <Link className="button primary" to={`/releases/${releaseId}/ask`}>
            Request an inference
          </Link>
        </>
      }
    >
      <div className="columns">
        <Card title="What it promises">
          <Facts
            rows={[
              model !== undefined &&
                model.uri !== "" && [
                  "Described at",
                  <span key="d" className="mono small break">
                    {model.uri}
                  </span>,
                ],
              ["Owner", owner === undefined ? "unknown" : <Account key="o" address={owner} />],
              ["Tolerance", toleranceText(release)],
              ["Royalty", percent(release.royaltyBps)],
              ["Worst judgement", `at most ${grouped(release.stepGas)} gas for one element`],
              ["Longest dispute", `at most ${grouped(release.disputeGas)} gas for the challenger`],
              ["Least bond now", floor === undefined ? "…" : <Ether key="f" wei={floor} />],
              ["Published", <Time key="t" at={ledger.releasedAt.get(releaseId) ?? 0} focusable />],
              words !== undefined && ["This node", words.words],
            ]}
          />
        </Card>
        <Card title="Inputs and outputs">
          <Tensors record={record} />
          <Facts
            rows={[["Bytes", `${grouped(release.inputBytes)} in, ${grouped(release.outputBytes)} out`]]}
          />
        </Card>
      </div>
      <Card title="Who serves it">
        <Offers releaseId={releaseId} />
      </Card>
      <Card title="Program">
        <Program record={record} />
      </Card>
      <Card title="Content">
        <Facts
          rows={[
            ["File SHA-256", <Id key="f" value={release.fileSha256} what="file hash" />],
            ["Program root", <Id key="p" value={release.programRoot} what="program root" />],
            ["Lowering version", release.loweringVersion],
            [
              "Announced at",
              <ul key="u" className="plain">
                {contentUris.map((uri) => (
                  // As text: whoever published it chose where it leads.
                  <li key={uri} className="mono small break">
                    {uri}
                  </li>
                ))}
              </ul>,
            ],
          ]}
        />
      </Card>
      <Card title={counted(asked.length, "request")}>
        <RequestTable requests={asked} hide="release" empty="Nobody has asked this release yet." />
      </Card>
    </Page>
  );
}

export function ReleasePage({ id }: { id: string }): ReactNode {
  const { ledger } = useSnapshot();
  const parsed = bytes32.safeParse(id);
  const record = parsed.success ? ledger.state.releases.get(parsed.data) : undefined;
  return record === undefined ? <Missing what="release" id={id} /> : <Known record={record} />;
}

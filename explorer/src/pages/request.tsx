import { useMemo, type ReactNode } from "react";
import { bytes32, fromHex, sameHex, ZERO_ADDRESS } from "../../../sdk/src/structs.ts";
import { unpackParameters } from "../../../sdk/src/parameters.ts";
import { blobLength, splitBlob, type TensorSpec } from "../../../sdk/src/tensor.ts";
import type { ReleaseRecord, RequestRecord, ResultRecord } from "../../../verifier/src/chain/state.ts";
import { disputesIn } from "../../../verifier/src/inspect/disputes.ts";
import {
  eventsOf,
  historyOf,
  isToldHistory,
  type ToldHistory,
} from "../../../verifier/src/inspect/history.ts";
import { moneyOf } from "../../../verifier/src/inspect/money.ts";
import { duration } from "../../../verifier/src/inspect/text.ts";
import { useNow, useReading, useSnapshot } from "../data/context.tsx";
import { receiptCase } from "../data/receipts.ts";
import { signatureOf, useReport } from "../data/signature.ts";
import { Account, Badge, Card, Ether, Facts, Id, Page, Problem, Time } from "../ui/basics.tsx";
import { DisputesOf } from "../ui/disputeTable.tsx";
import { Missing } from "../ui/missing.tsx";
import { RequestBadge } from "../ui/states.tsx";
import { counted, grouped } from "../ui/words.ts";
import { TensorView } from "../ui/tensorView.tsx";
import { Timeline, type Milestone } from "../ui/timeline.tsx";
import { ReceiptPage } from "./receipt.tsx";
import { RequestActions } from "../wallet/requestActions.tsx";

function milestonesOf(history: ToldHistory, now: number): Milestone[] {
  const { request, result } = history;
  const { requestedAt, deadline, callbackGas } = request.request;
  const at = (name: "Finalized" | "Refunded" | "OperatorLost"): number | undefined =>
    eventsOf(history, name)[0]?.timestamp;
  const asked: Milestone = { name: "Asked", at: requestedAt, state: "done" };
  const refundedAt = at("Refunded");
  const refund: Milestone[] =
    refundedAt === undefined ? [] : [{ name: "Fee refunded", at: refundedAt, state: "done" }];
  if (result === undefined) {
    const late = now > deadline;
    const waiting: Milestone = {
      name: late ? "Nobody answered" : "Waiting for an answer",
      at: deadline,
      state: late ? "bad" : "now",
      note: late ? "the fee can be refunded" : "until then",
    };
    return [asked, waiting, ...refund];
  }
  const answered: Milestone = {
    name: "Answered",
    at: result.answeredAt,
    state: "done",
    note: "provisional from then on",
  };
  const games = [...result.games.values()];
  const [first] = eventsOf(history, "Challenged");
  const challenged: Milestone[] =
    first === undefined
      ? []
      : [
          {
            name: games.length === 1 ? "Challenged" : `Challenged ${games.length} times`,
            at: first.timestamp,
            state: "done",
          },
        ];
  if (result.verdict !== "none")
    return [
      asked,
      answered,
      ...challenged,
      { name: "Overturned", at: at("OperatorLost"), state: "bad" },
      ...refund,
    ];
  const finalAt = at("Finalized");
  const over = now >= result.endsAt;
  const window: Milestone = {
    name: over ? "Window closed" : "Can be challenged until",
    at: result.endsAt,
    state: over || finalAt !== undefined ? "done" : "now",
  };
  const final: Milestone = {
    name: "Final",
    at: finalAt,
    state: finalAt === undefined ? (over ? "now" : "later") : "done",
    ...(result.openGames > 0 ? { note: `after ${counted(result.openGames, "open dispute")}` } : {}),
  };
  const delivered = eventsOf(history, "Delivered").find(({ event }) => event.success);
  const callback: Milestone[] =
    callbackGas === 0 || finalAt === undefined
      ? []
      : [
          {
            name: "Delivered to the requester",
            at: delivered?.timestamp,
            state: delivered === undefined ? "now" : "done",
          },
        ];
  return [asked, answered, ...challenged, window, final, ...callback];
}

function Tensors({
  specs,
  blob,
  what,
}: {
  specs: readonly TensorSpec[];
  blob: Uint8Array;
  what: string;
}): ReactNode {
  if (blobLength(specs) !== blob.length)
    return (
      <Problem>
        The {what} has {blob.length} bytes, which do not fit the release.
      </Problem>
    );
  const parts = splitBlob(specs, blob);
  return specs.map((spec, i) => (
    <TensorView key={spec.name} spec={spec} data={parts[i] ?? new Uint8Array()} />
  ));
}

function Firmness({ request, result }: { request: RequestRecord; result: ResultRecord }): ReactNode {
  if (result.verdict !== "none") return <Badge tone="bad">judged wrong</Badge>;
  if (request.status === "answered")
    return <Badge tone="warn">provisional: it may still be overturned</Badge>;
  return <Badge tone="good">final: it can never be overturned</Badge>;
}

function MoneyFacts({ history }: { history: ToldHistory }): ReactNode {
  const { request } = history.request;
  const money = moneyOf(history);
  return (
    <Facts
      rows={[
        ["Fee", <Ether key="f" wei={request.fee} />],
        ["Operator's bond", <Ether key="b" wei={request.bond} />],
        money !== undefined && money.burnedWei > 0n && ["Burned", <Ether key="u" wei={money.burnedWei} />],
        money !== undefined &&
          money.refundedWei > 0n && ["Fee refunded", <Ether key="r" wei={money.refundedWei} />],
        money !== undefined &&
          money.unsettledWei > 0n && ["Not settled yet", <Ether key="n" wei={money.unsettledWei} />],
        ["Refunds go to", <Account key="t" address={request.refundTo} />],
      ]}
    />
  );
}

function Known({ history, record }: { history: ToldHistory; record: ReleaseRecord | undefined }): ReactNode {
  const { ledger } = useSnapshot();
  const now = useNow();
  const report = useReport(record);
  const { request, result } = history;
  const { request: terms, requestId } = request;
  const signature = record === undefined ? undefined : signatureOf(record, report);
  const rules = unpackParameters(terms.parameters);
  const disputes = disputesIn(ledger.state).filter((entry) => entry.requestId === requestId);
  return (
    <Page
      title="Request"
      lead={
        <>
          <Id value={requestId} what="request" /> <RequestBadge request={request} result={result} now={now} />
        </>
      }
    >
      <Card title="Life">
        <Timeline milestones={milestonesOf(history, now)} />
      </Card>
      <div className="columns">
        <Card title="Answer" aside={result !== undefined && <Firmness request={request} result={result} />}>
          {result === undefined ? (
            <p className="empty">There is none yet.</p>
          ) : (
            <>
              {signature !== undefined && (
                <Tensors specs={signature.outputs} blob={fromHex(result.output)} what="answer" />
              )}
              <Facts
                rows={[
                  ["By", <Account key="o" address={result.operator} />],
                  ["Result", <Id key="r" value={result.resultId} what="result" />],
                ]}
              />
            </>
          )}
        </Card>
        <Card title="Input">
          {signature !== undefined && (
            <Tensors specs={signature.inputs} blob={fromHex(request.input)} what="input" />
          )}
          <Facts
            rows={[
              [
                "Release",
                <Id key="r" value={terms.releaseId} to={`/releases/${terms.releaseId}`} what="release" />,
              ],
              ["Asked by", <Account key="a" address={terms.requester} />],
              [
                "Who may answer",
                sameHex(terms.operator, ZERO_ADDRESS) ? (
                  "any staked operator"
                ) : (
                  <Account key="o" address={terms.operator} />
                ),
              ],
            ]}
          />
        </Card>
      </div>
      <div className="columns">
        <Card title="Money">
          <MoneyFacts history={history} />
        </Card>
        <Card title="Rules">
          <Facts
            rows={[
              [
                result === undefined ? "Answer until" : "Answer was due by",
                <Time key="d" at={terms.deadline} focusable />,
              ],
              ["Challenge window", duration(terms.windowSeconds)],
              ["Operator's clock", duration(rules.operatorClock)],
              ["Challenger's clock", duration(rules.challengerClock)],
              ["Callback", terms.callbackGas === 0 ? "none" : `at most ${grouped(terms.callbackGas)} gas`],
            ]}
          />
        </Card>
      </div>
      {record !== undefined && <RequestActions history={history} record={record} />}
      <DisputesOf disputes={disputes} />
    </Page>
  );
}

/** Of a request of the market; or of a receipt on trial, also by its digest. */
export function RequestPage({ id }: { id: string }): ReactNode {
  const { ledger } = useSnapshot();
  const { source } = useReading();
  const parsed = bytes32.safeParse(id);
  const record = parsed.success ? ledger.state.requests.get(parsed.data) : undefined;
  const history = useMemo(
    () => (record === undefined ? undefined : historyOf(ledger.about.get(record.requestId) ?? [])),
    [ledger, record],
  );
  const challenged = useMemo(
    () => (parsed.success ? receiptCase(ledger, source.deployment, parsed.data) : undefined),
    [ledger, id],
  );
  if (challenged !== undefined) return <ReceiptPage found={challenged} />;
  if (history === undefined || !isToldHistory(history) || record === undefined)
    return <Missing what="request" id={id} />;
  return <Known history={history} record={ledger.state.releases.get(record.request.releaseId)} />;
}

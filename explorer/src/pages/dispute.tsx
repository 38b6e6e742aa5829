/** A dispute as a game record, move by move, down to the one number. */
import { useQueries } from "@tanstack/react-query";
import { useMemo, useState, type KeyboardEvent, type ReactNode } from "react";
import { decodeHeader } from "../../../program/src/decode.ts";
import { bytes32, fromHex, sameHex, type Hex } from "../../../sdk/src/structs.ts";
import { eventsOf, historyOf, replay, type History } from "../../../verifier/src/inspect/history.ts";
import { moneyOf } from "../../../verifier/src/inspect/money.ts";
import { movesOf, spentBy, type Move, type Paid } from "../../../verifier/src/inspect/moves.ts";
import { provenBy } from "../../../verifier/src/inspect/proof.ts";
import { useFixed, useReading, useSnapshot } from "../data/context.tsx";
import { useReport } from "../data/signature.ts";
import { Account, Badge, Card, Ether, Facts, Id, Page, Table, Time } from "../ui/basics.tsx";
import { Board } from "../ui/board.tsx";
import { Missing } from "../ui/missing.tsx";
import { Decision } from "../ui/decision.tsx";
import { grouped } from "../ui/words.ts";

/** Receipts that are asked for; a dispute of more moves shows no gas for the rest. */
const MAX_RECEIPTS = 80;

function useReceipts(history: History): ReadonlyMap<Hex, Paid> {
  const { source } = useReading();
  const hashes = [...new Set(history.events.map(({ transaction }) => transaction))].slice(0, MAX_RECEIPTS);
  return useQueries({
    queries: hashes.map((hash) => ({
      queryKey: [source.name, "transaction", hash],
      queryFn: async () => (await source.transaction(hash)) ?? null,
      staleTime: Infinity,
    })),
    combine: (answers) =>
      new Map(
        answers.flatMap(({ data }, i) => {
          const hash = hashes[i];
          return data == null || hash === undefined
            ? []
            : [[hash, { from: data.from, gas: data.gas, feeWei: data.feeWei }] as const];
        }),
      ),
  });
}

/** What decided the trial, computed again in this browser from the proof's calldata. */
function useProven(history: History) {
  const { source, contracts } = useReading();
  const [lost] = eventsOf(history, "OperatorLost");
  const proof = lost !== undefined && lost.event.verdict !== "clock" ? lost : undefined;
  const { data, isLoading } = useFixed(["proof", proof?.transaction ?? ""], async () => {
    if (proof === undefined) return null;
    const sent = await source.transaction(proof.transaction);
    if (sent === undefined) return null;
    return provenBy(contracts, sent.data, proof.event.resultId, history.request.court) ?? null;
  });
  return { proven: data ?? undefined, expected: proof !== undefined, isLoading };
}

function outcomeOf({ result, request }: History): readonly [string, "good" | "bad" | "open"] {
  if (result === undefined) return ["there is no answer", "open"];
  if (result.verdict === "clock") return ["the operator lost on time", "bad"];
  if (result.verdict === "step") return ["the operator lost: an element of its trace is wrong", "bad"];
  if (result.verdict === "output")
    return ["the operator lost: it published something else than its trace", "bad"];
  if (result.openGames > 0) return ["undecided", "open"];
  if (request.status === "final" || request.status === "delivered")
    return ["the answer stood: it is final", "good"];
  return ["no game is open", "open"];
}

function MoneyCard({ history, moves }: { history: History; moves: readonly Move[] }): ReactNode {
  const money = moneyOf(history);
  if (money === undefined) return null;
  const spent = [...spentBy(moves)];
  return (
    <Card title="Money">
      <Facts
        rows={[
          [
            history.request.court === "market" ? "Operator's bond" : "Bond, of the operator's reserve",
            <Ether key="b" wei={money.bondWei} />,
          ],
          ["Burned", <Ether key="u" wei={money.burnedWei} />],
          money.toOperatorWei > 0n && ["To the operator", <Ether key="o" wei={money.toOperatorWei} />],
          history.request.court === "market" && [
            "Fee",
            money.refundTo === undefined ? (
              <Ether key="f" wei={money.feeWei} />
            ) : (
              <span key="r">
                <Ether wei={money.refundedWei} /> refunded
              </span>
            ),
          ],
          money.unsettledWei > 0n && ["Not settled yet", <Ether key="n" wei={money.unsettledWei} />],
        ]}
      />
      <Table
        caption="Challengers' money"
        head={["Challenger", "Locked", "Got back", "Share of the bond", "Forfeited"]}
        empty="Nobody challenged."
        rows={money.games.map((game) => ({
          key: game.disputeId,
          cells: [
            <Account key="c" address={game.challenger} />,
            <Ether key="e" wei={game.escrowWei} />,
            game.settled ? <Ether key="r" wei={game.returnedWei} /> : "not settled",
            <Ether key="s" wei={game.shareWei} />,
            <Ether key="x" wei={game.forfeitedWei} />,
          ],
        }))}
      />
      {spent.length > 0 && (
        <Table
          caption="Gas"
          head={["Gas paid by", "Gas", "Price"]}
          empty="Unknown."
          rows={spent.map(([who, { gas, feeWei }]) => ({
            key: who,
            cells: [<Account key="a" address={who} />, grouped(gas), <Ether key="f" wei={feeWei} />],
          }))}
        />
      )}
    </Card>
  );
}

function Replay({ history, disputeId }: { history: History; disputeId: Hex }): ReactNode {
  const { ledger } = useSnapshot();
  const { source } = useReading();
  const record = ledger.state.releases.get(history.request.request.releaseId);
  const report = useReport(record);
  const receipts = useReceipts(history);
  const { data: outline } = useFixed(["outline", record?.releaseId ?? "", report?.state ?? ""], async () =>
    record === undefined ? null : ((await source.node?.outline(record.releaseId)) ?? null),
  );
  const instructions = record === undefined ? 0 : (decodeHeader(fromHex(record.header))?.instructions ?? 0);
  const model = outline?.instructions;
  const moves = useMemo(
    () => movesOf(replay(history), { instructions, model, receipts }, disputeId),
    [history, instructions, model, receipts, disputeId],
  );
  const { proven, expected, isLoading } = useProven(history);
  const [chosen, setChosen] = useState<number>();
  const decided = moves.findIndex(({ event }) => event === "OperatorLost");
  const newest = moves.length - 1;
  const at = Math.min(chosen ?? (decided >= 0 ? decided : newest), newest);
  const [words, tone] = outcomeOf(history);
  const { result, request } = history;

  function step(event: KeyboardEvent): void {
    const to =
      event.key === "ArrowRight"
        ? at + 1
        : event.key === "ArrowLeft"
          ? at - 1
          : event.key === "Home"
            ? 0
            : event.key === "End"
              ? moves.length - 1
              : undefined;
    if (to === undefined) return;
    event.preventDefault();
    setChosen(Math.max(0, Math.min(moves.length - 1, to)));
  }

  return (
    <Page
      title="Dispute"
      lead={
        <>
          <Id value={disputeId} what="dispute" /> <Badge tone={tone}>{words}</Badge>
        </>
      }
    >
      <Card title="Who">
        <Facts
          rows={[
            result !== undefined && ["Operator", <Account key="o" address={result.operator} />],
            [
              "Challenger",
              [...(result?.games.values() ?? [])]
                .filter((game) => sameHex(game.disputeId, disputeId))
                .map((game) => <Account key={game.challenger} address={game.challenger} />),
            ],
            request.court === "market"
              ? [
                  "Request",
                  <Id
                    key="r"
                    value={request.requestId}
                    to={`/requests/${request.requestId}`}
                    what="request"
                  />,
                ]
              : [
                  "Receipt",
                  <span key="r">
                    <Id
                      value={request.request.inputHash}
                      to={`/requests/${request.requestId}`}
                      what="receipt"
                    />
                    , an answer over HTTP: input and output are not on chain
                  </span>,
                ],
            record !== undefined && [
              "Release",
              <Id key="l" value={record.releaseId} to={`/releases/${record.releaseId}`} what="release" />,
            ],
          ]}
        />
      </Card>
      {expected && (
        <Card title="The number that decided it">
          {proven === undefined ? (
            <p className="muted">
              {isLoading
                ? "Reading the proof…"
                : "The proof cannot be read: it was no direct call of the game, or the endpoint has lost it."}
            </p>
          ) : (
            <Decision proven={proven} model={model} />
          )}
        </Card>
      )}
      <Card title="Replay" aside={<span className="muted">← → to step</span>}>
        <div
          className="replay"
          role="group"
          aria-label="Replay, arrow keys to step"
          tabIndex={0}
          onKeyDown={step}
        >
          <div className="buttons">
            <button type="button" onClick={() => setChosen(0)} disabled={at === 0}>
              First
            </button>
            <button type="button" onClick={() => setChosen(at - 1)} disabled={at === 0}>
              Back
            </button>
            <span aria-live="polite">
              Move {at + 1} of {moves.length}
            </span>
            <button type="button" onClick={() => setChosen(at + 1)} disabled={at === moves.length - 1}>
              Next
            </button>
            <button
              type="button"
              onClick={() => setChosen(moves.length - 1)}
              disabled={at === moves.length - 1}
            >
              Last
            </button>
          </div>
          <Board
            move={moves[at]}
            before={moves.slice(0, at + 1)}
            instructions={instructions}
            rules={history.rules}
            model={model}
            proven={decided >= 0 && at >= decided ? proven : undefined}
          />
        </div>
        <ol className="moves">
          {moves.map((move, i) => (
            <li
              key={`${move.transaction}:${move.event}:${i}`}
              className={i === at ? "current" : undefined}
              aria-current={i === at ? "step" : undefined}
            >
              <button type="button" onClick={() => setChosen(i)}>
                <span className="count-of">{i + 1}</span>
                <span className="what">{shortAddresses(move.text)}</span>
                <span className="muted small">
                  <Time at={move.at} />
                  {move.paid !== undefined && move.paid.gas > 0 && ` · ${grouped(move.paid.gas)} gas`}
                </span>
              </button>
            </li>
          ))}
        </ol>
      </Card>
      <MoneyCard history={history} moves={moves} />
    </Page>
  );
}

/** Of a move's words: addresses are in the facts above. */
function shortAddresses(text: string): string {
  return text.replace(/0x[0-9a-fA-F]{40}/g, (found) => `${found.slice(0, 6)}…${found.slice(-4)}`);
}

export function DisputePage({ id }: { id: string }): ReactNode {
  const { ledger } = useSnapshot();
  const parsed = bytes32.safeParse(id);
  const found = useMemo(() => {
    if (!parsed.success) return undefined;
    for (const result of ledger.state.results.values())
      for (const game of result.games.values())
        if (sameHex(game.disputeId, parsed.data)) return historyOf(ledger.about.get(result.requestId) ?? []);
    return undefined;
  }, [ledger, id]);
  if (found === undefined || !parsed.success) return <Missing what="dispute" id={id} />;
  return <Replay history={found} disputeId={parsed.data} />;
}

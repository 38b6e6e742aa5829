/** What may be done about a request now, by anyone or by the wallet's account. */
import { useState, type ReactNode } from "react";
import { keccak } from "../../../sdk/src/ids.ts";
import { fromHex, sameHex, type Claim } from "../../../sdk/src/structs.ts";
import type { ReleaseRecord } from "../../../verifier/src/chain/state.ts";
import type { ToldHistory } from "../../../verifier/src/inspect/history.ts";
import { useChain, useNow } from "../data/context.tsx";
import { useStakes } from "../data/offers.ts";
import { Card, Ether } from "../ui/basics.tsx";
import { Outcome } from "./outcome.tsx";
import { useTransaction } from "./useTransaction.ts";
import { useWallet } from "./wallet.ts";

type Action = "refund" | "finalize" | "challenge";

function actionsOf({ request, result }: ToldHistory, now: number): Action[] {
  const refundable =
    request.status === "overturned" || (request.status === "requested" && now > request.request.deadline);
  if (refundable) return ["refund"];
  if (result === undefined || request.status !== "answered") return [];
  if (now < result.endsAt) return ["challenge"];
  return result.openGames === 0 ? ["finalize"] : [];
}

function Challenge({ history, record }: { history: ToldHistory; record: ReleaseRecord }): ReactNode {
  const { account } = useWallet();
  const { request, result } = history;
  const [sure, setSure] = useState(false);
  const transaction = useTransaction("The challenge stands. Now play it: keep a node with this key running.");
  const { data: stakes } = useStakes(account === undefined ? [] : [account]);
  const { data: needed } = useChain(["stakesNow", request.requestId], ({ contracts }) =>
    contracts.game.stakesNow(request.request),
  );
  if (result === undefined || account === undefined) return null;
  const free = stakes?.get(account.toLowerCase())?.freeWei;
  const known = result.games.has(account.toLowerCase());
  if (known) return <p>This account has challenged the answer.</p>;
  if (sameHex(result.operator, account)) return <p>This is the account's own answer.</p>;
  const claim: Claim = {
    request: request.request,
    release: record.release,
    operator: result.operator,
    outputHash: keccak(fromHex(result.output)),
  };
  const poor = needed !== undefined && free !== undefined && free < needed.bondWei;
  return (
    <>
      <p>
        A challenge locks a bond of {needed === undefined ? "…" : <Ether wei={needed.bondWei} />} from the
        account's stake ({free === undefined ? "…" : <Ether wei={free} />} free). It only begins the game:
        somebody must then show the wrong element within the clocks, or the bond is lost. Check first with{" "}
        <code>assay verify {request.requestId.slice(0, 10)}…</code>, and keep{" "}
        <code>assay node --role verifier</code> with this key running, which plays by itself.
      </p>
      <label className="check">
        <input type="checkbox" checked={sure} onChange={(event) => setSure(event.target.checked)} /> I have
        recomputed the answer, and it is wrong
      </label>
      <div className="buttons">
        <button
          type="button"
          className="danger"
          disabled={!sure || transaction.busy || poor}
          onClick={() => void transaction.run(({ game }) => game.challenge(claim))}
        >
          Challenge this answer
        </button>
      </div>
      {poor && <p className="hint">The free stake is too small: deposit more on the account's page.</p>}
      <Outcome transaction={transaction} />
    </>
  );
}

function Simple({ action, history }: { action: "refund" | "finalize"; history: ToldHistory }): ReactNode {
  const transaction = useTransaction();
  const { request, result } = history;
  const words =
    action === "refund"
      ? "The fee can go back. Anyone may send this."
      : "The window has passed: the answer can be made final. Anyone may.";
  return (
    <>
      <p>{words}</p>
      <div className="buttons">
        <button
          type="button"
          className="primary"
          disabled={transaction.busy}
          onClick={() =>
            void transaction.run(({ market }) =>
              action === "finalize" && result !== undefined
                ? market.finalize(request.request, result.operator, result.output)
                : market.refund(request.request),
            )
          }
        >
          {action === "refund" ? "Return the fee" : "Make it final"}
        </button>
      </div>
      <Outcome transaction={transaction} />
    </>
  );
}

export function RequestActions({
  history,
  record,
}: {
  history: ToldHistory;
  record: ReleaseRecord;
}): ReactNode {
  const now = useNow();
  const { account } = useWallet();
  const actions = actionsOf(history, now);
  if (actions.length === 0) return null;
  return (
    <Card title="What can be done now">
      {account === undefined ? (
        <p className="muted">
          Connect a wallet to{" "}
          {actions
            .map((action) =>
              action === "refund"
                ? "return the fee"
                : action === "finalize"
                  ? "make the answer final"
                  : "challenge the answer",
            )
            .join(" or ")}
          .
        </p>
      ) : (
        actions.map((action) =>
          action === "challenge" ? (
            <Challenge key={action} history={history} record={record} />
          ) : (
            <Simple key={action} action={action} history={history} />
          ),
        )
      )}
    </Card>
  );
}

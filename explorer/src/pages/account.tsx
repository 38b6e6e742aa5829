import { useMemo, type ReactNode } from "react";
import { address as addressSchema, sameHex, type Hex } from "../../../sdk/src/structs.ts";
import { quoteOf } from "../../../sdk/src/offer.ts";
import { disputesIn } from "../../../verifier/src/inspect/disputes.ts";
import {
  accountRecords,
  faultsOf,
  isParty,
  newestRequests,
  resultOf,
  type AccountRecord,
} from "../data/records.ts";
import { useNow, useSnapshot } from "../data/context.tsx";
import { useStakes } from "../data/offers.ts";
import { Badge, Card, Ether, Facts, Id, Page, Table } from "../ui/basics.tsx";
import { DisputeTable } from "../ui/disputeTable.tsx";
import { Missing } from "../ui/missing.tsx";
import { RequestTable } from "../ui/requestTable.tsx";
import { StakeForm } from "../wallet/stakeForm.tsx";
import { useWallet } from "../wallet/wallet.ts";
import { counted, shortened } from "../ui/words.ts";

function Faults({ record }: { record: AccountRecord }): ReactNode {
  if (faultsOf(record) === 0) return "none";
  const { overturned, lost, missed } = record;
  return (
    <ul className="plain bad">
      {overturned > 0 && <li>{counted(overturned, "answer")} judged wrong</li>}
      {lost > 0 && <li>{counted(lost, "challenge")} lost</li>}
      {missed > 0 && <li>{counted(missed, "request")} for it alone left unanswered</li>}
    </ul>
  );
}

function Known({ address }: { address: Hex }): ReactNode {
  const { ledger, head } = useSnapshot();
  const now = useNow();
  const { account: mine } = useWallet();
  const { data: stakes } = useStakes([address]);
  const stake = stakes?.get(address.toLowerCase());
  const record = useMemo(
    () => accountRecords(ledger, now).get(address.toLowerCase()),
    [ledger, now, address],
  );
  const operator = ledger.state.operators.get(address.toLowerCase());
  const requests = newestRequests(ledger).filter((request) =>
    isParty(address, request, resultOf(ledger.state, request)),
  );
  const disputes = disputesIn(ledger.state)
    .filter((entry) => sameHex(entry.operator, address) || sameHex(entry.challenger, address))
    .reverse();
  const isMine = mine !== undefined && sameHex(mine, address);
  const kind =
    operator !== undefined || (record?.answered ?? 0) > 0
      ? "Operator"
      : (record?.challenges ?? 0) > 0
        ? "Verifier"
        : "Account";
  return (
    <Page
      title={kind}
      tab={`${kind} ${shortened(address)}`}
      lead={
        <>
          <Id value={address} what="account" /> {isMine && <Badge tone="open">your wallet</Badge>}
        </>
      }
    >
      <div className="columns">
        <Card title="Stake">
          <Facts
            rows={[
              ["Free", stake === undefined ? "…" : <Ether key="f" wei={stake.freeWei} />],
              ["Locked in bonds", stake === undefined ? "…" : <Ether key="l" wei={stake.lockedWei} />],
            ]}
          />
          {isMine && <StakeForm free={stake?.freeWei} />}
        </Card>
        <Card title="Record">
          {record === undefined ? (
            <p className="empty">It has done nothing here yet.</p>
          ) : (
            <Facts
              rows={[
                ["Answers", `${record.answered}, of which ${record.final} final and ${record.open} open`],
                ["Challenges", `${record.challenges}, of which ${record.won} won`],
                ["Faults", <Faults key="f" record={record} />],
                ["Requests made", record.requests],
                ["Earned", <Ether key="e" wei={record.earnedWei} />],
                ["Forfeited", <Ether key="x" wei={record.lostWei} />],
              ]}
            />
          )}
        </Card>
      </div>
      {operator !== undefined && (
        <Card title="Offers">
          <Table
            caption="Offers"
            head={["Release", "Price now", "Takes bonds up to"]}
            empty="None."
            rows={[...operator.offers].map(([releaseId, offer]) => ({
              key: releaseId,
              cells: [
                <Id key="r" value={releaseId} to={`/releases/${releaseId}`} what="release" />,
                <Ether key="p" wei={quoteOf(offer, head?.baseFee ?? 0n) ?? 0n} />,
                offer.maxBondWei >= 2n ** 96n - 1n ? "any" : <Ether key="b" wei={offer.maxBondWei} />,
              ],
            }))}
          />
          {operator.endpoints.length > 0 && (
            <Facts
              rows={[
                [
                  "Reached at",
                  <ul key="u" className="plain">
                    {operator.endpoints.map((url) => (
                      <li key={url} className="mono small break">
                        {url}
                      </li>
                    ))}
                  </ul>,
                ],
              ]}
            />
          )}
        </Card>
      )}
      <Card title={counted(disputes.length, "dispute")}>
        <DisputeTable disputes={disputes} empty="This account has been in no dispute." />
      </Card>
      <Card title={counted(requests.length, "request")}>
        <RequestTable requests={requests} empty="This account has no part in any request." />
      </Card>
    </Page>
  );
}

export function AccountPage({ address }: { address: string }): ReactNode {
  const parsed = addressSchema.safeParse(address);
  return parsed.success ? <Known address={parsed.data} /> : <Missing what="account" id={address} />;
}

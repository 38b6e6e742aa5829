import { useMemo, type ReactNode } from "react";
import { accountRecords, faultsOf } from "../data/records.ts";
import { useNow, useSnapshot } from "../data/context.tsx";
import { useStakes } from "../data/offers.ts";
import { Account, Card, Ether, Page, Table, useMore } from "../ui/basics.tsx";
import { counted } from "../ui/words.ts";

export function Accounts(): ReactNode {
  const { ledger } = useSnapshot();
  const now = useNow();
  const all = useMemo(() => {
    const active = [...accountRecords(ledger, now).values()].filter(
      ({ answered, challenges, address }) =>
        answered + challenges > 0 || ledger.state.operators.has(address.toLowerCase()),
    );
    return active.sort((a, b) => b.answered + b.challenges - a.answered - a.challenges);
  }, [ledger, now]);
  const [shown, more] = useMore(all);
  const { data: stakes } = useStakes(shown.map(({ address }) => address));
  return (
    <Page
      title="Operators and verifiers"
      lead="Operators answer under a bond from their stake. Verifiers challenge what they find wrong; whoever is judged wrong pays."
    >
      <Card title={counted(all.length, "account")}>
        <Table
          caption="Operators and verifiers, the most active first"
          head={[
            "Account",
            "Stake free",
            "Locked",
            "Answers",
            "Final",
            "Challenges",
            "Won",
            "Faults",
            "Earned",
            "Forfeited",
            "Offers",
          ]}
          empty="Nobody has answered or challenged anything yet."
          rows={shown.map((record) => {
            const stake = stakes?.get(record.address.toLowerCase());
            return {
              key: record.address,
              cells: [
                <Account key="a" address={record.address} />,
                stake === undefined ? "…" : <Ether key="f" wei={stake.freeWei} />,
                stake === undefined ? "…" : <Ether key="l" wei={stake.lockedWei} />,
                record.answered,
                record.final,
                record.challenges,
                record.won,
                <span key="x" className={faultsOf(record) > 0 ? "bad" : undefined}>
                  {faultsOf(record)}
                </span>,
                <Ether key="e" wei={record.earnedWei} />,
                <Ether key="w" wei={record.lostWei} />,
                ledger.state.operators.get(record.address.toLowerCase())?.offers.size ?? 0,
              ],
            };
          })}
        />
        {more}
        <p className="hint">
          Faults: answers judged wrong, challenges lost, and requests that named the account and that it let
          pass. Earned: fees net of royalty and protocol fee, and shares of lost bonds; gas is not counted.
        </p>
      </Card>
    </Page>
  );
}

import { formatEther } from "ethers";
import { useId, useState, type ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { bytes32, toHex, ZERO_ADDRESS, type Hex } from "../../../sdk/src/structs.ts";
import type { ReleaseRecord } from "../../../verifier/src/chain/state.ts";
import { duration } from "../../../verifier/src/inspect/text.ts";
import { useChain, useReading, useSnapshot } from "../data/context.tsx";
import { useOffers } from "../data/offers.ts";
import { whenRead } from "../data/store.ts";
import { signatureOf, specText, useReport } from "../data/signature.ts";
import { Card, Ether, Facts, Id, Page } from "../ui/basics.tsx";
import { EtherInput, etherOf } from "../ui/etherInput.tsx";
import { InputForm } from "../ui/inputForm.tsx";
import { Missing } from "../ui/missing.tsx";
import { amount, shortened } from "../ui/words.ts";
import { Outcome } from "../wallet/outcome.tsx";
import { useTransaction } from "../wallet/useTransaction.ts";
import { useWallet } from "../wallet/wallet.ts";

/** Gas of an answer and its finalization, rounded up: what a fee should cover where nobody quotes one. */
const ANSWER_GAS = 200_000n;
const TIP = 10n ** 9n;

function AskForm({ record }: { record: ReleaseRecord }): ReactNode {
  const id = useId();
  const { source, store } = useReading();
  const { head } = useSnapshot();
  const { account } = useWallet();
  const [, navigate] = useLocation();
  const { releaseId, release } = record;
  const signature = signatureOf(record, useReport(record));
  const offers = useOffers(releaseId);
  const { data: floor } = useChain(["floor", releaseId], ({ contracts }) =>
    contracts.market.bondFloor(releaseId),
  );
  const { data: rules } = useChain(["rules"], ({ contracts }) => contracts.market.parameters());
  const [input, setInput] = useState<Uint8Array>();
  const [chosen, setChosen] = useState<Hex>();
  const [feeText, setFeeText] = useState<string>();
  const [windowText, setWindowText] = useState<string>();
  const transaction = useTransaction("Asked.");

  // A quote is the named operator's alone.
  const operator = chosen ?? offers[0]?.operator.address ?? ZERO_ADDRESS;
  const quoted = offers.find((offer) => offer.operator.address === operator)?.priceWei ?? offers[0]?.priceWei;
  const usual = quoted ?? ANSWER_GAS * ((head?.baseFee ?? 0n) + TIP);
  const fee = feeText ?? formatEther(usual);
  const feeWei = etherOf(fee);
  const windowSeconds = Number(windowText ?? rules?.minWindow ?? 0);
  const tooShort =
    rules !== undefined &&
    !(windowSeconds >= Number(rules.minWindow) && windowSeconds <= Number(rules.maxWindow));
  const right = input?.length === release.inputBytes;

  async function submit(): Promise<void> {
    if (input === undefined || feeWei === undefined || account === undefined) return;
    const { makeAsk, parseRequested } = await import("../../../sdk/src/request.ts");
    const { connect } = await import("../../../sdk/src/contracts.ts");
    const receipt = await transaction.run(async (contracts) => {
      const ask = await makeAsk(contracts, account, { releaseId, operator, windowSeconds });
      return contracts.market.request(ask, toHex(input), { value: feeWei });
    });
    if (receipt === undefined) return;
    const { requestId } = parseRequested(connect(source.deployment, source.runner), receipt);
    await whenRead(store, ({ state }) => state.requests.has(requestId));
    navigate(`/requests/${requestId}`);
  }

  return (
    <form
      className="form wide"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <div className="columns">
        <Card title="What to ask">
          <p className="mono small">{signature.inputs.map(specText).join(", ")}</p>
          <InputForm signature={signature} onChange={setInput} />
        </Card>
        <Card title="Terms">
          <div className="field">
            <label htmlFor={`${id}-operator`}>Who may answer</label>
            <select
              id={`${id}-operator`}
              value={operator}
              onChange={(event) => setChosen(bytesOf(event.target.value))}
            >
              <option value={ZERO_ADDRESS}>any staked operator</option>
              {offers.map(({ operator: { address }, priceWei }) => (
                <option key={address} value={address}>
                  {shortened(address)} for {amount(priceWei)}
                </option>
              ))}
            </select>
          </div>
          <EtherInput
            label="Fee"
            value={fee}
            onChange={setFeeText}
            hint={
              quoted === undefined
                ? "An estimate: nobody has announced a price. It comes back if nobody answers."
                : "As quoted; it comes back if nobody answers."
            }
          />
          <div className="field">
            <label htmlFor={`${id}-window`}>Challenge window, seconds</label>
            <input
              id={`${id}-window`}
              inputMode="numeric"
              value={windowText ?? String(rules?.minWindow ?? "")}
              aria-invalid={tooShort}
              onChange={(event) => setWindowText(event.target.value)}
            />
            <p className="hint">
              {rules === undefined
                ? "…"
                : `From ${duration(Number(rules.minWindow))} to ${duration(Number(rules.maxWindow))}. Longer is safer: somebody must notice a wrong answer within it.`}
            </p>
          </div>
          <Facts
            rows={[
              [
                "Operator's bond",
                floor === undefined ? (
                  "…"
                ) : (
                  <span key="f">
                    at least <Ether wei={floor} />
                  </span>
                ),
              ],
            ]}
          />
          <div className="buttons">
            <button
              type="submit"
              className="primary"
              disabled={
                !right || feeWei === undefined || tooShort || account === undefined || transaction.busy
              }
            >
              Send the request
            </button>
          </div>
          {account === undefined && <p className="hint">Connect a wallet to send it.</p>}
          {account !== undefined && !right && <p className="hint">There is no input yet.</p>}
          <Outcome transaction={transaction} />
        </Card>
      </div>
    </form>
  );
}

function bytesOf(text: string): Hex {
  return `0x${text.slice(2)}`;
}

export function Ask({ id }: { id: string }): ReactNode {
  const { ledger } = useSnapshot();
  const parsed = bytes32.safeParse(id);
  const record = parsed.success ? ledger.state.releases.get(parsed.data) : undefined;
  if (record === undefined) return <Missing what="release" id={id} />;
  return (
    <Page
      title="Request an inference"
      lead={
        <>
          Release <Id value={record.releaseId} to={`/releases/${record.releaseId}`} what="release" />, model{" "}
          {record.release.modelId.toString()}. <Link to="/accounts">Operators</Link> answer under a bond; the
          answer is final after its window.
        </>
      }
    >
      <AskForm record={record} />
    </Page>
  );
}

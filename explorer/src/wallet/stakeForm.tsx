import { useState, type ReactNode } from "react";
import { EtherInput, etherOf } from "../ui/etherInput.tsx";
import { exactAmount } from "../ui/words.ts";
import { Outcome } from "./outcome.tsx";
import { useTransaction } from "./useTransaction.ts";
import { useWallet } from "./wallet.ts";

export function StakeForm({ free }: { free: bigint | undefined }): ReactNode {
  const [text, setText] = useState("");
  const { account } = useWallet();
  const transaction = useTransaction();
  const wei = etherOf(text);
  return (
    <form className="form" onSubmit={(event) => event.preventDefault()}>
      <EtherInput
        label="Amount"
        value={text}
        onChange={setText}
        hint={free === undefined ? undefined : `${exactAmount(free)} are free to withdraw`}
      />
      <div className="buttons">
        <button
          type="button"
          className="primary"
          disabled={transaction.busy || wei === undefined || wei === 0n}
          onClick={() => void transaction.run(({ vault }) => vault.deposit({ value: wei ?? 0n }))}
        >
          Deposit
        </button>
        <button
          type="button"
          disabled={transaction.busy || wei === undefined || wei === 0n || (free !== undefined && wei > free)}
          onClick={() => void transaction.run(({ vault }) => vault.withdraw(wei ?? 0n, account ?? ""))}
        >
          Withdraw
        </button>
      </div>
      <Outcome transaction={transaction} />
    </form>
  );
}

import { useState } from "react";
import type { TransactionReceipt } from "ethers";
import { useReading } from "../data/context.tsx";
import type { Send } from "./transact.ts";
import { useWallet } from "./wallet.ts";

export interface Transaction {
  readonly busy: boolean;
  /** For people: what is going on. */
  readonly words: string | undefined;
  readonly problem: string | undefined;
  /** @returns undefined if it failed: `problem` says why. */
  run(send: Send): Promise<TransactionReceipt | undefined>;
}

export function useTransaction(done = "Done."): Transaction {
  const { source } = useReading();
  const wallet = useWallet();
  const [state, setState] = useState<Omit<Transaction, "run">>({
    busy: false,
    words: undefined,
    problem: undefined,
  });
  return {
    ...state,
    async run(send) {
      setState({ busy: true, words: "Confirm it in the wallet…", problem: undefined });
      try {
        const { transact } = await import("./transact.ts");
        const receipt = await transact(wallet, source.deployment, send, () =>
          setState({ busy: true, words: "Sent. Waiting for a block…", problem: undefined }),
        );
        setState({ busy: false, words: done, problem: undefined });
        return receipt;
      } catch (error) {
        const { explain } = await import("./explain.ts");
        setState({ busy: false, words: undefined, problem: explain(error) });
        return undefined;
      }
    },
  };
}

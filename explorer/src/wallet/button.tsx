/** Connecting a wallet, and what is connected. */
import { useRef, useState, type ReactNode } from "react";
import { Link } from "wouter";
import { messageOf } from "../../../sdk/src/error.ts";
import { Problem } from "../ui/basics.tsx";
import { shortened } from "../ui/words.ts";
import type { AnnouncedWallet } from "./announced.ts";
import { connectWallet, disconnect, useAnnounced, useWallet } from "./wallet.ts";

export function WalletButton(): ReactNode {
  const { wallet, account } = useWallet();
  const wallets = useAnnounced();
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState<string>();

  async function choose(chosen: AnnouncedWallet): Promise<void> {
    setProblem(undefined);
    try {
      await connectWallet(chosen);
      dialog.current?.close();
    } catch (error) {
      setProblem(messageOf(error));
    }
  }

  return (
    <div className="wallet">
      <button type="button" onClick={() => dialog.current?.showModal()}>
        {account === undefined ? "Connect wallet" : shortened(account)}
      </button>
      <dialog ref={dialog} aria-labelledby="wallet-title">
        <h2 id="wallet-title">Wallet</h2>
        {problem !== undefined && <Problem>{problem}</Problem>}
        {account !== undefined && wallet !== undefined ? (
          <>
            <p>
              {wallet.name}: <span className="mono break">{account}</span>
            </p>
            <div className="buttons">
              <Link
                className="button"
                to={`/accounts/${account.toLowerCase()}`}
                onClick={() => dialog.current?.close()}
              >
                Stake and record
              </Link>
              <button type="button" onClick={disconnect}>
                Disconnect
              </button>
            </div>
          </>
        ) : (
          <>
            {wallets.length === 0 && (
              <p>
                No wallet has announced itself to this page (EIP-6963). Install one, or switch it on for this
                page.
              </p>
            )}
            <ul className="plain wallets">
              {wallets.map((found) => (
                <li key={found.uuid}>
                  <button type="button" onClick={() => void choose(found)}>
                    {found.icon !== undefined && <img src={found.icon} alt="" width="20" height="20" />}
                    {found.name}
                  </button>
                </li>
              ))}
            </ul>
          </>
        )}
        <form method="dialog">
          <button type="submit">Close</button>
        </form>
      </dialog>
    </div>
  );
}

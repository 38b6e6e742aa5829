/** Choosing an endpoint and a deployment. Addresses come with the page or from a person, never from a link. */
import { useId, useState, type SyntheticEvent, type ReactNode } from "react";
import { parseDeployment, type NamedDeployment } from "../../../sdk/src/deployment.ts";
import { messageOf } from "../../../sdk/src/error.ts";
import { openRpc } from "../data/rpcSource.ts";
import type { Chosen } from "../data/settings.ts";
import { Problem } from "./basics.tsx";

export function SourceForm({
  rpc,
  known,
  problem,
  onChoose,
}: {
  rpc: string;
  known: readonly NamedDeployment[];
  problem: string | undefined;
  onChoose: (chosen: Chosen) => void;
}): ReactNode {
  const id = useId();
  const [url, setUrl] = useState(rpc);
  const [network, setNetwork] = useState(known[0]?.network ?? "");
  const [text, setText] = useState("");
  const [refusal, setRefusal] = useState(problem);
  const [busy, setBusy] = useState(false);

  async function submit(event: SyntheticEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setRefusal(undefined);
    try {
      const named = known.find((deployment) => deployment.network === network);
      const deployment = parseDeployment(named ?? JSON.parse(text));
      // Asks the endpoint before anything is kept.
      await openRpc(url, deployment);
      onChoose({ rpc: url, deployment });
    } catch (error) {
      setRefusal(messageOf(error));
    }
    setBusy(false);
  }

  return (
    <form className="form" onSubmit={(event) => void submit(event)}>
      {refusal !== undefined && <Problem>{refusal}</Problem>}
      <label htmlFor={`${id}-url`}>JSON-RPC endpoint</label>
      <input
        id={`${id}-url`}
        type="url"
        required
        value={url}
        placeholder="https://…"
        onChange={(event) => setUrl(event.target.value)}
        aria-describedby={`${id}-hint`}
      />
      <p className="hint" id={`${id}-hint`}>
        It must serve logs. The URL stays in this browser.
      </p>
      {known.length > 0 && (
        <>
          <label htmlFor={`${id}-network`}>Deployment</label>
          <select id={`${id}-network`} value={network} onChange={(event) => setNetwork(event.target.value)}>
            {known.map((deployment) => (
              <option key={deployment.network}>{deployment.network}</option>
            ))}
            <option value="">another</option>
          </select>
        </>
      )}
      {network === "" && (
        <>
          <label htmlFor={`${id}-deployment`}>Deployment file</label>
          <textarea
            id={`${id}-deployment`}
            required
            rows={6}
            className="mono"
            value={text}
            placeholder='{"chainId": …, "block": …, "addresses": {…}}'
            onChange={(event) => setText(event.target.value)}
          />
          <p className="hint">
            The contents of <code>deployments/NAME.json</code>. Transactions go to these addresses: use a file
            that you trust.
          </p>
        </>
      )}
      <button type="submit" className="primary" disabled={busy}>
        {busy ? "Asking the endpoint…" : "Read from there"}
      </button>
    </form>
  );
}

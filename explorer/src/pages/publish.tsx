import { sha256 } from "ethers";
import { useId, useState, type ReactNode } from "react";
import { useLocation } from "wouter";
import { z } from "zod/v4";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { parseEvent } from "../../../sdk/src/events.ts";
import { releaseIdOf } from "../../../sdk/src/ids.ts";
import { bytes32, hex, sameHex } from "../../../sdk/src/structs.ts";
import { count, spec } from "../../../verifier/src/api/schema.ts";
import {
  releaseOf,
  termsOf,
  withDimensions,
  type ReleaseTerms,
} from "../../../verifier/src/releases/release.ts";
import { useReading, useSnapshot } from "../data/context.tsx";
import { whenRead } from "../data/store.ts";
import { specText } from "../data/signature.ts";
import { Card, Facts, Id, Page, Problem } from "../ui/basics.tsx";
import { grouped } from "../ui/words.ts";
import { Outcome } from "../wallet/outcome.tsx";
import { useTransaction } from "../wallet/useTransaction.ts";
import { useWallet } from "../wallet/wallet.ts";

/** What `assay model inspect FILE --json` prints. */
const inspectedSchema = z.object({
  fileSha256: bytes32,
  programRoot: bytes32,
  header: hex,
  loweringVersion: count,
  bindings: z.record(z.string(), count),
  inputs: z.array(spec),
  outputs: z.array(spec),
  inputBytes: count,
  outputBytes: count,
  instructions: count,
  worst: z.object({ gas: count }),
  disputeGas: count,
});
type Inspected = z.output<typeof inspectedSchema>;

function parseInspected(text: string): Inspected {
  const parsed = inspectedSchema.safeParse(JSON.parse(text));
  if (!parsed.success)
    throw new AssayError("BAD_CONFIG", "This is not what `assay model inspect FILE --json` prints.");
  if (!sameHex(sha256(parsed.data.header), parsed.data.programRoot))
    throw new AssayError(
      "BAD_CONFIG",
      "The program root is not the hash of the header: inspect the file again.",
    );
  return parsed.data;
}

/** Undefined: the registry would refuse them. */
function termsFrom(tolerance: string, royalty: string): ReleaseTerms | undefined {
  if (tolerance.trim() === "") return undefined;
  try {
    return termsOf(Number(tolerance), 0, Math.round(Number(royalty) * 100));
  } catch {
    return undefined;
  }
}

function Terms({ model }: { model: Inspected }): ReactNode {
  const id = useId();
  const { source, store } = useReading();
  const { ledger } = useSnapshot();
  const { account } = useWallet();
  const [, navigate] = useLocation();
  const [uri, setUri] = useState("");
  const [tolerance, setTolerance] = useState("0");
  const [royalty, setRoyalty] = useState("5");
  const [modelId, setModelId] = useState("");
  const transaction = useTransaction("Published.");
  const { inputs, outputs, ...rest } = model;
  const mine = [...ledger.models.values()].filter(
    ({ owner }) => account !== undefined && sameHex(owner, account),
  );
  const terms = termsFrom(tolerance, royalty);

  async function publish(): Promise<void> {
    if (terms === undefined) return;
    let at = modelId === "" ? undefined : BigInt(modelId);
    if (at === undefined) {
      const made = await transaction.run(({ registry }) => registry.createModel(""));
      for (const log of made?.logs ?? []) {
        const event = sameHex(log.address, source.deployment.addresses.registry)
          ? parseEvent("registry", log)
          : undefined;
        if (event?.name === "ModelCreated") at = event.modelId;
      }
    }
    if (at === undefined) return;
    // If the second transaction is declined, the model made by the first is there for the next try.
    setModelId(at.toString());
    const release = releaseOf({ ...rest, signature: { inputs, outputs } }, at, terms);
    const contentUri = withDimensions(uri, model.bindings);
    const receipt = await transaction.run(({ registry }) =>
      registry.publish(release, model.header, contentUri),
    );
    if (receipt === undefined) return;
    const releaseId = releaseIdOf(release);
    await whenRead(store, ({ state }) => state.releases.has(releaseId));
    navigate(`/releases/${releaseId}`);
  }

  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        void publish();
      }}
    >
      <div className="field">
        <label htmlFor={`${id}-uri`}>Where the file can be fetched</label>
        <input
          id={`${id}-uri`}
          required
          value={uri}
          placeholder="ipfs://… or https://…"
          onChange={(event) => setUri(event.target.value)}
        />
        <p className="hint">Whoever answers or verifies fetches the file there, and checks it by its hash.</p>
      </div>
      <div className="field">
        <label htmlFor={`${id}-tolerance`}>Tolerance, absolute</label>
        <input
          id={`${id}-tolerance`}
          inputMode="decimal"
          value={tolerance}
          aria-invalid={termsFrom(tolerance, "0") === undefined}
          onChange={(event) => setTolerance(event.target.value)}
        />
        <p className="hint">
          0: right to the last bit. For floats, what <code>assay model check FILE</code> proposes.
        </p>
      </div>
      <div className="field">
        <label htmlFor={`${id}-royalty`}>Royalty, percent of each fee, at most 50</label>
        <input
          id={`${id}-royalty`}
          inputMode="decimal"
          value={royalty}
          aria-invalid={termsFrom("0", royalty) === undefined}
          onChange={(event) => setRoyalty(event.target.value)}
        />
      </div>
      <div className="field">
        <label htmlFor={`${id}-model`}>Model</label>
        <select id={`${id}-model`} value={modelId} onChange={(event) => setModelId(event.target.value)}>
          <option value="">a new one</option>
          {mine.map((known) => (
            <option key={known.modelId.toString()} value={known.modelId.toString()}>
              model {known.modelId.toString()}
            </option>
          ))}
        </select>
        <p className="hint">A new model takes one transaction more.</p>
      </div>
      <div className="buttons">
        <button
          type="submit"
          className="primary"
          disabled={terms === undefined || account === undefined || transaction.busy}
        >
          Publish
        </button>
      </div>
      {account === undefined && <p className="hint">Connect a wallet to publish.</p>}
      <Outcome transaction={transaction} />
    </form>
  );
}

export function Publish(): ReactNode {
  const id = useId();
  const [text, setText] = useState("");
  const [model, setModel] = useState<Inspected>();
  const [problem, setProblem] = useState<string>();

  function take(next: string): void {
    setText(next);
    setProblem(undefined);
    setModel(undefined);
    if (next.trim() === "") return;
    try {
      setModel(parseInspected(next));
    } catch (error) {
      setProblem(messageOf(error));
    }
  }

  return (
    <Page
      title="Publish a model"
      lead="The file is lowered on your machine; the wallet of this browser signs what came of it. Every node lowers the file again before it relies on the release."
    >
      <div className="columns">
        <Card title="What the file lowers to">
          <p>
            Run <code>assay model inspect FILE --json</code>, and put here what it prints.
          </p>
          <div className="form">
            <label htmlFor={`${id}-text`}>Output of the command</label>
            <textarea
              id={`${id}-text`}
              className="mono"
              rows={6}
              value={text}
              onChange={(event) => take(event.target.value)}
            />
            <label htmlFor={`${id}-file`}>or a file of it</label>
            <input
              id={`${id}-file`}
              type="file"
              accept=".json,application/json"
              onChange={(event) => void event.target.files?.[0]?.text().then(take)}
            />
          </div>
          {problem !== undefined && <Problem>{problem}</Problem>}
          {model !== undefined && (
            <Facts
              rows={[
                ["File SHA-256", <Id key="f" value={model.fileSha256} what="file hash" />],
                ["Program root", <Id key="p" value={model.programRoot} what="program root" />],
                ["Takes", model.inputs.map(specText).join(", ")],
                ["Gives", model.outputs.map(specText).join(", ")],
                ["Instructions", grouped(model.instructions)],
                ["Worst judgement", `${grouped(model.worst.gas)} gas`],
                ["Longest dispute", `${grouped(model.disputeGas)} gas`],
              ]}
            />
          )}
        </Card>
        <Card title="Terms">
          {model === undefined ? (
            <p className="empty">First the model.</p>
          ) : (
            <Terms key={model.programRoot} model={model} />
          )}
        </Card>
      </div>
    </Page>
  );
}

/** Finds something to read from: the node that serves the page, or an endpoint that was chosen; else it asks. */
import { useEffect, useState, type ReactNode } from "react";
import { messageOf } from "../../sdk/src/error.ts";
import { DEPLOYED } from "../../sdk/src/deployed.ts";
import { App } from "./app.tsx";
import { ReadingContext, readingOf, type Reading } from "./data/context.tsx";
import { openNode } from "./data/nodeSource.ts";
import { openRpc } from "./data/rpcSource.ts";
import { proposedRpc, readChosen, writeChosen, type Chosen } from "./data/settings.ts";
import { createStore } from "./data/store.ts";
import type { Source } from "./data/source.ts";
import { SourceForm } from "./ui/sourceForm.tsx";

type State =
  | { readonly kind: "looking" }
  | { readonly kind: "asking"; readonly problem?: string }
  | { readonly kind: "reading"; readonly reading: Reading };

/** @returns undefined if a person must choose. */
async function findSource(): Promise<Source | undefined> {
  if (proposedRpc() !== undefined) return undefined;
  const chosen = readChosen();
  if (chosen !== undefined) return openRpc(chosen.rpc, chosen.deployment);
  return openNode(new URL(".", document.baseURI));
}

export function Boot(): ReactNode {
  const [state, setState] = useState<State>({ kind: "looking" });
  useEffect(() => {
    const stop = new AbortController();
    findSource().then(
      (source) => {
        if (stop.signal.aborted) return;
        if (source === undefined) return setState({ kind: "asking" });
        setState({ kind: "reading", reading: readingOf(source, createStore(source, stop.signal)) });
      },
      (error: unknown) => setState({ kind: "asking", problem: messageOf(error) }),
    );
    return () => stop.abort();
  }, []);

  function choose(chosen: Chosen): void {
    writeChosen(chosen);
    // Without the proposal of a link.
    location.replace(`${location.pathname}${location.hash}`);
    if (location.search === "") location.reload();
  }

  if (state.kind === "reading")
    return (
      <ReadingContext value={state.reading}>
        <App />
      </ReadingContext>
    );
  if (state.kind === "looking")
    return (
      <main className="alone">
        <p role="status">Looking for something to read from…</p>
      </main>
    );
  const rpc = proposedRpc();
  return (
    <main className="alone">
      <h1>Assay explorer</h1>
      <p className="lead">
        This page reads everything from the chain by itself. Which endpoint should it ask, and which
        deployment is of interest?
      </p>
      {rpc !== undefined && (
        <p>
          The link that led here proposes an endpoint. An endpoint can lie about what happened: use one that
          you trust.
        </p>
      )}
      <SourceForm
        rpc={rpc ?? readChosen()?.rpc ?? ""}
        known={DEPLOYED}
        problem={state.problem}
        onChoose={choose}
      />
    </main>
  );
}

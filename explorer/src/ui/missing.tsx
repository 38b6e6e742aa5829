import type { ReactNode } from "react";
import { useSnapshot } from "../data/context.tsx";
import { Page } from "./basics.tsx";

/** It may just not have been read yet. */
export function Missing({ what, id }: { what: string; id: string }): ReactNode {
  const { head } = useSnapshot();
  return (
    <Page title={head === undefined ? "Reading…" : `No such ${what}`}>
      {head !== undefined && (
        <p>
          The chain knows no {what} <span className="mono break">{id}</span>. Is this the right deployment?
        </p>
      )}
    </Page>
  );
}

import type { ReactNode } from "react";
import { Problem } from "../ui/basics.tsx";
import type { Transaction } from "./useTransaction.ts";

export function Outcome({ transaction: { words, problem } }: { transaction: Transaction }): ReactNode {
  return (
    <>
      <p role="status" className="hint">
        {words}
      </p>
      {problem !== undefined && <Problem>{problem}</Problem>}
    </>
  );
}

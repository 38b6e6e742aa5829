/** Steps of something that goes on in time, with what is still to come. */
import type { ReactNode } from "react";
import { Time } from "./basics.tsx";

export interface Milestone {
  readonly name: string;
  /** Unix seconds; undefined: not known. */
  readonly at: number | undefined;
  readonly state: "done" | "now" | "later" | "bad";
  readonly note?: ReactNode;
}

const WORDS = { done: "done", now: "under way", later: "to come", bad: "failed" } as const;

export function Timeline({ milestones }: { milestones: readonly Milestone[] }): ReactNode {
  return (
    <ol className="timeline">
      {milestones.map(({ name, at, state, note }) => (
        <li key={name} className={state}>
          <span className="dot" aria-hidden="true" />
          <span className="hidden">{WORDS[state]}: </span>
          <strong>{name}</strong>
          {at !== undefined && <Time at={at} focusable />}
          {note !== undefined && <span className="note">{note}</span>}
        </li>
      ))}
    </ol>
  );
}

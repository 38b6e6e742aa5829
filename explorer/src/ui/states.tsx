/** How a request stands, for people. */
import type { ReactNode } from "react";
import type { GameRecord, RequestRecord, ResultRecord } from "../../../verifier/src/chain/state.ts";
import type { Outcome } from "../../../verifier/src/inspect/disputes.ts";
import { Badge, type Tone } from "./basics.tsx";

export interface Standing {
  readonly tone: Tone;
  readonly words: string;
}

export function standingOf(request: RequestRecord, result: ResultRecord | undefined, now: number): Standing {
  switch (request.status) {
    case "requested":
      return now > request.request.deadline
        ? { tone: "warn", words: "unanswered" }
        : { tone: "open", words: "waiting" };
    case "answered":
      if ((result?.openGames ?? 0) > 0) return { tone: "bad", words: "disputed" };
      return { tone: "open", words: "provisional" };
    case "final":
      return { tone: "good", words: "final" };
    case "delivered":
      return { tone: "good", words: "delivered" };
    case "overturned":
      return { tone: "bad", words: "overturned" };
    case "refunded":
      return result === undefined
        ? { tone: "warn", words: "refunded" }
        : { tone: "bad", words: "overturned, refunded" };
  }
}

export function RequestBadge({
  request,
  result,
  now,
}: {
  request: RequestRecord;
  result: ResultRecord | undefined;
  now: number;
}): ReactNode {
  const { tone, words } = standingOf(request, result, now);
  return <Badge tone={tone}>{words}</Badge>;
}

const OUTCOMES: Readonly<Record<Outcome, Standing>> = {
  open: { tone: "open", words: "open" },
  waiting: { tone: "open", words: "waits in line" },
  "operator lost": { tone: "bad", words: "operator lost" },
  "challenger lost": { tone: "plain", words: "challenger lost" },
};

export function OutcomeBadge({ outcome }: { outcome: Outcome }): ReactNode {
  const { tone, words } = OUTCOMES[outcome];
  return <Badge tone={tone}>{words}</Badge>;
}

export function gamesOf(result: ResultRecord | undefined): readonly GameRecord[] {
  return result === undefined ? [] : [...result.games.values()];
}

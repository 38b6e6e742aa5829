/** What the node has computed and must not compute again after a restart: answers to send, verdicts on others' answers. */
import type { Hex } from "../../../sdk/src/structs.ts";
import { among } from "./among.ts";
import type { Database } from "./database.ts";

export type Verdict = "right" | "wrong";

export interface Findings {
  answer(requestId: Hex): Promise<Uint8Array | undefined>;
  /** @returns the output that stands: what another process found first. */
  keepAnswer(requestId: Hex, output: Uint8Array): Promise<Uint8Array>;
  verdict(resultId: Hex): Promise<Verdict | undefined>;
  /** @param by What found it, for people. */
  keepVerdict(resultId: Hex, requestId: Hex, verdict: Verdict, by: string): Promise<void>;
  /** Drops the answers to requests that are over; verdicts stay as history. */
  forget(requestIds: readonly Hex[]): Promise<void>;
}

export function openFindings(database: Database): Findings {
  async function answer(requestId: Hex): Promise<Uint8Array | undefined> {
    const row = await database
      .selectFrom("answers")
      .select("output")
      .where("request", "=", requestId)
      .executeTakeFirst();
    return row === undefined ? undefined : new Uint8Array(row.output);
  }

  return {
    answer,
    async keepAnswer(requestId, output) {
      await database
        .insertInto("answers")
        .values({ request: requestId, output })
        .onConflict((conflict) => conflict.column("request").doNothing())
        .execute();
      return (await answer(requestId)) ?? output;
    },
    async verdict(resultId) {
      const row = await database
        .selectFrom("judgements")
        .select("verdict")
        .where("result", "=", resultId)
        .executeTakeFirst();
      return row?.verdict;
    },
    async keepVerdict(resultId, requestId, verdict, by) {
      await database
        .insertInto("judgements")
        .values({ result: resultId, request: requestId, verdict, by })
        .onConflict((conflict) => conflict.column("result").doUpdateSet({ verdict, by }))
        .execute();
    },
    async forget(requestIds) {
      if (requestIds.length === 0) return;
      await database.deleteFrom("answers").where(among("request", requestIds)).execute();
    },
  };
}

/** Others' receipts that somebody handed to us, and what we found of them. */
import type { Expression, ExpressionBuilder, SqlBool } from "kysely";
import { toJson, wireReceiptSchema } from "../../../sdk/src/infer/wire.ts";
import { RECEIPT_VALIDITY, type Receipt } from "../../../sdk/src/receipts.ts";
import { hex, type Hex } from "../../../sdk/src/structs.ts";
import type { Database } from "./database.ts";
import type { Verdict } from "./findings.ts";
import { KEPT_SECONDS } from "./kept.ts";
import type { Tables } from "./tables.ts";

/** By its digest, lower case. */
export interface Audit {
  readonly digest: Hex;
  readonly receipt: Receipt;
  readonly signature: Hex;
  /** Undefined: not judged yet. */
  readonly verdict: Verdict | undefined;
}

export interface Evidence {
  readonly input: Uint8Array;
  readonly output: Uint8Array;
}

export interface AuditStore {
  keep(audit: Audit, evidence: Evidence): Promise<void>;
  find(digest: Hex): Promise<Audit | undefined>;
  /** What is not judged, or wrong, and issued after a time (unix seconds), the oldest first. */
  unsettled(issuedAt: number): Promise<readonly Audit[]>;
  /** Undefined too once it was found right: nobody plays for it. */
  evidence(digest: Hex): Promise<Evidence | undefined>;
  /** @returns whether it is there. */
  judged(digest: Hex, verdict: Verdict): Promise<boolean>;
  /** What was judged stays: a game may be about it. */
  forgetUnjudged(digest: Hex): Promise<void>;
  /** Forgets what is of no more use at a time, unix seconds. */
  purge(now: number): Promise<void>;
}

interface AuditRow {
  readonly digest: string;
  readonly receipt: string;
  readonly signature: string;
  readonly verdict: Verdict | null;
}

/** @returns undefined of what no version of this node would take today. */
function auditOf({ digest, receipt, signature, verdict }: AuditRow): Audit | undefined {
  const parsed = wireReceiptSchema.safeParse(JSON.parse(receipt));
  return parsed.success
    ? {
        digest: hex.parse(digest),
        receipt: parsed.data,
        signature: hex.parse(signature),
        verdict: verdict ?? undefined,
      }
    : undefined;
}

const NOTHING = Buffer.alloc(0);

function isOpen(row: ExpressionBuilder<Tables, "audits">): Expression<SqlBool> {
  return row.or([row("verdict", "is", null), row("verdict", "=", "wrong")]);
}

/** @param mostRight Of receipts found right, so many are remembered, lest strangers fill the disk with them. */
export function openAudits(database: Database, mostRight = 100_000): AuditStore {
  const audits = () => database.selectFrom("audits").select(["digest", "receipt", "signature", "verdict"]);
  return {
    async keep({ digest, receipt, signature }, { input, output }) {
      const issued = { issued_at: receipt.issuedAt, receipt: toJson(receipt) };
      await database
        .insertInto("audits")
        .values({ digest, signature, input, output, verdict: null, ...issued })
        .onConflict((conflict) => conflict.column("digest").doNothing())
        .execute();
    },
    async find(digest) {
      const row = await audits().where("digest", "=", digest).executeTakeFirst();
      return row && auditOf(row);
    },
    async unsettled(issuedAt) {
      const rows = await audits()
        .where("issued_at", ">", issuedAt)
        .where(isOpen)
        .orderBy("issued_at")
        .execute();
      return rows.flatMap((row) => auditOf(row) ?? []);
    },
    async evidence(digest) {
      const row = await database
        .selectFrom("audits")
        .select(["input", "output"])
        .where("digest", "=", digest)
        .where(isOpen)
        .executeTakeFirst();
      return row && { input: new Uint8Array(row.input), output: new Uint8Array(row.output) };
    },
    async judged(digest, verdict) {
      const rest = verdict === "right" ? { input: NOTHING, output: NOTHING } : {};
      const { numUpdatedRows } = await database
        .updateTable("audits")
        .set({ verdict, ...rest })
        .where("digest", "=", digest)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },
    async forgetUnjudged(digest) {
      await database.deleteFrom("audits").where("digest", "=", digest).where("verdict", "is", null).execute();
    },
    async purge(now) {
      await database
        .deleteFrom("audits")
        .where((row) =>
          row.or([
            row("issued_at", "<", now - KEPT_SECONDS),
            row.and([row("issued_at", "<", now - RECEIPT_VALIDITY), row("verdict", "is", null)]),
          ]),
        )
        .execute();
      // A time, not a list of those that stay: Postgres would go through the list for each row.
      const tooMany = database
        .selectFrom("audits")
        .select("at_ms")
        .where("verdict", "=", "right")
        .orderBy("at_ms", "desc")
        .offset(mostRight)
        .limit(1);
      await database
        .deleteFrom("audits")
        .where("verdict", "=", "right")
        .where("at_ms", "<=", tooMany)
        .execute();
    },
  };
}

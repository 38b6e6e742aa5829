/** Others' receipts that somebody handed to us, and what we found of them. */
import { toJson, wireReceiptSchema } from "../../../sdk/src/infer/wire.ts";
import type { Receipt } from "../../../sdk/src/receipts.ts";
import { hex, type Hex } from "../../../sdk/src/structs.ts";
import type { Database } from "./database.ts";
import type { Verdict } from "./findings.ts";

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
  evidence(digest: Hex): Promise<Evidence | undefined>;
  judged(digest: Hex, verdict: Verdict): Promise<void>;
  forget(digest: Hex): Promise<void>;
  /** Forgets what was issued before, unix seconds. */
  purge(before: number): Promise<void>;
}

interface AuditRow {
  readonly digest: string;
  readonly receipt: string;
  readonly signature: string;
  readonly verdict: Verdict | null;
}

function auditOf({ digest, receipt, signature, verdict }: AuditRow): Audit {
  return {
    digest: hex.parse(digest),
    receipt: wireReceiptSchema.parse(JSON.parse(receipt)),
    signature: hex.parse(signature),
    verdict: verdict ?? undefined,
  };
}

export function openAudits(database: Database): AuditStore {
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
        .where((where) => where.or([where("verdict", "is", null), where("verdict", "=", "wrong")]))
        .orderBy("issued_at")
        .execute();
      return rows.map(auditOf);
    },
    async evidence(digest) {
      const row = await database
        .selectFrom("audits")
        .select(["input", "output"])
        .where("digest", "=", digest)
        .executeTakeFirst();
      return row && { input: new Uint8Array(row.input), output: new Uint8Array(row.output) };
    },
    async judged(digest, verdict) {
      await database.updateTable("audits").set({ verdict }).where("digest", "=", digest).execute();
    },
    async forget(digest) {
      await database.deleteFrom("audits").where("digest", "=", digest).execute();
    },
    async purge(before) {
      await database.deleteFrom("audits").where("issued_at", "<", before).execute();
    },
  };
}

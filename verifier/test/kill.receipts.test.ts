/** kill.test.ts, of disputes about receipts. */
import { AUDIT_PATH } from "../../sdk/src/infer/wire.ts";
import { sendPoint } from "./kill.ts";
import { openAudits, openDefence } from "./killReceipt.ts";
import { describeSample, disputeOf } from "./kills.ts";

describeSample(disputeOf("the operator of a receipt", openDefence), [sendPoint(0, "after")]);
describeSample(disputeOf("a verifier that is handed a receipt", openAudits), [
  { sends: 0, method: `POST ${AUDIT_PATH}`, phase: "after" },
]);

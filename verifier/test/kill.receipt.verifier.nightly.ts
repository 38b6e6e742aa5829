/** Apart from the operator's: each takes half an hour. */
import { openAudits } from "./killReceipt.ts";
import { describeKills, disputeOf } from "./kills.ts";

describeKills(disputeOf("a verifier that is handed a receipt", openAudits));

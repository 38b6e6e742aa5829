/** Apart from the verifier's: each takes half an hour. */
import { openDefence } from "./killReceipt.ts";
import { describeKills, disputeOf } from "./kills.ts";

describeKills(disputeOf("the operator of a receipt", openDefence));

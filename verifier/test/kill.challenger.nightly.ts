/** Apart from the other side: each takes half an hour. */
import { openAnswers } from "./killAnswer.ts";
import { describeKills, disputeOf } from "./kills.ts";

describeKills(disputeOf("the challenger of an answer", () => openAnswers("challenger")));

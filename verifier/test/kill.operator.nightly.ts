/** Apart from the other side: each takes half an hour. */
import { openAnswers } from "./killAnswer.ts";
import { describeKills, disputeOf } from "./kills.ts";

describeKills(disputeOf("the operator of an answer", () => openAnswers("operator")));

/**
 * kill -9 in the middle of a dispute: the node process is killed at a point of its conversation with the chain, started again,
 * and must end the dispute as if nothing had happened. Here a sample of the points; kill.*.nightly.ts have all.
 */
import { sendPoint } from "./kill.ts";
import { openAnswers } from "./killAnswer.ts";
import { describeSample, disputeOf } from "./kills.ts";

describeSample(
  disputeOf("the challenger of an answer", () => openAnswers("challenger")),
  [sendPoint(3, "pending")],
);
describeSample(
  disputeOf("the operator of an answer", () => openAnswers("operator")),
  [sendPoint(0, "before")],
);

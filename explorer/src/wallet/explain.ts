/** What went wrong with a transaction, in words that say what to do. */
import { isError } from "ethers";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { asRevert, revertName } from "../../../sdk/src/revert.ts";

const REFUSALS: Readonly<Record<string, string>> = {
  InsufficientFree: "The free stake is too small for the bond: deposit more first.",
  AmountTooLarge: "The amount is too large.",
  RequestsPaused: "New requests are paused at present. What exists goes on as before.",
  InputLengthIs: "The input has another length than the release takes.",
  BondTooLarge: "The bond is too large.",
  WindowOutOfBounds: "The challenge window is outside of what the rules allow.",
  AnswerSecondsOutOfBounds: "The time to answer is longer than the rules allow.",
  WindowOpen: "The answer can still be challenged: wait until its window has passed.",
  WindowClosed: "The window has passed: the answer can no longer be challenged.",
  GamesOpen: "A dispute is still open.",
  DeadlineNotPassed: "The request may still be answered: wait until its deadline.",
  StateIs: "Somebody was faster: it has been done already.",
  GameExists: "This account has challenged the answer already.",
  AlreadyDecided: "The answer has been judged wrong already.",
  ReleaseUnknown: "The registry does not know this release.",
  NotModelOwner: "Only the model's owner may do that.",
  TransferFailed: "The receiver does not take ETH.",
};

export function explain(error: unknown): string {
  if (isError(error, "ACTION_REJECTED")) return "You declined it in the wallet. Nothing was sent.";
  if (isError(error, "INSUFFICIENT_FUNDS"))
    return "The wallet has too little ETH for the amount and the gas.";
  const revert =
    error instanceof AssayError && error.code === "REVERTED"
      ? error
      : asRevert("the contract refused", error);
  const name = revertName(revert);
  if (revert !== undefined && name !== undefined) return REFUSALS[name] ?? revert.message;
  if (isError(error, "NETWORK_ERROR") || isError(error, "TIMEOUT"))
    return "The wallet's network does not answer. Try again.";
  return messageOf(error);
}

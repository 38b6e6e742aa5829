/** Planned requests as calls to the market. */
import { parseEther } from "ethers";
import { ZERO_ADDRESS, toHex, type Ask, type Hex } from "../../sdk/src/structs.ts";
import type { PlannedRequest } from "./requests.ts";
import { ANSWER_SECONDS, FEE, WINDOW_SECONDS } from "./rules.ts";
import type { Stage } from "./stage.ts";

export interface AskCall {
  readonly data: string;
  readonly fee: bigint;
}

export function askCall({ contracts, releases, accounts }: Stage, planned: PlannedRequest): AskCall {
  const { model, input, flaw, operator, index } = planned;
  const releaseId: Hex = flaw === "unknownRelease" ? `0x${"ab".repeat(32)}` : releases[model];
  const ask: Ask = {
    releaseId,
    nonce: BigInt(index),
    bond: flaw === "bondTooHigh" ? parseEther("10000") : 0n,
    answerSeconds: flaw === "noTimeToAnswer" ? 0 : ANSWER_SECONDS,
    windowSeconds: flaw === "windowTooShort" ? 1 : WINDOW_SECONDS,
    operator: operator === undefined ? ZERO_ADDRESS : accounts[operator].address,
    callbackGas: flaw === "callbackTooDear" ? 100_000_000 : flaw === "callbackToNobody" ? 100_000 : 0,
    refundTo: accounts.requester.address,
  };
  const bytes = new Uint8Array(
    input.length + (flaw === "inputTooLong" ? 1 : flaw === "inputTooShort" ? -1 : 0),
  );
  bytes.set(input.subarray(0, bytes.length));
  const data = contracts.market.interface.encodeFunctionData("request", [ask, toHex(bytes)]);
  return { data, fee: flaw === "underpaid" ? FEE / 1000n : FEE };
}

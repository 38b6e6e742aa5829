/**
 * Upper estimates of the gas of transactions, callbacks included; gas.test.ts compares them with receipts. Calldata is counted at
 * the floor price of EIP-7623, as if no byte of it were zero.
 */
import type { Release } from "../../../sdk/src/structs.ts";

/** Gas of a byte of calldata that is not zero, EIP-7623. */
const FLOOR_BYTE = 40;
/** `fulfill` with an empty output: a bond locked and a word written. */
const FULFILL = 48_000;
/** `finalize` without output and callback, the model's first royalty included. */
const FINALIZE = 82_000;
/** `deliver` without output and callback. */
const DELIVER = 45_000;
/** Around a callback, beside the gas that it may take. */
const CALLBACK_CALL = 15_000;
/**
 * Gas of answering a request and collecting the fee: `fulfill`, `finalize` and the callback, which whoever finalizes pays for.
 * @param callbackGas As in the request; 0: none.
 */
export function answerGas({ outputBytes }: Pick<Release, "outputBytes">, callbackGas: number): number {
  const callback = callbackGas === 0 ? 0 : callbackGas + CALLBACK_CALL + outputBytes;
  return FULFILL + FINALIZE + 2 * FLOOR_BYTE * outputBytes + callback;
}

/** Gas of calling a requester back once more. */
export function deliveryGas({ outputBytes }: Pick<Release, "outputBytes">, callbackGas: number): number {
  return DELIVER + (FLOOR_BYTE + 1) * outputBytes + CALLBACK_CALL + callbackGas;
}

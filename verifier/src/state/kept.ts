import { RECEIPT_VALIDITY } from "../../../sdk/src/receipts.ts";

/** For so long receipts, our own and others', are kept, seconds: their validity, and as long as a trial may last. */
export const KEPT_SECONDS = RECEIPT_VALIDITY + 14 * 86_400;

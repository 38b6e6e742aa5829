/** Calls of contracts whose failures are errors of ours. */
import { isError, type ContractTransactionResponse, type TransactionReceipt } from "ethers";
import { AssayError, messageOf } from "./error.ts";
import { asRevert } from "./revert.ts";

/** What a client's error means. */
function meaning(action: string, error: unknown): AssayError {
  if (error instanceof AssayError) return error;
  if (isError(error, "ACTION_REJECTED"))
    return new AssayError("DECLINED", `${action}: declined in the wallet; nothing was sent`, {
      cause: error,
    });
  if (isError(error, "INSUFFICIENT_FUNDS"))
    return new AssayError("INSUFFICIENT_FUNDS", `${action}: the account cannot pay the value and the gas`, {
      cause: error,
    });
  if (isError(error, "TRANSACTION_REPLACED"))
    return new AssayError(
      "TRANSACTION_REPLACED",
      `${action}: another transaction of the account was mined in its place (${error.hash})`,
      { cause: error },
    );
  return (
    asRevert(action, error) ??
    new AssayError("RPC_FAILED", `${action}: ${messageOf(error)}`, { retryable: true, cause: error })
  );
}

/** For one call that changes nothing; ethers itself waits for five minutes. */
const READ_LIMIT_MS = 60_000;

/** The value of a call that changes nothing. @throws {AssayError} REVERTED; RPC_FAILED, also if there is none within a minute. */
export async function reading<T>(action: string, call: Promise<T>, limitMs = READ_LIMIT_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `${action}: the endpoint did not answer within ${limitMs / 1000} s`;
    timer = setTimeout(() => reject(new AssayError("RPC_FAILED", message, { retryable: true })), limitMs);
  });
  try {
    return await Promise.race([call, late]);
  } catch (error) {
    throw meaning(action, error);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Sends and waits until it is mined. A transaction that the wallet sped up counts as the same.
 * @throws {AssayError} REVERTED (details.error is the contract's custom error), DECLINED, INSUFFICIENT_FUNDS,
 * TRANSACTION_REPLACED, RPC_FAILED: look whether it was mined before you send it again.
 */
export async function send(
  action: string,
  call: () => Promise<ContractTransactionResponse>,
): Promise<TransactionReceipt> {
  try {
    const receipt = await (await call()).wait();
    if (receipt !== null) return receipt;
  } catch (error) {
    const replaced = isError(error, "TRANSACTION_REPLACED") ? error : undefined;
    if (replaced?.reason === "repriced" && replaced.receipt.status === 1) return replaced.receipt;
    throw meaning(action, error);
  }
  throw new AssayError("RPC_FAILED", `${action}: it was sent; its receipt did not come`, {
    retryable: true,
  });
}

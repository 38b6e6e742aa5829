/** Whether the configured key can sign. */
import { messageOf } from "../../../sdk/src/error.ts";
import type { Signer } from "../chain/signer.ts";
import { fail, ok, type Finding } from "./finding.ts";

/** No account gets there; a transaction with it can never be mined, nor does one without a fee. */
const UNREACHED_NONCE = 2 ** 48;

/** Asks for the signature of a transaction that nobody can use: from the account to itself, of nothing. */
export async function checkSigner(signer: Signer, chainId: number): Promise<Finding> {
  const { address } = signer;
  const nothing = { data: "0x", value: 0n, maxFeePerGas: 0n, maxPriorityFeePerGas: 0n } as const;
  try {
    await signer.sign({ chainId, nonce: UNREACHED_NONCE, to: address, gasLimit: 21_000, ...nothing });
    return ok("key", `signs for ${address}`);
  } catch (error) {
    return fail(
      "key",
      messageOf(error),
      `no move can be made without it: see that the signer runs, and signs for ${address} (signer, account)`,
    );
  }
}

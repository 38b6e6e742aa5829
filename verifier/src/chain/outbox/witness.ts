/** A second look at receipts that one lying endpoint cannot sway. */
import type { JsonRpcApiProvider } from "ethers";
import { z } from "zod/v4";
import { AssayError } from "../../../../sdk/src/error.ts";
import { bytes32 } from "../../../../sdk/src/structs.ts";
import type { Endpoints } from "../endpoints.ts";
import type { Witness } from "./context.ts";

const receiptSchema = z.object({ blockHash: bytes32, status: z.string() }).nullable();

/** A receipt counts if as many endpoints have it, of the same block, as must agree; where they differ, there is none. */
export function agreedReceipts(endpoints: Endpoints, provider: JsonRpcApiProvider): Witness {
  async function stands(hash: string): Promise<boolean> {
    return endpoints.vote("receipt", async (ask) => {
      const receipt = await ask("eth_getTransactionReceipt", [hash], (result) => receiptSchema.parse(result));
      const key = receipt === null ? "none" : `${receipt.blockHash.toLowerCase()} ${receipt.status}`;
      return { value: receipt !== null, key };
    });
  }

  return {
    async getTransactionReceipt(hash) {
      try {
        return (await stands(hash)) ? await provider.getTransactionReceipt(hash) : null;
      } catch (error) {
        if (error instanceof AssayError && error.code === "ENDPOINTS_DISAGREE") return null;
        throw error;
      }
    },
  };
}

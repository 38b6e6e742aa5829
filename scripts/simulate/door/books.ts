/** What a seller's own database says of the client, read by somebody else once its process has ended. */
import { openDatabase } from "../../../verifier/src/state/database.ts";
import { openReceipts } from "../../../verifier/src/state/receipts.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";

export interface Books {
  readonly owedWei: bigint;
  /** Of the best voucher. */
  readonly promisedWei: bigint;
}

/** @param directory As the node has it. */
export async function readBooks(directory: string, client: Hex): Promise<Books> {
  const database = await openDatabase({ directory });
  try {
    const purses = await openReceipts(database).purses();
    const purse = purses.find((one) => sameHex(one.client, client));
    return { owedWei: purse?.owedWei ?? 0n, promisedWei: purse?.voucher.totalWei ?? 0n };
  } finally {
    await database.destroy();
  }
}

/** What gas costs now. */
import type { JsonRpcApiProvider } from "ethers";

const GWEI = 1_000_000_000n;

/** Wei per gas to count on for the next minutes: twice the base fee, and the tip. */
export async function gasPriceOf(provider: JsonRpcApiProvider): Promise<bigint> {
  const [block, tip] = await Promise.all([
    provider.getBlock("latest"),
    provider.send("eth_maxPriorityFeePerGas", []).then(
      (answer: unknown) => BigInt(String(answer)),
      () => GWEI,
    ),
  ]);
  return 2n * (block?.baseFeePerGas ?? GWEI) + tip;
}

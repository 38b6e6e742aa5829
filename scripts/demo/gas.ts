/** Gas of every step, read from the chain. */
import type { Interface, JsonRpcProvider } from "ethers";
import type { Contracts } from "../deployment.ts";

const STEPS = [
  "request",
  "fulfill",
  "finalize",
  "challenge",
  "commitTrace",
  "openInput",
  "select",
  "reveal",
  "prove",
  "proveOutput",
  "timeout",
] as const;

export type Step = (typeof STEPS)[number];

/** Dearest successful call of each step, gas; 0 if there was none. Calls through a consumer count as requests. */
export async function gasByStep(
  provider: JsonRpcProvider,
  contracts: Contracts,
  consumers: readonly string[],
  fromBlock: number,
): Promise<Record<Step, number>> {
  const gas = Object.fromEntries(STEPS.map((step) => [step, 0])) as Record<Step, number>;
  const { market, game } = contracts;
  const places = new Map<string, Interface>([
    [(await market.getAddress()).toLowerCase(), market.interface],
    [(await game.getAddress()).toLowerCase(), game.interface],
  ]);
  const isStep = (name: string): name is Step => STEPS.some((step) => step === name);
  const head = await provider.getBlockNumber();
  for (let number = fromBlock; number <= head; number++) {
    const block = await provider.getBlock(number, true);
    for (const transaction of block?.prefetchedTransactions ?? []) {
      const receipt = await provider.getTransactionReceipt(transaction.hash);
      if (receipt?.status !== 1) continue;
      const to = transaction.to?.toLowerCase() ?? "";
      const called = places.get(to)?.getFunction(transaction.data.slice(0, 10))?.name ?? "";
      const step = consumers.some((consumer) => consumer.toLowerCase() === to) ? "request" : called;
      if (isStep(step)) gas[step] = Math.max(gas[step], Number(receipt.gasUsed));
    }
  }
  return gas;
}

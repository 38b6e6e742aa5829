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
  "settleGame",
  "settleBond",
  "refund",
];

/** Dearest successful call of each step that happened, gas. Calls of consumers are requests. */
export async function gasByStep(
  provider: JsonRpcProvider,
  contracts: Contracts,
  consumers: readonly string[],
  fromBlock: number,
): Promise<Record<string, number>> {
  const { market, game } = contracts;
  const places = new Map<string, Interface>([
    [(await market.getAddress()).toLowerCase(), market.interface],
    [(await game.getAddress()).toLowerCase(), game.interface],
  ]);
  const asking = new Set(consumers.map((consumer) => consumer.toLowerCase()));
  const dearest = new Map<string, number>();
  const head = await provider.getBlockNumber();
  for (let number = fromBlock; number <= head; number++) {
    const block = await provider.getBlock(number, true);
    for (const transaction of block?.prefetchedTransactions ?? []) {
      const receipt = await provider.getTransactionReceipt(transaction.hash);
      if (receipt?.status !== 1) continue;
      const to = transaction.to?.toLowerCase() ?? "";
      const called = places.get(to)?.getFunction(transaction.data.slice(0, 10))?.name ?? "";
      const step = asking.has(to) ? "request" : called;
      dearest.set(step, Math.max(dearest.get(step) ?? 0, Number(receipt.gasUsed)));
    }
  }
  const happened = STEPS.filter((step) => dearest.has(step));
  return Object.fromEntries(happened.map((step) => [step, dearest.get(step) ?? 0]));
}

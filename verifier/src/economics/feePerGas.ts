/** What a unit of gas costs now: the newest block's base fee and the tip that the endpoint suggests. */
import type { JsonRpcProvider } from "ethers";
import type { BlockRef } from "../chain/source.ts";

export interface GasPrice {
  /** Wei per gas. */
  readonly baseFee: bigint;
  readonly tip: bigint;
}

/** Wei per gas to count on for the next minutes: twice the base fee, and the tip. */
export function cautiousPrice({ baseFee, tip }: GasPrice): bigint {
  return 2n * baseFee + tip;
}

type Asked = Pick<JsonRpcProvider, "send">;

const GWEI = 1_000_000_000n;
/** An endpoint that suggests more is not believed: nobody waits for routine work at that price. */
const MAX_TIP = 100n * GWEI;
/** Seconds of the chain between two questions. */
const ASK_SECONDS = 12;

function sane(answer: unknown): bigint | undefined {
  if (typeof answer !== "string" || !/^0x[0-9a-f]{1,32}$/i.test(answer)) return undefined;
  const tip = BigInt(answer);
  return tip > MAX_TIP ? MAX_TIP : tip;
}

/** @returns undefined if the endpoint suggests nothing sensible. */
function suggestedTip(provider: Asked): Promise<bigint | undefined> {
  return provider.send("eth_maxPriorityFeePerGas", []).then(sane, () => undefined);
}

/** Never waits: the tip is asked for in the background and is 1 gwei until it is known, as transactions are sent. */
export function createGasPrice(provider: Asked): (head: Pick<BlockRef, "timestamp" | "baseFee">) => GasPrice {
  let tip = GWEI;
  let askedAt = -Infinity;

  async function ask(): Promise<void> {
    tip = (await suggestedTip(provider)) ?? tip;
  }

  return (head) => {
    if (Math.abs(head.timestamp - askedAt) >= ASK_SECONDS) {
      askedAt = head.timestamp;
      void ask();
    }
    return { baseFee: head.baseFee ?? GWEI, tip };
  };
}

/** As {@link cautiousPrice}, asked for now. */
export async function gasPriceOf(provider: Asked & Pick<JsonRpcProvider, "getBlock">): Promise<bigint> {
  const [block, tip] = await Promise.all([provider.getBlock("latest"), suggestedTip(provider)]);
  return cautiousPrice({ baseFee: block?.baseFeePerGas ?? GWEI, tip: tip ?? GWEI });
}

/** What a unit of gas costs now: the newest block's base fee and the tip that endpoints suggest. */
import type { JsonRpcProvider } from "ethers";
import { wideQuantity } from "../../../sdk/src/structs.ts";
import type { Endpoints } from "../chain/endpoints.ts";
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
/** Who suggests more is not believed: nobody waits for routine work at that price. */
const MAX_TIP = 100n * GWEI;
/** Seconds of the chain between two questions. */
const ASK_SECONDS = 12;

const METHOD = "eth_maxPriorityFeePerGas";

function sane(answer: unknown): bigint {
  const tip = wideQuantity.parse(answer);
  return tip > MAX_TIP ? MAX_TIP : tip;
}

/** @returns undefined if the endpoint suggests nothing sensible. */
export function suggestedTip(provider: Asked): Promise<bigint | undefined> {
  return provider
    .send(METHOD, [])
    .then(sane)
    .catch(() => undefined);
}

/**
 * What as many endpoints suggest at least as must agree. A tip that is too low costs little: the base fee is counted too. One that is
 * too high would make every answer and every challenge look dearer than what it earns.
 */
export function agreedTip(endpoints: Pick<Endpoints, "reached">): Promise<bigint | undefined> {
  return endpoints.reached("tip", METHOD, [], sane).catch(() => undefined);
}

/**
 * Never waits: the tip is asked for in the background and is 1 gwei until it is known, as transactions are sent.
 * @param askTip undefined: unknown, the last one stays.
 */
export function createGasPrice(
  askTip: () => Promise<bigint | undefined>,
): (head: Pick<BlockRef, "timestamp" | "baseFee">) => GasPrice {
  let tip = GWEI;
  let askedAt = -Infinity;

  async function ask(): Promise<void> {
    tip = (await askTip()) ?? tip;
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

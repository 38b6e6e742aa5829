import { formatEther } from "ethers";

/** Wei for people. Signed. */
export function ether(wei: bigint): string {
  return `${formatEther(wei).replace(/\.0$/, "")} ETH`;
}

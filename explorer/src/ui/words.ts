/** Amounts, times and sizes for people. Pure. */
import { formatEther, formatUnits } from "ethers";
import { duration } from "../../../verifier/src/inspect/text.ts";

/** To six significant digits, in the unit that needs no exponent. */
export function amount(wei: bigint): string {
  const size = wei < 0n ? -wei : wei;
  if (wei === 0n) return "0 ETH";
  if (size >= 10n ** 13n) return `${digits(formatEther(wei))} ETH`;
  if (size >= 10n ** 6n) return `${digits(formatUnits(wei, "gwei"))} gwei`;
  return `${wei} wei`;
}

export function exactAmount(wei: bigint): string {
  return `${formatEther(wei)} ETH`;
}

function digits(decimal: string): string {
  const [whole = "0", fraction = ""] = decimal.split(".");
  if (fraction === "" || fraction === "0") return grouped(whole);
  const leading = /^-?0$/.test(whole) ? (/^0*/.exec(fraction)?.[0].length ?? 0) : 0;
  const kept = fraction.slice(0, Math.max(2, 6 - whole.length) + leading).replace(/0+$/, "");
  return kept === "" ? grouped(whole) : `${grouped(whole)}.${kept}`;
}

export function grouped(whole: string | number | bigint): string {
  return String(whole).replace(/\B(?=(\d{3})+(?!\d))/g, " ");
}

/** `3 min ago`, `in 2 h 5 min`. */
export function relative(at: number, now: number): string {
  const away = Math.abs(at - now);
  if (away < 2) return "now";
  const words = duration(away < 60 ? away : away < 3600 ? Math.round(away / 60) * 60 : away);
  const text = away < 86_400 ? words : words.split(" ").slice(0, 2).join(" ");
  return at > now ? `in ${text}` : `${text} ago`;
}

export function exactTime(at: number): string {
  return new Date(at * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
}

/** `1 request`, `2 requests`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

export function shortened(id: string): string {
  return id.length <= 14 ? id : `${id.slice(0, 6)}…${id.slice(-4)}`;
}

export function percent(bps: number): string {
  return `${bps / 100} %`;
}

/** Amounts and times for people. Pure. */
import type { GameClock } from "./history.ts";

/** `2026-01-31 13:05:00 UTC` */
export function time(unixSeconds: number): string {
  return `${new Date(unixSeconds * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

const UNITS = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
] as const;

/** Seconds as `2 h 5 min`: the two largest units. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  let rest = whole;
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.length === 0 ? "0 s" : parts.slice(0, 2).join(" ");
}

export function count(n: number, thing: string): string {
  return `${n} ${thing}${n === 1 ? "" : "s"}`;
}

/** A measured number, to six digits. */
export function rounded(value: number): string {
  return String(Number(value.toPrecision(6)));
}

export function bytes(n: number): string {
  if (n < 1024) return `${n} bytes`;
  const power = Math.min(4, Math.floor(Math.log2(n) / 10));
  return `${(n / 2 ** (10 * power)).toFixed(1)} ${["", "K", "M", "G", "T"][power] ?? ""}iB`;
}

export function clockText({ challenger, onMove, operatorLeft, challengerLeft }: GameClock): string {
  const left = onMove === "operator" ? operatorLeft : challengerLeft;
  const clock = left < 0 ? "its time is up: anyone may call timeout" : `${duration(left)} left`;
  return `by ${challenger}: the ${onMove} is on the move, ${clock}`;
}

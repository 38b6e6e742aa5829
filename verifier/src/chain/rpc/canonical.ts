/** Results of different servers for the same question, in one form: equal answers give equal texts. */
import { isObject } from "./transport.ts";

/** Key order, the case of hex digits, and fields that are null or missing make no difference. */
export function canonical(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(/^0x/i.test(value) ? value.toLowerCase() : value);
  if (typeof value === "bigint") return `${value}n`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isObject(value)) return String(value);
  const fields = Object.entries(value).filter(([, field]) => field !== null && field !== undefined);
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(",")}}`;
}

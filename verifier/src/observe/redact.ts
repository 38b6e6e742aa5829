/** The last thing that happens to a line of the log: addresses lose what may be a key, and no line is long. Pure. */

const ADDRESS = /\b(?:https?|wss?|postgres(?:ql)?):\/\/[^\s"\\]+/gi;
/** Punctuation of the sentence around an address. */
const PUNCTUATION = "]),.:;'";
const MAX_LINE = 16_384;
const MAX_TEXT = 1024;
const MAX_ENTRIES = 64;

/** Scheme, host and port. Providers' keys are in paths, queries, names and passwords. */
function withoutSecrets(found: string): string {
  // Not a regular expression: a stranger's address may be nothing but punctuation.
  let end = found.length;
  while (PUNCTUATION.includes(found.charAt(end - 1))) end--;
  const [address, tail] = [found.slice(0, end), found.slice(end)];
  const parsed = URL.parse(address);
  const scheme = address.slice(0, address.indexOf(":"));
  // An @ after the host: it may as well be part of a password that should have been escaped.
  const rest = /[/?#].*/.exec(address.slice(scheme.length + 3))?.[0] ?? "";
  if (parsed === null || parsed.host === "" || rest.includes("@")) return `${scheme}://…${tail}`;
  const bare = parsed.pathname.length <= 1 && parsed.search === "" && parsed.hash === "";
  return `${scheme}://${parsed.host}${bare ? "" : "/…"}${tail}`;
}

function shorten(value: unknown): unknown {
  if (typeof value === "string" && value.length > MAX_TEXT)
    return `${value.slice(0, MAX_TEXT)}… (${value.length} characters)`;
  if (!Array.isArray(value) || value.length <= MAX_ENTRIES) return value;
  const first: unknown[] = value.slice(0, MAX_ENTRIES);
  return [...first, `… (${value.length} entries)`];
}

/** @param line One JSON object, with or without its line break. @returns one that may be written. */
export function tidyLine(line: string): string {
  const safe = line.replace(ADDRESS, withoutSecrets);
  if (safe.length <= MAX_LINE) return safe;
  const fields: unknown = JSON.parse(safe, (_, value: unknown) => shorten(value));
  const short = JSON.stringify(fields);
  // Many short fields: only their shape is hostile.
  const small =
    short.length <= MAX_LINE ? short : JSON.stringify({ msg: "a line too long to log", length: line.length });
  return line.endsWith("\n") ? `${small}\n` : small;
}

/** Fields whose values are never written, wherever they are within two levels. */
const SECRET_FIELDS = ["password", "privateKey", "mnemonic", "secret", "authorization", "apiKey"];
export const REDACTED_PATHS: readonly string[] = SECRET_FIELDS.flatMap((name) => [
  name,
  `*.${name}`,
  `*.*.${name}`,
]);

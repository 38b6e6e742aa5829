/** What commands print: lines for people, or one JSON value with --json. */
import { AssayError, messageOf } from "../../../sdk/src/error.ts";

function plain(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}

export type Row = readonly [label: string, value: string | number | bigint];

/** @param data What --json prints; bigints as decimal strings. */
export function print(json: boolean, rows: readonly Row[], data: unknown): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(data, plain, 2)}\n`);
    return;
  }
  const width = Math.max(...rows.map(([label]) => label.length));
  for (const [label, value] of rows) process.stdout.write(`${label.padEnd(width)}  ${value}\n`);
}

export const EXIT = {
  /** It did not work, and will not without a change. */
  failed: 1,
  /** The command line or configuration is wrong. */
  usage: 2,
  /** It may work if tried again. */
  retryable: 3,
  /** `assay model check` found hazards. */
  hazard: 4,
} as const;

const USAGE: ReadonlySet<string> = new Set([
  "BAD_CONFIG",
  "BAD_KEYSTORE",
  "BAD_DEPLOYMENT",
  "WRONG_CHAIN",
  "BAD_TENSOR",
]);

/** Prints an error for people on stderr. @returns the exit code. */
export function reportError(error: unknown): number {
  const code = error instanceof AssayError ? `${error.code}: ` : "";
  process.stderr.write(`assay: ${code}${messageOf(error)}\n`);
  if (!(error instanceof AssayError)) return EXIT.failed;
  if (USAGE.has(error.code)) return EXIT.usage;
  return error.retryable ? EXIT.retryable : EXIT.failed;
}

/** What commands print: data on stdout, as lines for people or one JSON value with --json; everything else on stderr. */
import { AssayError, messageOf } from "../../../sdk/src/error.ts";

function plain(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}

export type Row = readonly [label: string, value: string | number | bigint];

/** Prints one JSON value; bigints as decimal strings. */
export function printJson(data: unknown): void {
  process.stdout.write(`${JSON.stringify(data, plain, 2)}\n`);
}

/** @param data What --json prints. */
export function print(json: boolean, rows: readonly Row[], data: unknown): void {
  if (json) return printJson(data);
  printRows(rows);
}

export function printRows(rows: readonly Row[]): void {
  const width = Math.max(...rows.map(([label]) => label.length));
  for (const [label, value] of rows)
    process.stdout.write(`${label.padEnd(width)}  ${value}\n`.trimEnd() + "\n");
}

/** For people, beside the data: on stderr. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Every exit code of the command; 0: done, and nothing is wrong. */
export const EXIT = {
  /** It did not work, and will not without a change. */
  failed: 1,
  /** The command line or configuration is wrong. */
  usage: 2,
  /** It may work if tried again. */
  retryable: 3,
  /** `assay model check` found hazards. */
  hazard: 4,
  /** What was checked is wrong: an answer, a release, a receipt, or what an operator anchored. */
  wrong: 5,
} as const;

export const EXIT_HELP = `
Exit codes: 0 done, nothing wrong; ${EXIT.failed} failed; ${EXIT.usage} wrong usage or configuration; ${EXIT.retryable} failed, but may work if
tried again; ${EXIT.hazard} hazards found (model check); ${EXIT.wrong} checked and found wrong (verify, model verify, infer --audit, and
receipt verify, included and sample).`;

const USAGE: ReadonlySet<string> = new Set([
  "BAD_CONFIG",
  "BAD_KEYSTORE",
  "BAD_DEPLOYMENT",
  "WRONG_CHAIN",
  "BAD_TENSOR",
]);

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof AssayError)) return EXIT.failed;
  if (USAGE.has(error.code)) return EXIT.usage;
  return error.retryable ? EXIT.retryable : EXIT.failed;
}

/** Prints an error for people on stderr. @returns the exit code. */
export function reportError(error: unknown): number {
  const code = error instanceof AssayError ? `${error.code}: ` : "";
  note(`assay: ${code}${messageOf(error)}`);
  return exitCodeOf(error);
}

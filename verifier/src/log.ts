/** Structured logs: one JSON object a line, `msg` for people, fields for machines. Never keys, passwords or whole blobs. */
import { pino, type DestinationStream, type Logger as PinoLogger } from "pino";
import { AssayError, messageOf } from "../../sdk/src/error.ts";
import { REDACTED_PATHS, tidyLine } from "./observe/redact.ts";

export type Logger = PinoLogger;

export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** @param pretty For people at a terminal. @param fd 1: the node's own output; 2: beside a command's output. */
export function createLogger(level: LogLevel, fd: 1 | 2, pretty: boolean): Logger {
  if (!pretty) return loggerTo(level, pino.destination({ fd, sync: true }));
  const options = { destination: fd, translateTime: "SYS:HH:MM:ss", sync: true };
  const terminal = pino.transport({ target: "pino-pretty", options });
  // Who closes the terminal ends the node in peace: what it still has to say goes nowhere.
  terminal.on("error", () => undefined);
  return loggerTo(level, terminal);
}

/** The same lines to any stream. */
export function loggerTo(level: LogLevel, stream: DestinationStream): Logger {
  const redact = { paths: [...REDACTED_PATHS], censor: "…" };
  // Words, as the documents have them, and not pino's numbers.
  const formatters = { level: (label: string) => ({ level: label }) };
  return pino({ level, base: null, redact, formatters, hooks: { streamWrite: tidyLine } }, stream);
}

/** Where an error came from, without its message, which may hold the RPC's address and so its key. */
function framesOf(error: unknown): string[] {
  const lines = error instanceof Error ? (error.stack ?? "").split("\n") : [];
  return lines.filter((line) => /^\s+at /.test(line)).map((line) => line.trim());
}

/** Our own errors as code and reason; foreign ones, which are bugs, with their stack. */
export function errorFields(error: unknown): Readonly<Record<string, unknown>> {
  const reason = messageOf(error);
  if (!(error instanceof AssayError)) return { code: "UNKNOWN", reason, stack: framesOf(error) };
  return { code: error.code, reason, details: error.details };
}

/** What may be well another time is a warning. */
export function levelOf(error: unknown): "warn" | "error" {
  return error instanceof AssayError && error.retryable ? "warn" : "error";
}

/** @param what A constant, such as "following the chain failed": what differs from line to line is in the fields. */
export function logError(
  log: Logger,
  error: unknown,
  what: string,
  fields: Readonly<Record<string, unknown>> = {},
): void {
  log[levelOf(error)]({ ...fields, ...errorFields(error) }, what);
}

/** Structured logs: one JSON object a line, `msg` for people, fields for machines. Never keys, passwords or whole blobs. */
import { pino, type Logger as PinoLogger } from "pino";
import { AssayError, messageOf } from "../../sdk/src/error.ts";

export type Logger = PinoLogger;

export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** @param pretty For people at a terminal. @param fd 1: the node's own output; 2: beside a command's output. */
export function createLogger(level: LogLevel, fd: 1 | 2, pretty: boolean): Logger {
  if (!pretty) return pino({ level, base: null }, pino.destination({ fd, sync: true }));
  const options = { destination: fd, ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss", sync: true };
  return pino({ level }, pino.transport({ target: "pino-pretty", options }));
}

/** Where an error came from, without its message, which may hold the RPC's address and so its key. */
function framesOf(error: unknown): string[] {
  const lines = error instanceof Error ? (error.stack ?? "").split("\n") : [];
  return lines.filter((line) => /^\s+at /.test(line)).map((line) => line.trim());
}

/** Our own errors as code and message; foreign ones, which are bugs, with their stack. */
export function logError(log: Logger, error: unknown, what: string): void {
  const text = `${what}: ${messageOf(error)}`;
  if (!(error instanceof AssayError)) log.error({ stack: framesOf(error) }, text);
  else log[error.retryable ? "warn" : "error"]({ code: error.code, details: error.details }, text);
}

/**
 * Settings of the `assay` command: flags, then a JSON file, then defaults. Secrets are in none of them, only the paths of their
 * files.
 */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod/v4";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { LOG_LEVELS } from "../log.ts";

const httpUrl = z.url({ protocol: /^https?$/ });
const MAX_ENDPOINTS = 16;

export const ROLES = ["operator", "verifier", "both"] as const;
export type RoleName = (typeof ROLES)[number];

const configSchema = z
  .object({
    rpc: z.union([httpUrl.transform((url) => [url]), z.array(httpUrl).min(1).max(MAX_ENDPOINTS)]),
    deployment: z.string(),
    keystore: z.string(),
    passwordFile: z.string(),
    signer: httpUrl,
    data: z.string(),
    content: z.string(),
    logLevel: z.enum(LOG_LEVELS),
    role: z.enum(ROLES),
    serve: z.array(z.string().regex(/^0x[0-9a-fA-F]{64}$/)),
    minFee: z.string(),
    exactFrom: z.string(),
    auditShare: z.number().min(0).max(1),
    http: z.string(),
    mirror: z.array(httpUrl),
    workers: z.number().int().min(1).max(256),
    pollMs: z.number().int().min(50).max(60_000),
    inferenceLimitMs: z.number().int().min(100),
    maxFileMb: z.number().int().min(1),
    maxTraceMb: z.number().int().min(1),
  })
  .partial()
  .strict();

export type Config = z.output<typeof configSchema>;
/** As it is written: one endpoint need not be a list. */
export type ConfigFile = z.input<typeof configSchema>;

const DATA = join(homedir(), ".assay");

export const DEFAULTS = {
  rpc: ["http://127.0.0.1:8545"],
  data: DATA,
  content: join(DATA, "content"),
  role: "both",
  http: "127.0.0.1:8600",
  workers: 2,
  pollMs: 1000,
  inferenceLimitMs: 30_000,
  auditShare: 1,
  maxFileMb: 256,
  maxTraceMb: 256,
} satisfies Config;

/**
 * Where settings are read from if no --config is given: $ASSAY_CONFIG (set but empty: no file), or ~/.assay/config.json.
 * @param path Of --config.
 * @returns undefined if there is no file to read.
 */
export function configPath(path?: string): string | undefined {
  if (path !== undefined) return path;
  const named = process.env["ASSAY_CONFIG"];
  if (named !== undefined) return named === "" ? undefined : named;
  const standard = defaultConfigPath();
  return existsSync(standard) ? standard : undefined;
}

/** Where `assay init` writes unless told otherwise. */
export function defaultConfigPath(): string {
  return process.env["ASSAY_CONFIG"] || join(DEFAULTS.data, "config.json");
}

function readConfig(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new AssayError("BAD_CONFIG", `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}

function check(what: string, value: unknown): Config {
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) throw new AssayError("BAD_CONFIG", `${what}:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** @throws {AssayError} BAD_CONFIG naming each wrong setting. */
export function parseConfig(value: unknown): Config {
  return check("settings", value);
}

/**
 * @param path Of --config.
 * @param flags The command line's options; those that are no settings are left alone.
 * @throws {AssayError} BAD_CONFIG naming each wrong setting.
 */
export function loadConfig(path: string | undefined, flags: Readonly<Record<string, unknown>>): Config {
  const from = configPath(path);
  const file = from === undefined ? {} : check(from, readConfig(from));
  const settings = Object.entries(flags).filter(([name]) => Object.hasOwn(configSchema.shape, name));
  const config = { ...file, ...check("command line", Object.fromEntries(settings)) };
  if (config.data === undefined || config.content !== undefined) return config;
  return { ...config, content: join(config.data, "content") };
}

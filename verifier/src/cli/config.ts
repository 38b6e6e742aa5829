/**
 * Settings of the `assay` command: flags, then a JSON file, then defaults. Secrets are in none of them, only the paths of their
 * files.
 */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod/v4";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { MAX_ENDPOINTS } from "../../../sdk/src/operators.ts";
import { CHALLENGE_POLICIES } from "../economics/challenge.ts";
import { LOG_LEVELS } from "../log.ts";
import { ANSWERS } from "../serve/answerer.ts";
import { NO_ENDPOINT } from "../setup/endpoint.ts";

export const ROLES = ["operator", "verifier", "both"] as const;
export type RoleName = (typeof ROLES)[number];

const NO_RELEASE = "a release is 0x and 64 hex digits";
const release = z.string().regex(/^0x[0-9a-fA-F]{64}$/, NO_RELEASE);
const byRelease = z.record(release, z.string(), {
  error: ({ code }) => (code === "invalid_key" ? NO_RELEASE : undefined),
});
const httpUrl = z.url({ protocol: /^https?$/ });
const rpcUrl = z.url({ protocol: /^(https?|wss?)$/, error: NO_ENDPOINT });

const configSchema = z
  .object({
    /** Endpoints of one chain; a single one need not be in a list. */
    rpc: z.union([rpcUrl.transform((url) => [url]), z.array(rpcUrl).min(1)], NO_ENDPOINT),
    /** Endpoints that must agree, and blocks after which nothing is undone. */
    quorum: z.number().int().min(1),
    finality: z.number().int().min(1).max(100_000),
    deployment: z.string(),
    keystore: z.string(),
    passwordFile: z.string(),
    signer: httpUrl,
    account: z.string().regex(/^0x[0-9a-fA-F]{40}$/),
    maxFeeGwei: z.number().positive().max(1e6),
    maxUrgentFeeGwei: z.number().positive().max(1e6),
    gasBudget: z.string(),
    data: z.string(),
    content: z.string(),
    database: z.url({ protocol: /^postgres(ql)?$/ }),
    logLevel: z.enum(LOG_LEVELS),
    role: z.enum(ROLES),
    serve: z.array(release),
    // What is answered, challenged and announced; amounts are decimal ether.
    minFee: z.string(),
    prices: byRelease,
    computePrice: z.string(),
    maxBond: z.string(),
    maxExposure: z.string(),
    verify: z.array(release),
    challenge: z.enum(CHALLENGE_POLICIES),
    bankroll: z.string(),
    // Answers over HTTP; amounts are decimal ether.
    receiptPrice: z.string(),
    receiptPrices: byRelease,
    receiptBondClass: z.number().int().min(0).max(24),
    receiptAnswers: z.enum(ANSWERS),
    receiptKeystore: z.string(),
    redeemFrom: z.string(),
    anchorHours: z.number().int().min(1).max(168),
    publicUrl: z.array(z.string()).max(MAX_ENDPOINTS),
    announce: z.boolean(),
    exactFrom: z.string(),
    auditShare: z.number().min(0).max(1),
    http: z.string(),
    /** In the file only: it may hold a token. */
    alertWebhook: httpUrl,
    mirror: z.array(httpUrl),
    gateway: z.array(httpUrl),
    allowPrivateContent: z.boolean(),
    maxContentGb: z.number().positive(),
    url: httpUrl,
    workers: z.number().int().min(1).max(256),
    pollMs: z.number().int().min(50).max(60_000),
    inferenceLimitMs: z.number().int().min(100),
    memoryMb: z.number().int().min(64),
    inferenceMemoryMb: z.number().int().min(256),
    maxFileMb: z.number().int().min(1),
    maxTraceMb: z.number().int().min(1),
  })
  .partial()
  .strict();

export type Config = z.output<typeof configSchema>;
/** As it is written: one endpoint need not be a list. */
export type ConfigFile = z.input<typeof configSchema>;

export const DEFAULTS = {
  rpc: ["http://127.0.0.1:8545"],
  data: join(homedir(), ".assay"),
  role: "both",
  http: "127.0.0.1:8600",
  workers: 2,
  pollMs: 1000,
  inferenceLimitMs: 30_000,
  auditShare: 1,
  receiptBondClass: 4,
  receiptAnswers: "checked",
  redeemFrom: "0.01",
  maxFileMb: 256,
  maxContentGb: 32,
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
  return { ...file, ...check("command line", Object.fromEntries(settings)) };
}

/**
 * @returns undefined if it is not set.
 * @throws {AssayError} BAD_CONFIG if there are fewer endpoints.
 */
export function quorumOf({ quorum, rpc = DEFAULTS.rpc }: Config): number | undefined {
  const endpoints = new Set(rpc).size;
  if (quorum === undefined || quorum <= endpoints) return quorum;
  throw new AssayError(
    "BAD_CONFIG",
    `quorum is ${quorum}, but there ${endpoints === 1 ? "is 1 endpoint" : `are ${endpoints} endpoints`}: lower it, or add endpoints (rpc)`,
    { details: { quorum, endpoints } },
  );
}

/** Where model files are. */
export function contentOf({ content, data }: Config): string {
  return content ?? join(data ?? DEFAULTS.data, "content");
}

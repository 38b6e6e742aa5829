/** Settings of the `assay` command: a JSON file, overridden by flags. Secrets are in neither, only the paths of their files. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod/v4";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { MAX_ENDPOINTS } from "../chain/operators.ts";
import { CHALLENGE_POLICIES } from "../economics/challenge.ts";
import { LOG_LEVELS } from "../log.ts";

const release = z.string().regex(/^0x[0-9a-fA-F]{64}$/);
/** Endpoints of one chain; a single one need not be in a list. */
const rpcUrls = z
  .array(z.url({ protocol: /^(https?|wss?)$/ }))
  .min(1)
  .readonly();

const configSchema = z
  .object({
    rpc: z.preprocess((value) => (typeof value === "string" ? [value] : value), rpcUrls),
    deployment: z.string(),
    keystore: z.string(),
    passwordFile: z.string(),
    signer: z.url({ protocol: /^https?$/ }),
    account: z.string().regex(/^0x[0-9a-fA-F]{40}$/),
    data: z.string(),
    content: z.string(),
    database: z.url({ protocol: /^postgres(ql)?$/ }),
    logLevel: z.enum(LOG_LEVELS),
    role: z.enum(["operator", "verifier", "both"]),
    serve: z.array(release),
    // What is answered, challenged and announced; amounts are decimal ether.
    minFee: z.string(),
    prices: z.record(release, z.string()),
    computePrice: z.string(),
    maxBond: z.string(),
    maxExposure: z.string(),
    verify: z.array(release),
    challenge: z.enum(CHALLENGE_POLICIES),
    bankroll: z.string(),
    publicUrl: z.array(z.string()).max(MAX_ENDPOINTS),
    announce: z.boolean(),
    exactFrom: z.string(),
    auditShare: z.number().min(0).max(1),
    http: z.string(),
    mirror: z.array(z.url({ protocol: /^https?$/ })),
    gateway: z.array(z.url({ protocol: /^https?$/ })),
    allowPrivateContent: z.boolean(),
    maxContentGb: z.number().positive(),
    url: z.url({ protocol: /^https?$/ }),
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

export type Config = z.infer<typeof configSchema>;

export const DEFAULTS = {
  rpc: ["http://127.0.0.1:8545"],
  deployment: join("deployments", "local.json"),
  data: join(homedir(), ".assay"),
  role: "both",
  http: "127.0.0.1:8600",
  workers: 2,
  pollMs: 1000,
  inferenceLimitMs: 30_000,
  auditShare: 1,
  maxFileMb: 256,
  maxContentGb: 32,
  maxTraceMb: 256,
} as const satisfies Config;

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

/**
 * @param flags The command line's options; those that are no settings are left alone.
 * @throws {AssayError} BAD_CONFIG naming each wrong setting.
 */
export function loadConfig(path: string | undefined, flags: Readonly<Record<string, unknown>>): Config {
  const file = path === undefined ? {} : check(path, readConfig(path));
  const settings = Object.entries(flags).filter(([name]) => Object.hasOwn(configSchema.shape, name));
  return { ...file, ...check("command line", Object.fromEntries(settings)) };
}

export function contentOf({ content, data }: Config): string {
  return content ?? join(data ?? DEFAULTS.data, "content");
}

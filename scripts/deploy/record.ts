/** `deployments/NAME.json`, and the index of all of them that comes with the SDK. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { format, resolveConfig } from "prettier";
import { z } from "zod/v4";
import { deploymentSchema, parseDeployment } from "../../sdk/src/deployment.ts";
import { AssayError, messageOf } from "../../sdk/src/error.ts";
import { parameterSchema } from "../../sdk/src/parameters.ts";
import { address } from "../../sdk/src/structs.ts";
import type { Plan } from "./plan.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const DEPLOYMENTS = join(ROOT, "deployments");
export const INDEX = join(ROOT, "sdk", "src", "deployed.ts");
/** Of a chain that does not last: in no index. */
const LOCAL = "local.json";

const recordSchema = deploymentSchema.extend({
  network: z.string(),
  commit: z.string().nullable(),
  label: z.string(),
  deployer: address,
  admin: address,
  adminDelaySeconds: z.number().int().nonnegative(),
  guardian: address,
  treasury: address,
  addresses: deploymentSchema.shape.addresses.extend({
    authority: address,
    interpreter: address,
    scalars: address,
  }),
  floorSeconds: z.number().int().nonnegative(),
  parameters: parameterSchema,
});

/** One file: a {@link Deployment}, and what it was made from. */
export type DeploymentRecord = z.infer<typeof recordSchema>;

/** The commit of the sources, with "-dirty" if files differ from it; null outside a repository. */
function gitCommit(): string | null {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty", "--abbrev=40", "--match="], {
      cwd: ROOT,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return null;
  }
}

export function recordOf(
  plan: Plan,
  place: { readonly network: string; readonly chainId: bigint; readonly block: number },
): DeploymentRecord {
  const { addresses: at, deployer, admin, adminDelaySeconds, guardian, treasury, label } = plan;
  return recordSchema.parse({
    chainId: Number(place.chainId),
    network: place.network,
    block: place.block,
    commit: gitCommit(),
    label,
    deployer,
    admin,
    adminDelaySeconds,
    guardian,
    treasury,
    addresses: {
      registry: at.ModelRegistry,
      vault: at.Vault,
      market: at.InferenceMarket,
      game: at.DisputeGame,
      referee: at.Referee,
      directory: at.OperatorDirectory,
      receipts: at.Receipts,
      receiptsVault: at.ReceiptsVault,
      receiptsGame: at.ReceiptsGame,
      deposits: at.Deposits,
      authority: at.Authority,
      interpreter: at.Interpreter,
      scalars: at.Scalars,
    },
    ...plan.network,
  });
}

export function fileOf(networkName: string): string {
  return join(DEPLOYMENTS, `${networkName}.json`);
}

export function writeRecord(file: string, record: DeploymentRecord): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(record, undefined, 2)}\n`);
}

/** @throws {AssayError} BAD_DEPLOYMENT */
export function readRecord(file: string): DeploymentRecord {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    throw new AssayError("BAD_DEPLOYMENT", `${file} is not a deployment of ours: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** The index of all deployments of a directory but the local one's, as TypeScript. */
export async function renderIndex(directory: string = DEPLOYMENTS): Promise<string> {
  const entries = readdirSync(directory)
    .filter((name) => name.endsWith(".json") && name !== LOCAL)
    .sort()
    .map((name) => {
      const { chainId, block, addresses } = parseDeployment(
        JSON.parse(readFileSync(join(directory, name), "utf8")),
      );
      return { network: name.replace(/\.json$/, ""), chainId, block, addresses };
    });
  const text = `/** The files of deployments/, written by \`npm run deploy\`: do not edit. */
import type { NamedDeployment } from "./deployment.ts";

export const DEPLOYED: readonly NamedDeployment[] = ${JSON.stringify(entries)};
`;
  return format(text, { ...(await resolveConfig(INDEX)), filepath: INDEX });
}

export async function writeIndex(): Promise<void> {
  writeFileSync(INDEX, await renderIndex());
}

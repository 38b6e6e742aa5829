/** Where the contracts of one network are. `deployments/<network>.json` is read by deploymentFile.ts. */
import { z } from "zod/v4";
import { DEPLOYED } from "./deployed.ts";
import { AssayError } from "./error.ts";
import { address } from "./structs.ts";

export const deploymentSchema = z.object({
  chainId: z.number().int().positive(),
  /** Block in which the first contract was deployed: no event is older. */
  block: z.number().int().nonnegative(),
  addresses: z.object({
    registry: address,
    vault: address,
    market: address,
    game: address,
    referee: address,
    directory: address,
    receipts: address,
    receiptsVault: address,
    receiptsGame: address,
    deposits: address,
  }),
});

export type Deployment = Readonly<z.infer<typeof deploymentSchema>>;

/** A deployment that comes with the package. */
export interface NamedDeployment extends Deployment {
  /** As in `deployments/<network>.json`. */
  readonly network: string;
}

/** "sepolia (11155111) and ...", or "none yet". */
function listed(known: readonly NamedDeployment[]): string {
  const names = known.map(({ network, chainId }) => `${network} (${chainId})`);
  return names.length === 0 ? "none yet" : names.join(", ");
}

/**
 * The deployment on a chain, of those that come with the package. Works in browsers too.
 * @throws {AssayError} BAD_DEPLOYMENT naming the chains that are known.
 */
export function deploymentOf(
  chainId: number | bigint,
  known: readonly NamedDeployment[] = DEPLOYED,
): NamedDeployment {
  const found = known.find((deployment) => BigInt(deployment.chainId) === BigInt(chainId));
  if (found !== undefined) return found;
  throw new AssayError(
    "BAD_DEPLOYMENT",
    `no deployment on chain ${chainId} is known; known: ${listed(known)}. Use another chain, or give addresses: parseDeployment(json)`,
    { details: { chainId: Number(chainId), known: known.map((deployment) => deployment.chainId) } },
  );
}

/** @throws {AssayError} BAD_DEPLOYMENT */
export function parseDeployment(json: unknown): Deployment {
  const parsed = deploymentSchema.safeParse(json);
  if (!parsed.success)
    throw new AssayError("BAD_DEPLOYMENT", `not a deployment file: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

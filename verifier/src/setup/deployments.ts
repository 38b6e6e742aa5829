/** The deployment files that come with the project, by chain. */
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { readDeployment, type Deployment } from "../../../sdk/src/deployment.ts";
import { AssayError } from "../../../sdk/src/error.ts";

export interface DeploymentFile {
  /** Absolute. */
  readonly path: string;
  readonly deployment: Deployment;
}

/** The project's own directory, and that of the same name where the command runs. */
export const DEPLOYMENT_DIRECTORIES: readonly string[] = [
  ...new Set([resolve("deployments"), resolve(import.meta.dirname, "../../../deployments")]),
];

function filesOf(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith(".json"));
  } catch {
    return [];
  }
}

/** Deployments on a chain; files that are none are passed over. */
export function deploymentsOn(
  chainId: number,
  directories: readonly string[] = DEPLOYMENT_DIRECTORIES,
): DeploymentFile[] {
  return directories.flatMap((directory) =>
    filesOf(directory).flatMap((name) => {
      const path = join(directory, name);
      try {
        const deployment = readDeployment(path);
        return deployment.chainId === chainId ? [{ path, deployment }] : [];
      } catch {
        return [];
      }
    }),
  );
}

/** @throws {AssayError} BAD_DEPLOYMENT if the chain has none or several. */
export function deploymentOn(chainId: number, directories?: readonly string[]): DeploymentFile {
  const [found, ...others] = deploymentsOn(chainId, directories);
  if (found === undefined)
    throw new AssayError(
      "BAD_DEPLOYMENT",
      `no file in deployments/ is of chain ${chainId}: name one with --deployment, or deploy (npm run deploy -- --network NAME)`,
    );
  if (others.length > 0)
    throw new AssayError(
      "BAD_DEPLOYMENT",
      `chain ${chainId} has several deployments: choose with --deployment ${[found, ...others].map(({ path }) => path).join(" or ")}`,
    );
  return found;
}

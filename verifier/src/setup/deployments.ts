/** The deployment files that come with the project, by chain. */
import { readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { Deployment } from "../../../sdk/src/deployment.ts";
import { readDeployment } from "../../../sdk/src/deploymentFile.ts";
import { AssayError } from "../../../sdk/src/error.ts";

export interface DeploymentFile {
  /** Absolute. */
  readonly path: string;
  readonly deployment: Deployment;
}

/** The project's own directory, and that of the same name where the command runs. */
const DEPLOYMENT_DIRECTORIES: readonly string[] = [
  ...new Set([resolve("deployments"), resolve(import.meta.dirname, "../../../deployments")]),
];

function filesOf(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith(".json"));
  } catch {
    return [];
  }
}

/** All deployments; files that are none are passed over. */
function deploymentsIn(directories: readonly string[]): DeploymentFile[] {
  return directories.flatMap((directory) =>
    filesOf(directory).flatMap((name) => {
      const path = join(directory, name);
      try {
        return [{ path, deployment: readDeployment(path) }];
      } catch {
        return [];
      }
    }),
  );
}

export function deploymentsOn(
  chainId: number,
  directories: readonly string[] = DEPLOYMENT_DIRECTORIES,
): DeploymentFile[] {
  return deploymentsIn(directories).filter(({ deployment }) => deployment.chainId === chainId);
}

/** "sepolia (11155111), local (31337)" */
function knownChains(directories: readonly string[] = DEPLOYMENT_DIRECTORIES): string {
  const known = deploymentsIn(directories).map(
    ({ path, deployment }) => `${basename(path, ".json")} (${deployment.chainId})`,
  );
  return known.length === 0 ? "there is none yet" : `there are ${known.join(", ")}`;
}

/** @throws {AssayError} BAD_DEPLOYMENT if the chain has none or several. */
export function deploymentOn(chainId: number, directories?: readonly string[]): DeploymentFile {
  const [found, ...others] = deploymentsOn(chainId, directories);
  if (found === undefined)
    throw new AssayError(
      "BAD_DEPLOYMENT",
      `no file in deployments/ is of chain ${chainId} (${knownChains(directories)}): name one with --deployment, or deploy (npm run deploy -- --network NAME)`,
    );
  if (others.length > 0)
    throw new AssayError(
      "BAD_DEPLOYMENT",
      `chain ${chainId} has several deployments: choose with --deployment ${[found, ...others].map(({ path }) => path).join(" or ")}`,
    );
  return found;
}

/**
 * Deploys to the chosen Hardhat network and writes deployments/NETWORK.json: `npm run deploy -- --network NAME`.
 * ASSAY_ADMIN and ASSAY_TREASURY name other accounts than the deployer's, ASSAY_DEPLOYMENT another file.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { network } from "hardhat";
import { deployAssay, describeDeployment, type DeployOptions } from "./deployment.ts";
import { isLocalChain } from "./networks.ts";

const root = join(import.meta.dirname, "..");

/** The commit of the sources, with "-dirty" if files differ from it; undefined outside a repository. */
function gitCommit(): string | undefined {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty", "--abbrev=40", "--match="], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return undefined;
  }
}

const { ASSAY_ADMIN: admin, ASSAY_TREASURY: treasury, ASSAY_DEPLOYMENT: path } = process.env;
const options: DeployOptions = {
  ...(admin === undefined ? {} : { admin }),
  ...(treasury === undefined ? {} : { treasury }),
};
const connection = await network.create();
const file = path ?? join(root, "deployments", `${connection.networkName}.json`);
const { chainId } = await connection.ethers.provider.getNetwork();
if (!isLocalChain(chainId) && existsSync(file)) {
  console.error(
    `${file} exists: this network has a deployment. To make another one, move that file and ignition/deployments/chain-${chainId} away.`,
  );
  process.exit(1);
}
const deployed = await deployAssay(connection, options);
const { addresses, ...place } = await describeDeployment(deployed);
const record = {
  ...place,
  commit: gitCommit() ?? null,
  deployer: deployed.deployer,
  treasury: deployed.treasury,
  addresses: { ...addresses, authority: await deployed.authority.getAddress() },
  floorSeconds: deployed.network.floorSeconds,
  parameters: deployed.network.parameters,
};
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, JSON.stringify(record, undefined, 2) + "\n");
console.log(JSON.stringify(record, undefined, 2));

import { createRequire } from "node:module";
import toolbox from "@nomicfoundation/hardhat-toolbox-mocha-ethers";
import { configVariable, defineConfig, task } from "hardhat/config";
import type { HttpNetworkUserConfig } from "hardhat/types/config";
import type { HardhatPlugin } from "hardhat/types/plugins";
import { PUBLIC_NETWORKS, type PublicNetwork } from "./scripts/networks.ts";

const require = createRequire(import.meta.url);

/** The compiler is the npm package: nothing is downloaded at build time. */
const solidity = {
  version: "0.8.37",
  path: require.resolve("solc/soljson.js"),
  settings: { evmVersion: "cancun", viaIR: true, optimizer: { enabled: true, runs: 1_000_000 } },
} as const;

const solidityTests: HardhatPlugin = {
  id: "solidity-tests",
  hookHandlers: { solidity: async () => ({ default: (await import("./scripts/solidityTests.ts")).hooks }) },
};

/** Values come from the environment or Hardhat's keystore (`hardhat keystore set NAME`), when they are needed. */
function publicNetwork(name: PublicNetwork): HttpNetworkUserConfig {
  const { chainId, chainType, rpc } = PUBLIC_NETWORKS[name];
  return {
    type: "http",
    chainId,
    chainType,
    url: configVariable(rpc),
    accounts: [configVariable("DEPLOYER_PRIVATE_KEY")],
  };
}

const deploy = task(
  "deploy",
  "Deploys Assay to --network NAME, after a review, and writes deployments/NAME.json",
)
  .addFlag({ name: "yes", description: "Do not ask" })
  .addOption({
    name: "admin",
    description: "Sets parameters, after a delay (default: the deployer)",
    defaultValue: "",
  })
  .addOption({
    name: "guardian",
    description: "May pause new requests (default: the admin)",
    defaultValue: "",
  })
  .addOption({
    name: "treasury",
    description: "Gets the protocol fees (default: the admin)",
    defaultValue: "",
  })
  .addOption({ name: "label", description: "Another label, other addresses", defaultValue: "assay-1" })
  .addOption({ name: "out", description: "File to write (default: deployments/NAME.json)", defaultValue: "" })
  .addFlag({ name: "createX", description: "Deploy CreateX where a chain has none" })
  .addFlag({ name: "noVerify", description: "Do not publish the sources to explorers" })
  .setInlineAction(async (args, hre) => {
    const { deployTask } = await import("./scripts/deploy/main.ts");
    return deployTask(args, hre);
  })
  .build();

const publishSources = task(
  "publish-sources",
  "Publishes the sources of deployments/NAME.json to --network NAME's explorers",
)
  .addOption({ name: "file", description: "Another file", defaultValue: "" })
  .setInlineAction(async ({ file }, hre) => {
    const { publishTask } = await import("./scripts/deploy/sources.ts");
    return publishTask(file, hre);
  })
  .build();

export default defineConfig({
  tasks: [deploy, publishSources],
  verify: { etherscan: { apiKey: configVariable("ETHERSCAN_API_KEY") } },
  plugins: [toolbox, solidityTests],
  // Contracts come first, and with them the types; tests wait for whoever runs or checks them.
  solidity: { profiles: { default: solidity, production: solidity }, splitTestsCompilation: true },
  networks: {
    local: { type: "http", url: process.env["LOCAL_RPC_URL"] ?? "http://127.0.0.1:8545" },
    sepolia: publicNetwork("sepolia"),
    baseSepolia: publicNetwork("baseSepolia"),
    arbitrumSepolia: publicNetwork("arbitrumSepolia"),
    optimismSepolia: publicNetwork("optimismSepolia"),
  },
  test: { mocha: { timeout: 120_000 } },
});

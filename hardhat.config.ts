import { createRequire } from "node:module";
import toolbox from "@nomicfoundation/hardhat-toolbox-mocha-ethers";
import { configVariable, defineConfig } from "hardhat/config";

const require = createRequire(import.meta.url);

/** The compiler is the npm package: nothing is downloaded at build time. */
const solidity = {
  version: "0.8.37",
  path: require.resolve("solc/soljson.js"),
  settings: { evmVersion: "cancun", viaIR: true, optimizer: { enabled: true, runs: 1_000_000 } },
} as const;

export default defineConfig({
  plugins: [toolbox],
  solidity: { profiles: { default: solidity, production: solidity } },
  paths: { tests: { mocha: "./test", solidity: "./contracts" } },
  networks: {
    local: { type: "http", url: process.env["LOCAL_RPC_URL"] ?? "http://127.0.0.1:8545" },
    sepolia: {
      type: "http",
      url: configVariable("SEPOLIA_RPC_URL"),
      accounts: [configVariable("DEPLOYER_PRIVATE_KEY")],
    },
  },
  test: { mocha: { timeout: 120_000 } },
});

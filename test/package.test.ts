/**
 * The contracts as a package: packed as `npm publish` would, then imported by name in other projects, by Hardhat from
 * node_modules and by the compiler with Foundry's remappings.
 */
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { z } from "zod/v4";

const ROOT = join(import.meta.dirname, "..");
const CONTRACTS = join(ROOT, "contracts");
const OPENZEPPELIN = join(ROOT, "node_modules", "@openzeppelin", "contracts");
const require = createRequire(import.meta.url);

/** A consumer of somebody else's. */
const CONSUMER = `// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {InferenceConsumer} from "@assay/contracts/consumers/InferenceConsumer.sol";
import {AggregatorV3Interface} from "@assay/contracts/feeds/AggregatorV3Interface.sol";
import {InferenceFeed} from "@assay/contracts/feeds/InferenceFeed.sol";
import {InferenceSchedule} from "@assay/contracts/feeds/InferenceSchedule.sol";
import {IInferenceMarket} from "@assay/contracts/interfaces/IInferenceMarket.sol";
import {RequestId} from "@assay/contracts/interfaces/Types.sol";

contract Reader is InferenceConsumer {
  AggregatorV3Interface public feed;
  uint8 public first;

  constructor(IInferenceMarket market_, Policy memory policy) InferenceConsumer(market_, policy) {}

  function _onInference(RequestId, uint64, bytes calldata output) internal override {
    first = uint8(output[0]);
  }
}
`;

const manifests = z.object({ version: z.string(), license: z.string() });
const manifest = (file: string) => manifests.parse(JSON.parse(readFileSync(file, "utf8")));

const artifacts = z.object({ bytecode: z.string() });
/** The part of the compiler's output that is looked at. */
const outputs = z.object({
  errors: z.array(z.object({ severity: z.string(), formattedMessage: z.string() })).default([]),
  contracts: z.record(z.string(), z.record(z.string(), z.object({ abi: z.array(z.unknown()) }))).default({}),
});

describe("the contracts package", () => {
  let folder = "";
  let packed = "";

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "assay-package-"));
    const args = ["pack", "--offline", "--ignore-scripts", "--silent", "--pack-destination", folder];
    // No settings or cache of the machine's.
    const env = {
      ...process.env,
      npm_config_userconfig: join(folder, "npmrc"),
      npm_config_cache: join(folder, "cache"),
    };
    const name = execFileSync("npm", args, { cwd: CONTRACTS, env, encoding: "utf8" }).trim();
    execFileSync("tar", ["-xzf", join(folder, name), "-C", folder]);
    packed = join(folder, "package");
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it("holds every source and its licence, and no tests", () => {
    const holds = globSync("**/*.sol", { cwd: packed }).sort();
    const sources = globSync("**/*.sol", { cwd: CONTRACTS })
      .filter((file) => !file.endsWith(".t.sol") && !/^(test|examples)\b/.test(file))
      .sort();
    expect(sources).to.include("market/InferenceMarket.sol");
    expect(holds).to.deep.equal(sources);
    expect(readFileSync(join(packed, "LICENSE"), "utf8")).to.equal(
      readFileSync(join(ROOT, "LICENSE"), "utf8"),
    );
    // What is in it imports nothing that is not.
    for (const file of holds)
      for (const [, from = ""] of readFileSync(join(packed, file), "utf8").matchAll(/from "(\.[^"]+)"/g))
        expect(existsSync(join(packed, file, "..", from)), `${file}: ${from}`).to.equal(true);
    expect(manifest(join(packed, "package.json"))).to.deep.equal(manifest(join(ROOT, "package.json")));
  });

  it("is imported by name in a Hardhat project", () => {
    const project = join(folder, "hardhat");
    mkdirSync(join(project, "contracts"), { recursive: true });
    mkdirSync(join(project, "node_modules", "@assay"), { recursive: true });
    writeFileSync(
      join(project, "package.json"),
      JSON.stringify({ name: "dapp", type: "module", private: true }),
    );
    writeFileSync(join(project, "contracts", "Reader.sol"), CONSUMER);
    cpSync(packed, join(project, "node_modules", "@assay", "contracts"), { recursive: true });
    mkdirSync(join(project, "node_modules", "@openzeppelin"));
    symlinkSync(OPENZEPPELIN, join(project, "node_modules", "@openzeppelin", "contracts"));
    symlinkSync(join(ROOT, "node_modules", "hardhat"), join(project, "node_modules", "hardhat"));
    const solidity = { version: "0.8.37", path: require.resolve("solc/soljson.js") };
    writeFileSync(join(project, "hardhat.config.js"), `export default ${JSON.stringify({ solidity })};`);
    const hardhat = join(project, "node_modules", "hardhat", "dist", "src", "cli.js");
    execFileSync(process.execPath, [hardhat, "build", "--quiet"], { cwd: project });
    const artifact = join(project, "artifacts", "contracts", "Reader.sol", "Reader.json");
    expect(artifacts.parse(JSON.parse(readFileSync(artifact, "utf8"))).bytecode.length).to.be.greaterThan(
      100,
    );
  });

  it("is imported by name with Foundry's remappings, as the README gives them", () => {
    const readme = readFileSync(join(CONTRACTS, "README.md"), "utf8");
    const remappings = [...readme.matchAll(/^@\S+=\S+$/gm)].map(([line]) => line);
    expect(remappings).to.have.length(2);
    const project = join(folder, "foundry");
    mkdirSync(join(project, "lib", "assay"), { recursive: true });
    mkdirSync(join(project, "lib", "openzeppelin-contracts"));
    cpSync(packed, join(project, "lib", "assay", "contracts"), { recursive: true });
    symlinkSync(OPENZEPPELIN, join(project, "lib", "openzeppelin-contracts", "contracts"));
    const input = JSON.stringify({
      language: "Solidity",
      sources: { "src/Reader.sol": { content: CONSUMER } },
      settings: { remappings, outputSelection: { "*": { "*": ["abi"] } } },
    });
    const args = [require.resolve("solc/solc.js"), "--standard-json", "--base-path", project];
    const output = execFileSync(process.execPath, args, { input, encoding: "utf8", maxBuffer: 2 ** 26 });
    const { errors, contracts } = outputs.parse(JSON.parse(output.slice(output.indexOf("{"))));
    expect(errors.filter(({ severity }) => severity === "error")).to.deep.equal([]);
    expect(contracts["src/Reader.sol"]).to.have.property("Reader");
    expect(Object.keys(contracts)).to.include("lib/assay/contracts/feeds/InferenceFeed.sol");
  });
});

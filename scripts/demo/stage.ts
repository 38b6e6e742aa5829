/** Everything that must stand before the story begins: contracts, accounts, models, consumers, node processes. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { JsonRpcProvider, parseEther } from "ethers";
import { network } from "hardhat";
import { connect, type Contracts } from "../../sdk/src/contracts.ts";
import type { Hex } from "../../sdk/src/structs.ts";
import type { DigitReader, OutputHashes } from "../../types/ethers-contracts/index.js";
import { freePort } from "../anvil.ts";
import { deployAssay, describeDeployment, type DeployedContracts } from "../deployment.ts";
import { networkParameters } from "../networks.ts";
import { assay, createActor, startProcess, type Actor, type Process } from "./cast.ts";

/** Wei. */
export const FEE = parseEther("0.01");
export const BOND = parseEther("1");
export const STAKE = parseEther("5");
/** Behind receipts, and to challenge them with. */
export const RESERVE = parseEther("1");
export const RECEIPT_PRICE = "0.0001";
export const RECEIPT_BOND_CLASS = 6;
/** Nobody waits on this chain: seconds instead of hours. */
/** Twice what a node on a busy laptop takes to prepare two releases and to look at five answers. */
export const WINDOW_SECONDS = 25;
const CLOCK_SECONDS = 30;

export const OPERATORS = ["honest", "liar", "cheapskate", "ghost"] as const;
export type OperatorName = (typeof OPERATORS)[number];
const NAMES = [...OPERATORS, "publisher", "verifier", "crank"] as const;
export type ActorName = (typeof NAMES)[number];

export interface Stage {
  readonly provider: JsonRpcProvider;
  /** With the parts of the deployment that only the demo needs. */
  readonly deployed: DeployedContracts;
  readonly contracts: Contracts;
  readonly actors: Readonly<Record<ActorName, Actor>>;
  /** Release of the digit classifier. */
  readonly digits: Hex;
  /** One consumer for each operator, which asks just that one. */
  readonly readers: Readonly<Record<OperatorName, DigitReader>>;
  /** Consumer of the float model. */
  readonly hashes: OutputHashes;
  /** Where answers are given, and receipts taken, over HTTP: host and port. */
  readonly door: Readonly<Record<"honest" | "liar" | "verifier", string>>;
  /** Flags of commands that an actor calls. */
  readonly session: (name: ActorName) => string[];
  readonly directory: string;
}

type Say = (text: string) => void;

function record<K extends string, V>(keys: readonly K[], values: readonly V[]): Record<K, V> {
  return Object.fromEntries(keys.map((key, i) => [key, values[i]])) as Record<K, V>;
}

export function testSet(name: string): {
  readonly inputs: readonly Buffer[];
  readonly labels: readonly number[];
} {
  const file = join(import.meta.dirname, "../../examples/models", name, "test.json");
  const { inputs, labels } = JSON.parse(readFileSync(file, "utf8")) as { inputs: string[]; labels: number[] };
  return { inputs: inputs.map((input) => Buffer.from(input, "base64")), labels };
}

/** @param directory Of keys, content, settings and logs. */
export async function setStage(rpcUrl: string, directory: string, say: Say): Promise<Stage> {
  const provider = new JsonRpcProvider(rpcUrl, undefined, { cacheTimeout: -1, batchMaxCount: 1 });
  provider.pollingInterval = 250;
  const connection = await network.create({ network: "local", override: { url: rpcUrl } });
  const base = networkParameters(31337n).parameters;
  const deployed = await deployAssay(connection, {
    network: {
      floorSeconds: 5,
      parameters: { ...base, minWindow: 5, operatorClock: CLOCK_SECONDS, challengerClock: CLOCK_SECONDS },
    },
  });
  const { vault, receipts, receiptsVault } = deployed;
  const deployment = await describeDeployment(deployed);
  const deploymentFile = join(directory, "deployment.json");
  writeFileSync(deploymentFile, JSON.stringify(deployment));
  say("Registry, vault, market, dispute game and referee are deployed. Nobody owns them.");

  const bank = await provider.getSigner(0);
  const actors = record(
    NAMES,
    await Promise.all(NAMES.map((name) => createActor(name, directory, provider))),
  );
  const sent = [];
  for (const name of NAMES)
    sent.push(await bank.sendTransaction({ to: actors[name].wallet.address, value: parseEther("100") }));
  await Promise.all(sent.map((transaction) => transaction.wait()));
  const stakers = NAMES.filter((name) => name !== "publisher");
  await Promise.all(
    stakers.map(async (name) => (await vault.connect(actors[name].wallet).deposit({ value: STAKE })).wait()),
  );

  for (const name of ["honest", "liar"] as const)
    await (await receipts.connect(actors[name].wallet).addReserve({ value: RESERVE })).wait();
  await (await receiptsVault.connect(actors.verifier.wallet).deposit({ value: RESERVE })).wait();

  const data = (name: ActorName): string => {
    const path = join(directory, `${name}-data`);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const session = (name: ActorName): string[] => [
    ...["--rpc", rpcUrl, "--deployment", deploymentFile],
    ...["--keystore", actors[name].keystore, "--password-file", actors[name].passwordFile],
  ];
  // The publisher's node hands the files out; everybody else fetches them from it and checks every byte.
  const http = `127.0.0.1:${await freePort()}`;
  const publish = async (model: string, ...more: string[]): Promise<Hex> => {
    const file = join(import.meta.dirname, "../../examples/models", model, `${model}.onnx`);
    const url = ["--url", `http://${http}`];
    const where = ["--data", data("publisher"), ...url, "--royalty", "500", "--json"];
    const printed = await assay("model", "publish", file, ...where, ...more, ...session("publisher"));
    return (JSON.parse(printed) as { releaseId: Hex }).releaseId;
  };
  const digits = await publish("digits");
  const cancer = await publish("breast-cancer", "--atol", "0.000001", "--rtol", "0.000001");
  say("Two models are published: digits (int8, exact) and breast-cancer (float32, tolerance 1e-6).");

  const free = async (): Promise<string> => `127.0.0.1:${await freePort()}`;
  const door = { honest: await free(), liar: await free(), verifier: await free() };
  const node = (name: ActorName, role: string, address: string, ...more: string[]): Process => {
    const small = ["--poll-ms", "500", "--workers", "1", "--allow-private-content", ...more];
    const args = ["node", "--role", role, "--data", data(name), "--http", address, ...small];
    return startProcess(name, directory, "verifier/src/cli.ts", [...args, ...session(name)]);
  };
  const corrupt = (name: ActorName, lie: string): Process => {
    const { keystore, passwordFile } = actors[name];
    const file = join(directory, `${name}.json`);
    const config = { rpc: rpcUrl, deployment: deploymentFile, keystore, passwordFile, data: data(name) };
    const sells = { serve: [digits], receiptPrice: RECEIPT_PRICE, receiptBondClass: RECEIPT_BOND_CLASS };
    writeFileSync(file, JSON.stringify(name === "liar" ? { ...config, ...sells, http: door.liar } : config));
    return startProcess(name, directory, "scripts/demo/corrupt.ts", [lie, file]);
  };
  const sells = ["--receipt-price", RECEIPT_PRICE, "--receipt-bond-class", String(RECEIPT_BOND_CLASS)];
  const processes = [
    node("publisher", "operator", http),
    node("honest", "operator", door.honest, "--serve", digits, cancer, ...sells),
    node("verifier", "verifier", door.verifier),
    corrupt("liar", "output"),
    corrupt("cheapskate", "trace"),
    corrupt("ghost", "silence"),
  ];

  const policy = (releaseId: Hex, operator: OperatorName) => ({
    releaseId,
    bond: BOND,
    answerSeconds: 60,
    windowSeconds: WINDOW_SECONDS,
    operator: actors[operator].wallet.address,
    callbackGas: 200_000,
  });
  const { ethers } = connection;
  const { addresses } = deployment;
  const readers: DigitReader[] = [];
  for (const operator of OPERATORS)
    readers.push(await ethers.deployContract("DigitReader", [addresses.market, policy(digits, operator)]));
  const hashes: OutputHashes = await ethers.deployContract("OutputHashes", [
    addresses.market,
    policy(cancer, "honest"),
  ]);

  await Promise.all(processes.map((process) => process.waitFor('"ready"')));
  say("Running, each as a process of its own: an honest operator, a verifier, and three corrupt operators:");
  say("  liar alters its outputs, cheapskate runs a cheaper model, ghost lies and then says nothing.");
  return {
    provider,
    deployed,
    contracts: connect(deployment, provider),
    actors,
    digits,
    readers: record(OPERATORS, readers),
    hashes,
    ...{ door, session, directory },
  };
}

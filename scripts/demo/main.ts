/**
 * One wrong AI answer after another, overturned by the EVM itself: `npm run demo`. Everything is real: a chain process, node
 * processes of the product, onnxruntime, encrypted keys. The last line is JSON; the exit code is 0 only if all of it happened.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { formatEther, JsonRpcProvider, parseEther, type Signer } from "ethers";
import { network } from "hardhat";
import { connect as connectSdk } from "../../sdk/src/contracts.ts";
import { parseDeployment } from "../../sdk/src/deployment.ts";
import { parseEvent } from "../../sdk/src/events.ts";
import { parseRequested, type RequestHandle } from "../../sdk/src/request.ts";
import type { DigitReader, OutputHashes } from "../../types/ethers-contracts/index.js";
import { freePort, startAnvil } from "../anvil.ts";
import { deployAssay } from "../deployment.ts";
import { networkParameters } from "../networks.ts";
import { assay, createActor, startProcess, stopAll, type Actor, type Process } from "./cast.ts";
import { gasByStep, table } from "./record.ts";

const started = Date.now();
const directory = mkdtempSync(join(tmpdir(), "assay-demo-"));
const FEE = parseEther("0.01");
const BOND = parseEther("1");
const STAKE = parseEther("5");
const WINDOW_SECONDS = 12;

function say(text: string): void {
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(`${String(seconds).padStart(3)}s  ${text}`);
}

function eth(wei: bigint): string {
  return `${formatEther(wei)} ETH`;
}

interface TestSet {
  readonly inputs: readonly string[];
  readonly labels: readonly number[];
}

function testSet(name: string): { readonly inputs: readonly Buffer[]; readonly labels: readonly number[] } {
  const file = join(import.meta.dirname, "../../examples/models", name, "test.json");
  const { inputs, labels } = JSON.parse(readFileSync(file, "utf8")) as TestSet;
  return { inputs: inputs.map((input) => Buffer.from(input, "base64")), labels };
}

const STATES = ["None", "Requested", "Answered", "Final", "Delivered", "Overturned", "Refunded"] as const;

async function main(): Promise<number> {
  const chain = await startAnvil({ blockSeconds: 1 });
  try {
    say(`A chain of its own runs at ${chain.url} (calldata floor of EIP-7623 on).`);
    return await story(chain.url);
  } finally {
    await stopAll();
    await chain.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function story(rpcUrl: string): Promise<number> {
  const provider = new JsonRpcProvider(rpcUrl, undefined, { cacheTimeout: -1, batchMaxCount: 1 });
  provider.pollingInterval = 250;
  const connection = await network.create({ network: "local", override: { url: rpcUrl } });
  // Clocks of a chain on which nobody waits: seconds instead of hours.
  const base = networkParameters(31337n);
  const parameters = { ...base.parameters, minWindow: 5, operatorClock: 20, challengerClock: 20 };
  const assayContracts = await deployAssay(connection, { network: { floorSeconds: 5, parameters } });
  const { market, vault, game, registry } = assayContracts;
  const deployment = join(directory, "deployment.json");
  const addresses = {
    referee: await assayContracts.referee.getAddress(),
    registry: await registry.getAddress(),
    vault: await vault.getAddress(),
    market: await market.getAddress(),
    game: await game.getAddress(),
  };
  writeFileSync(deployment, JSON.stringify({ chainId: 31337, block: assayContracts.block, addresses }));
  const contracts = connectSdk(parseDeployment(JSON.parse(readFileSync(deployment, "utf8"))), provider);
  say("Registry, vault, market, dispute game and referee are deployed; nobody owns them.");

  const bank: Signer = await provider.getSigner(0);
  const actors: Actor[] = [];
  for (const name of ["publisher", "honest", "verifier", "liar", "cheapskate", "ghost", "crank"])
    actors.push(await createActor(name, directory, bank, provider));
  const actor = (name: string): Actor => {
    const found = actors.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`no actor ${name}`);
    return found;
  };
  const content = (name: string): string => {
    const path = join(directory, `${name}-content`);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const common = (who: Actor): string[] => [
    ...["--rpc", rpcUrl, "--deployment", deployment],
    ...["--keystore", who.keystore, "--password-file", who.passwordFile],
  ];

  // The publisher's node hands the files out; everybody else fetches them from it and checks every byte.
  const shared = content("publisher");
  const http = `127.0.0.1:${await freePort()}`;
  const publish = async (name: string, ...more: string[]): Promise<string> => {
    const file = join(import.meta.dirname, "../../examples/models", name, `${name}.onnx`);
    const args = [
      "model",
      "publish",
      file,
      "--content",
      shared,
      "--http",
      http,
      "--royalty",
      "500",
      "--json",
      ...more,
    ];
    const printed = await assay(...args, ...common(actor("publisher")));
    const { releaseId } = JSON.parse(printed) as { releaseId: string };
    return releaseId;
  };
  const digits = await publish("digits");
  const cancer = await publish("breast-cancer", "--atol", "0.000001", "--rtol", "0.000001");
  say("Two models are published: digits (int8, exact) and breast-cancer (float32, tolerance 1e-6).");

  for (const { name, wallet } of actors)
    if (name !== "publisher") await (await vault.connect(wallet).deposit({ value: STAKE })).wait();
  say(`Operators and verifiers have staked ${eth(STAKE)} each.`);

  const node = (who: Actor, role: string, files: string, address: string): Process => {
    const args = ["node", "--role", role, "--content", files, "--http", address, "--poll-ms", "500"];
    return startProcess(who.name, directory, "verifier/src/cli.ts", [
      ...args,
      "--workers",
      "1",
      ...common(who),
    ]);
  };
  // It owns no stake to answer with: its node is there for the files.
  const seeder = node(actor("publisher"), "operator", shared, http);
  await seeder.waitFor('"ready"');
  const processes = [
    node(actor("honest"), "operator", content("honest"), "off"),
    node(actor("verifier"), "verifier", content("verifier"), "off"),
  ];
  for (const [name, lie] of [
    ["liar", "output"],
    ["cheapskate", "trace"],
    ["ghost", "silence"],
  ] as const) {
    const { keystore, passwordFile } = actor(name);
    const config = join(directory, `${name}.json`);
    const settings = { rpcUrl, deployment, keystore, passwordFile, content: content(name), mirrors: [] };
    writeFileSync(config, JSON.stringify(settings));
    processes.push(startProcess(name, directory, "scripts/demo/corrupt.ts", [lie, config]));
  }
  for (const process of processes) await process.waitFor('"ready"');
  say("Running, each as a process of its own: an honest operator, a verifier, three corrupt operators:");
  say("  liar alters outputs; cheapskate runs a cheaper model; ghost lies and then says nothing.");

  const policy = (releaseId: string, operator: string) => ({
    releaseId,
    bond: BOND,
    answerSeconds: 60,
    windowSeconds: WINDOW_SECONDS,
    operator: actor(operator).wallet.address,
    callbackGas: 200_000,
  });
  const { ethers } = connection;
  const marketAddress = addresses.market;
  const readers = new Map<string, DigitReader>();
  for (const operator of ["honest", "liar", "cheapskate", "ghost"])
    readers.set(
      operator,
      await ethers.deployContract("DigitReader", [marketAddress, policy(digits, operator)]),
    );
  const hashes: OutputHashes = await ethers.deployContract("OutputHashes", [
    marketAddress,
    policy(cancer, "honest"),
  ]);

  const digitSet = testSet("digits");
  const image = digitSet.inputs[0] ?? Buffer.alloc(64);
  const label = digitSet.labels[0] ?? -1;
  const requests = new Map<string, RequestHandle>();
  const resultIds = new Map<string, string>();
  for (const [operator, reader] of readers) {
    const receipt = await (await reader.read(image, { value: FEE })).wait();
    if (receipt !== null) requests.set(operator, parseRequested(contracts, receipt));
  }
  const sample = testSet("breast-cancer").inputs[0] ?? Buffer.alloc(120);
  const asked = await (await hashes.ask(sample, { value: FEE })).wait();
  if (asked !== null) requests.set("float", parseRequested(contracts, asked));
  say(
    `A consumer contract asks each operator which digit this image shows (it is a ${label}), for ${eth(FEE)} each.`,
  );

  // The crank challenges the honest answer, without a reason.
  const honest = requests.get("honest");
  if (honest === undefined) throw new Error("no honest request");
  const answered = await waitForAnswer(honest.requestId);
  const [published] = await provider.getLogs({
    fromBlock: 0,
    ...(await registry.filters
      .Released(digits)
      .getTopicFilter()
      .then((topics) => ({ topics }))),
    address: addresses.registry,
  });
  const released = published && parseEvent("registry", published);
  if (released?.name !== "Released") throw new Error("no release");
  const claim = { request: honest.request, release: released.release, ...answered };
  await (await game.connect(actor("crank").wallet).challenge(claim)).wait();
  say("crank challenges the honest answer, frivolously.");

  async function waitForAnswer(requestId: string): Promise<{ operator: string; outputHash: string }> {
    for (;;) {
      const found = (await market.queryFilter(market.filters.Fulfilled(requestId))).at(0);
      if (found !== undefined)
        return { operator: found.args.operator, outputHash: ethers.keccak256(found.args.output) };
      await sleep(300);
    }
  }

  const ends = new Map<string, (typeof STATES)[number]>();
  while (ends.size < requests.size) {
    if (Date.now() - started > 150_000) throw new Error(`not over after 150 s: logs in ${directory}`);
    for (const [name, { requestId }] of requests) {
      if (ends.has(name)) continue;
      const state = STATES[Number((await market.statusOf(requestId)).state)] ?? "None";
      if (state === "Delivered") {
        ends.set(name, state);
        const reader = readers.get(name);
        if (reader === undefined) say("The float answer is final and delivered to its consumer.");
        else
          say(
            `The honest answer is final and delivered: the consumer reads a ${await reader.digitOf(requestId)}.`,
          );
      } else if (state === "Overturned" || state === "Refunded") {
        ends.set(name, state);
        const lost = (await game.queryFilter(game.filters.OperatorLost())).find(
          (event) => event.args.resultId === resultIds.get(name),
        );
        const how = [
          "",
          "its clock ran out",
          "one wrong element of its trace",
          "its output is not its trace's",
        ];
        say(`${name} is overturned: ${how[Number(lost?.args.verdict ?? 0)] ?? ""}.`);
      }
    }
    for (const [name, { requestId }] of requests) {
      const found = (await market.queryFilter(market.filters.Fulfilled(requestId))).at(0);
      if (found !== undefined) resultIds.set(name, found.args.resultId);
    }
    await sleep(400);
  }

  // The nodes collect by themselves; refunds are anybody's to call.
  for (const [name, { request }] of requests) {
    if (ends.get(name) === "Overturned") await (await market.connect(bank).refund(request)).wait();
  }
  const settled = async (): Promise<boolean> =>
    (await game.queryFilter(game.filters.GameSettled())).length >= 4 &&
    (await game.queryFilter(game.filters.BondSettled())).length >= 3;
  for (let i = 0; i < 60 && !(await settled()); i++) await sleep(500);

  return report();

  async function report(): Promise<number> {
    const lockedAfter = new Map<string, { free: bigint; locked: bigint }>();
    for (const { name, wallet } of actors) {
      const { freeWei, lockedWei } = await vault.accountOf(wallet.address);
      lockedAfter.set(name, { free: freeWei, locked: lockedWei });
    }
    const rows = [["who", "staked", "has now", "difference"]];
    for (const name of ["honest", "verifier", "liar", "cheapskate", "ghost", "crank"]) {
      const { free, locked } = lockedAfter.get(name) ?? { free: 0n, locked: 0n };
      const now = free + locked;
      rows.push([
        name,
        formatEther(STAKE),
        formatEther(now),
        `${now >= STAKE ? "+" : ""}${formatEther(now - STAKE)}`,
      ]);
    }
    const burned = await vault.burnedWei();
    rows.push(["burned", "", formatEther(burned), ""]);
    const royalty = (await vault.royaltyOf(1)) + (await vault.royaltyOf(2));
    const fees = (await vault.protocolFeeOf(1)) + (await vault.protocolFeeOf(2));
    rows.push(["models' royalty", "", formatEther(royalty), ""]);
    rows.push(["protocol fees", "", formatEther(fees), ""]);
    console.log(`\n${table(rows)}\n`);

    const consumers = [...readers.values(), hashes].map((consumer) => consumer.getAddress());
    const gas = await gasByStep(provider, assayContracts, await Promise.all(consumers), assayContracts.block);
    console.log(
      `${table([["step", "gas"], ...Object.entries(gas).map(([step, used]) => [step, String(used)])])}\n`,
    );

    const overturned = ["liar", "cheapskate", "ghost"].filter((name) =>
      ["Overturned", "Refunded"].includes(ends.get(name) ?? ""),
    );
    const delivered = [...ends.values()].filter((state) => state === "Delivered").length;
    const verdicts = new Set(
      (await game.queryFilter(game.filters.OperatorLost())).map((e) => Number(e.args.verdict)),
    );
    const shares = await game.queryFilter(game.filters.GameSettled());
    const challengerPaid = shares.reduce((sum, event) => sum + event.args.shareWei, 0n);
    const slashed =
      STAKE * 3n -
      ["liar", "cheapskate", "ghost"].reduce((sum, name) => {
        const { free, locked } = lockedAfter.get(name) ?? { free: 0n, locked: 0n };
        return sum + free + locked;
      }, 0n);
    const held = await provider.getBalance(addresses.vault);
    const ledger = [...lockedAfter.values()].reduce((sum, { free, locked }) => sum + free + locked, 0n);
    const refunded = (await vault.accountOf(await bank.getAddress())).freeWei;
    const accounted = held === ledger + refunded + burned + royalty + fees;
    const digit = await readers.get("honest")?.digitOf(honest?.requestId ?? "");
    const happened: readonly (readonly [string, boolean])[] = [
      ["two answers delivered", delivered === 2],
      ["the consumer read the right digit", Number(digit) === label],
      ["three lies overturned", overturned.length === 3],
      ["by clock, by a trace element, and by the output", verdicts.size === 3],
      ["each liar lost its bond", slashed === 3n * BOND],
      ["the verifier was paid a quarter of each", challengerPaid === (3n * BOND) / 4n],
      ["the crank lost its stake to the operator", (lockedAfter.get("crank")?.free ?? 0n) < STAKE],
      ["nothing is locked", [...lockedAfter.values()].every(({ locked }) => locked === 0n)],
      ["every wei is accounted for", accounted],
    ];
    for (const [what, held_] of happened) console.log(`${held_ ? "yes" : "NO "}  ${what}`);
    console.log(
      JSON.stringify({
        delivered,
        overturned: overturned.length,
        slashedWei: slashed.toString(),
        challengerPaidWei: challengerPaid.toString(),
        gas,
      }),
    );
    return happened.every(([, really]) => really) ? 0 : 1;
  }
}

process.exit(await main());

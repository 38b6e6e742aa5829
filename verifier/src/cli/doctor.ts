/** `assay doctor`. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { connect, type Contracts } from "../../../sdk/src/contracts.ts";
import type { Deployment } from "../../../sdk/src/deployment.ts";
import { messageOf } from "../../../sdk/src/error.ts";
import { unpackParameters } from "../../../sdk/src/parameters.ts";
import { sameHex } from "../../../sdk/src/structs.ts";
import { readReleases } from "../../../sdk/src/release.ts";
import { createEndpoints } from "../chain/endpoints.ts";
import { createProvider } from "../chain/provider.ts";
import { defaultMemoryBytes } from "../compute/compute.ts";
import { checkContracts } from "../doctor/contracts.ts";
import { checkReleases, checkRuntime } from "../doctor/compute.ts";
import {
  judgeAgreement,
  judgeEndpoint,
  judgeQuorum,
  measureEndpoint,
  sameChain,
} from "../doctor/endpoints.ts";
import { fail, warn, type Finding } from "../doctor/finding.ts";
import {
  checkDirectory,
  checkDisk,
  checkHttp,
  checkOpenFiles,
  checkSecretFile,
  judgeNodeVersion,
} from "../doctor/machine.ts";
import { judgeMemory, memoryFacts, type MemoryFacts } from "../doctor/memory.ts";
import { checkSigner } from "../doctor/signer.ts";
import { judgeStake, judgeWallet, type MoneyFacts } from "../doctor/money.ts";
import { gasPriceOf } from "../economics/feePerGas.ts";
import { UNKNOWN_DISPUTE_GAS } from "../economics/reserve.ts";
import { httpAddress } from "../setup/http.ts";
import { readAccount } from "./account.ts";
import { configPath, contentOf, DEFAULTS, type Config } from "./config.ts";
import { withContent } from "./content.ts";
import { EXIT, printJson } from "./output.ts";
import { terminalProgress, type Progress } from "./progress.ts";
import { withWorkshop } from "./release.ts";
import { configOf, commandLog, deploymentOf, withChain } from "./session.ts";
import { hasSigner, openSigner, signerAddress } from "./signer.ts";
import { isInteractive } from "./prompt.ts";

type Findings = Promise<readonly Finding[]>;

/** A check that breaks is a finding too. */
async function guarded(check: string, work: () => Findings): Findings {
  try {
    return await work();
  } catch (error) {
    return [fail(check, messageOf(error), "correct this first; other checks may depend on it")];
  }
}

/** @param chainId Unknown if there is no deployment. */
async function checkKey(config: Config, chainId: number | undefined): Findings {
  const { keystore, passwordFile } = config;
  if (!hasSigner(config))
    return [
      fail(
        "key",
        "none is configured",
        "assay init, or assay key new FILE and keystore in the configuration",
      ),
    ];
  const inFile = config.signer === undefined && keystore !== undefined;
  const files = inFile
    ? [
        checkSecretFile("key file", keystore),
        ...(passwordFile === undefined ? [] : [checkSecretFile("password file", passwordFile)]),
      ]
    : [];
  if (files.some(({ found }) => found.startsWith("there is no"))) return files;
  if (inFile && passwordFile === undefined && !isInteractive())
    return [
      ...files,
      warn(
        "key",
        "not tried: there is no password file",
        "a node that restarts by itself needs one (passwordFile, mode 600)",
      ),
    ];
  return [...files, await checkSigner(await openSigner(config), chainId ?? 1)];
}

function memoryOf({ memoryMb, maxTraceMb, workers = DEFAULTS.workers }: Config): MemoryFacts {
  const budget = memoryMb === undefined ? defaultMemoryBytes() : memoryMb * 2 ** 20;
  return memoryFacts({ budget, maxTrace: (maxTraceMb ?? DEFAULTS.maxTraceMb) * 2 ** 20, workers });
}

async function checkMachine(config: Config, path: string | undefined): Findings {
  const content = contentOf(config);
  return [
    judgeNodeVersion(process.versions.node),
    ...(path === undefined || !existsSync(path) ? [] : [checkSecretFile("configuration", path)]),
    checkDirectory(content),
    await checkDisk(content),
    judgeMemory(memoryOf(config)),
    ...checkOpenFiles(),
    await checkHttp(httpAddress(config.http ?? DEFAULTS.http)),
  ];
}

interface Chain {
  readonly config: Config;
  readonly contracts: Contracts;
  readonly provider: ReturnType<typeof createProvider>;
  readonly now: number;
}

async function checkMoney({ config, contracts, provider }: Chain): Findings {
  const account = await signerAddress(config);
  if (account === undefined) return [];
  const role = config.role ?? DEFAULTS.role;
  const [state, receipts, packed, gasPrice, block, served] = await Promise.all([
    readAccount(contracts, provider, account),
    contracts.receiptsVault.accountOf(account),
    contracts.market.packedParameters(),
    gasPriceOf(provider),
    provider.getBlock("latest"),
    servedReleases({ config, contracts, provider }),
  ]);
  const rules = unpackParameters(packed);
  const dearest = served.reduce<(typeof served)[number] | undefined>(
    (a, b) => (a === undefined || b.release.disputeGas > a.release.disputeGas ? b : a),
    undefined,
  );
  const gwei = 1_000_000_000n;
  const responseWei = 2n * BigInt(rules.responseGas) * (block?.baseFeePerGas ?? 0n);
  const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);
  const facts: MoneyFacts = {
    ...state,
    receiptsWei: receipts.freeWei,
    operator: role !== "verifier",
    verifier: role !== "operator",
    gasPrice,
    disputeGas: BigInt(dearest?.release.disputeGas ?? UNKNOWN_DISPUTE_GAS),
    bondFloorWei: dearest === undefined ? 0n : await contracts.market.bondFloor(dearest.releaseId),
    challengeWei: most(BigInt(rules.challengerBondGwei) * gwei, responseWei),
    depositWei: most(BigInt(rules.selectDepositGwei) * gwei, responseWei),
  };
  return [judgeWallet(facts), ...judgeStake(facts)];
}

async function servedReleases({
  config,
  contracts,
  provider,
}: Pick<Chain, "config" | "contracts" | "provider">): ReturnType<typeof readReleases> {
  const { serve } = config;
  const all = await readReleases(contracts, provider);
  return serve === undefined
    ? all
    : all.filter(({ releaseId }) => serve.some((id) => sameHex(id, releaseId)));
}

async function checkCompute(config: Config, chain: Chain | undefined, progress: Progress): Findings {
  return withWorkshop(config, async (workshop) => {
    const runtime = await progress("trying onnxruntime", () => checkRuntime(workshop));
    if (chain === undefined) return [runtime];
    const rules = unpackParameters(await chain.contracts.market.packedParameters());
    const releases = await progress("running the releases", async () =>
      checkReleases(workshop, await servedReleases(chain), rules, memoryOf(config)),
    );
    return [runtime, ...releases];
  });
}

async function checkChainSide(
  config: Config,
  deployment: Deployment,
  progress: Progress,
): Promise<{ readonly findings: readonly Finding[]; readonly chain: Chain | undefined }> {
  const urls = config.rpc ?? DEFAULTS.rpc;
  const { chainId } = deployment;
  const facts = await progress("asking the endpoints", () =>
    Promise.all(urls.map((url) => measureEndpoint(url, deployment))),
  );
  const seconds = Math.floor(Date.now() / 1000);
  const findings = [
    ...facts.flatMap((found) => judgeEndpoint(found, chainId, seconds)),
    ...judgeAgreement(facts, chainId),
    ...judgeQuorum(facts, chainId, config.quorum),
    ...(await sameChain(urls, facts, chainId)),
  ];
  const usable = facts.flatMap(({ info, missing }) =>
    info?.chainId === chainId && missing.length === 0 ? [info] : [],
  );
  const now = usable[0]?.timestamp;
  if (now === undefined) return { findings, chain: undefined };
  const provider = createProvider(
    createEndpoints({ urls: usable.map(({ url }) => url), chainId, log: commandLog(config) }),
  );
  return { findings, chain: { config, provider, contracts: connect(deployment, provider), now } };
}

interface DoctorFlags {
  readonly json?: boolean;
  readonly config?: string;
}

const MARK = { ok: "ok  ", warn: "WARN", fail: "FAIL" } as const;

function text({ check, status, found, remedy }: Finding, width: number): string {
  const advice = remedy === undefined ? "" : `${" ".repeat(width + 8)}-> ${remedy}\n`;
  return `${MARK[status]}  ${check.padEnd(width)}  ${found}\n${advice}`;
}

async function doctor({ json, config: path }: DoctorFlags, command: Command): Promise<void> {
  const config = configOf(command);
  const progress = terminalProgress();
  const findings: Finding[] = [];
  let chain: Chain | undefined;
  findings.push(
    ...(await guarded("chain", async () => {
      const found = await checkChainSide(config, await deploymentOf(config), progress);
      chain = found.chain;
      return found.findings;
    })),
  );
  const reached = chain;
  if (reached !== undefined)
    findings.push(...(await guarded("deployment", () => checkContracts(reached.contracts, reached.now))));
  findings.push(...(await guarded("key", () => checkKey(config, reached?.contracts.deployment.chainId))));
  if (reached !== undefined) findings.push(...(await guarded("money", () => checkMoney(reached))));
  findings.push(...(await guarded("computing", () => checkCompute(config, reached, progress))));
  findings.push(...(await guarded("machine", () => checkMachine(config, configPath(path)))));
  const healthy = findings.every(({ status }) => status !== "fail");
  if (json === true) printJson({ healthy, findings });
  else {
    const width = Math.max(...findings.map(({ check }) => check.length));
    for (const finding of findings) process.stdout.write(text(finding, width));
    const count = (status: string): number => findings.filter((finding) => finding.status === status).length;
    process.stdout.write(`${count("ok")} ok, ${count("warn")} warnings, ${count("fail")} failures\n`);
  }
  if (!healthy) process.exitCode = EXIT.failed;
}

export function addDoctor(program: Command): void {
  withContent(withChain(program.command("doctor"), true))
    .description("check everything that could make a node lose money, and say what to do about it")
    .option("--role <role>", `operator, verifier or both (default ${DEFAULTS.role})`)
    .option("--http <host:port>", `address of the node (default ${DEFAULTS.http})`)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Looks at the endpoints, the deployment, the key, wallet and stake against the releases that are served, onnxruntime
against the exact interpreter, the time of an exact run against the clocks, and the machine. Changes nothing.

  $ assay doctor
  $ assay doctor --json | jq '.findings[] | select(.status != "ok")'

Exit code 0: no failures (there may be warnings); ${EXIT.failed}: something is wrong.`,
    )
    .action(doctor);
}

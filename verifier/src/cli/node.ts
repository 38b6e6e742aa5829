/** `assay node`. */
import { join } from "node:path";
import { Option, type Command } from "commander";
import { AssayError } from "../../../sdk/src/error.ts";
import type { ComputeOptions } from "../compute/compute.ts";
import { createLogger } from "../log.ts";
import { startNode, type GasOptions, type NodeOptions } from "../node.ts";
import { httpAddress } from "../setup/http.ts";
import { DEFAULTS, quorumOf, ROLES, type Config } from "./config.ts";
import { contentOptionsOf, withContent } from "./content.ts";
import { announcement, answerTerms, challengeTerms, withEconomy } from "./economy.ts";
import { receiptOptions, withReceipts } from "./receipts.ts";
import { openSigner } from "./signer.ts";
import { configOf, etherOf, openSession, SETTINGS, withChain, type Session } from "./session.ts";

function computeOptionsOf({
  workers = DEFAULTS.workers,
  inferenceLimitMs = DEFAULTS.inferenceLimitMs,
  memoryMb,
  inferenceMemoryMb,
}: Config): ComputeOptions {
  return {
    ...{ workers, inferenceLimitMs },
    ...(memoryMb === undefined ? {} : { memoryBytes: memoryMb * 2 ** 20 }),
    ...(inferenceMemoryMb === undefined ? {} : { inferenceMemoryBytes: inferenceMemoryMb * 2 ** 20 }),
  };
}

function gasOf({ maxFeeGwei, maxUrgentFeeGwei, gasBudget }: Config): GasOptions {
  const wei = (gwei: number): bigint => BigInt(Math.round(gwei * 1e9));
  return {
    fees: {
      ...(maxFeeGwei === undefined ? {} : { routineCapWei: wei(maxFeeGwei) }),
      ...(maxUrgentFeeGwei === undefined ? {} : { urgentCapWei: wei(maxUrgentFeeGwei) }),
    },
    ...(gasBudget === undefined ? {} : { routineBudgetWei: etherOf(gasBudget, "the budget for gas") }),
  };
}

async function optionsOf({ config, contracts }: Session): Promise<NodeOptions> {
  const role = config.role ?? DEFAULTS.role;
  const http = httpAddress(config.http ?? DEFAULTS.http);
  const operator = answerTerms(config);
  const verifier = {
    exactFromWei: etherOf(config.exactFrom ?? "0", "the bond from which all answers are judged exactly"),
    auditShare: config.auditShare ?? DEFAULTS.auditShare,
    ...challengeTerms(config),
  };
  const signer = await openSigner(config);
  const receipts = role === "verifier" ? undefined : await receiptOptions(config, signer);
  if (receipts !== undefined && http === undefined)
    throw new AssayError("BAD_CONFIG", "answers over HTTP need a server: leave --http on");
  const announce = role === "verifier" ? announcement(config, undefined) : announcement(config, operator);
  return {
    gas: gasOf(config),
    deployment: contracts.deployment,
    rpcUrls: config.rpc ?? DEFAULTS.rpc,
    quorum: quorumOf(config),
    finality: config.finality,
    signer,
    receipts,
    log: createLogger(config.logLevel ?? "info", 1, process.stdout.isTTY),
    content: contentOptionsOf(config),
    database:
      config.database === undefined
        ? { directory: join(config.data ?? DEFAULTS.data, "state") }
        : { url: config.database },
    pollMs: config.pollMs ?? DEFAULTS.pollMs,
    compute: computeOptionsOf(config),
    maxTraceBytes: (config.maxTraceMb ?? DEFAULTS.maxTraceMb) * 2 ** 20,
    alertWebhook: config.alertWebhook,
    ...(http === undefined ? {} : { http }),
    ...(role === "verifier" ? {} : { operator }),
    ...(role === "operator" ? {} : { verifier }),
    ...(announce === undefined ? {} : { announce }),
  };
}

const ENDS = ["SIGINT", "SIGTERM"] as const;

function signal(names: readonly NodeJS.Signals[]): Promise<string> {
  return new Promise((resolve) => {
    for (const name of names) process.once(name, () => resolve(name));
  });
}

export function addNode(program: Command): void {
  withReceipts(withEconomy(withContent(withChain(program.command("node"), true))))
    .description("run an operator, a verifier, or both, until SIGINT, SIGTERM or SIGHUP")
    .optionsGroup(SETTINGS)
    .addOption(new Option("--role <role>", `what to do (default ${DEFAULTS.role})`).choices(ROLES))
    .option(
      "--quorum <n>",
      "endpoints that must agree on what decides money, and nothing is believed while fewer do (default: two of several, less while they are down)",
      Number,
    )
    .option("--finality <blocks>", "a reorganisation goes no deeper (default 64)", Number)
    .option("--serve <release...>", "operator: the releases to answer for (default: all that check out)")
    .option(
      "--exact-from <ether>",
      "verifier: judge float answers with at least this bond exactly (default 0: all)",
    )
    .option(
      "--audit-share <share>",
      "verifier: share of the other float answers that is judged exactly (default 1)",
      Number,
    )
    .option("--max-fee-gwei <n>", "most per gas for work that can wait (default 100)", Number)
    .option("--max-urgent-fee-gwei <n>", "most per gas for what has a deadline (default 1000)", Number)
    .option(
      "--gas-budget <ether>",
      "for gas of work that can wait, a day (default: no limit); never holds up a dispute",
    )
    .option(
      "--database <url>",
      "a Postgres server (postgres://...), which several nodes of one key may share, instead of the embedded database; keep its password in ~/.pgpass or the configuration file",
    )
    .option(
      "--http <host:port>",
      `serve model files, open trials and health here, or "off" (default ${DEFAULTS.http})`,
    )
    .option("--workers <n>", `processes that run onnxruntime (default ${DEFAULTS.workers})`, Number)
    .option("--poll-ms <ms>", `how often to look for new blocks (default ${DEFAULTS.pollMs})`, Number)
    .option("--inference-limit-ms <ms>", `for one inference (default ${DEFAULTS.inferenceLimitMs})`, Number)
    .option(
      "--memory-mb <n>",
      "what all processes together keep of models and traces, MiB (default: half of the machine's)",
      Number,
    )
    .option(
      "--inference-memory-mb <n>",
      "what one inference may take beside that, MiB (default: 4096, or --memory-mb if that is less)",
      Number,
    )
    .option(
      "--max-trace-mb <n>",
      `largest sum of a run's tensors, MiB: a dispute holds several times as much in memory (default ${DEFAULTS.maxTraceMb})`,
      Number,
    )
    .addHelpText("after", NODE_HELP)
    .action(async (_options: unknown, command: Command) => {
      const ended = signal([...ENDS, "SIGHUP"]);
      // A terminal that is closed sends it here and to the launcher, which forwards it: a second one is no haste.
      process.on("SIGHUP", () => undefined);
      // Before anything is asked of the chain.
      quorumOf(configOf(command));
      const session = await openSession(command);
      const options = await optionsOf(session);
      session.provider.destroy();
      session.endpoints.close();
      const node = await startNode(options);
      const name = await ended;
      options.log.info({ signal: name }, "stopping: a second signal ends at once");
      void signal(ENDS).then(() => process.exit(1));
      await node.stop();
    });
}

const NODE_HELP = `
An operator answers requests under a bond from its stake and defends its answers in disputes. A verifier
recomputes everybody's answers and challenges those that are wrong. Both need stake (\`assay stake\`), a
little ETH in the wallet for gas, and to stay online: the node must be able to land a transaction within
the clocks that \`assay status\` shows.

  $ assay doctor && assay node
  $ assay node --role verifier --http off
  $ assay node --serve RELEASE --receipt-price 0.00001 --http 0.0.0.0:8600

The log has one JSON object a line; the line with "msg":"ready" says that the chain has been read.
`;

/** `assay node`. */
import { Option, type Command } from "commander";
import { createLogger } from "../log.ts";
import { startNode, type NodeOptions } from "../node.ts";
import { httpAddress } from "../setup/http.ts";
import { DEFAULTS, ROLES } from "./config.ts";
import { openSigner } from "./signer.ts";
import { etherOf, idOf, openSession, withChain, withContent, type Session } from "./session.ts";

async function optionsOf({ config, contracts, rpcUrl }: Session): Promise<NodeOptions> {
  const role = config.role ?? DEFAULTS.role;
  const http = httpAddress(config.http ?? DEFAULTS.http);
  const operator = {
    serve: config.serve?.map((id) => idOf(id, "a release")) ?? ("all" as const),
    minFee: etherOf(config.minFee ?? "0", "the least fee"),
  };
  const verifier = {
    exactFromWei: etherOf(config.exactFrom ?? "0", "the bond from which all answers are judged exactly"),
    auditShare: config.auditShare ?? DEFAULTS.auditShare,
  };
  return {
    deployment: contracts.deployment,
    rpcUrl,
    wallet: await openSigner(config),
    log: createLogger(config.logLevel ?? "info", 1, process.stdout.isTTY),
    contentDirectory: config.content ?? DEFAULTS.content,
    mirrors: config.mirror ?? [],
    pollMs: config.pollMs ?? DEFAULTS.pollMs,
    workers: config.workers ?? DEFAULTS.workers,
    inferenceLimitMs: config.inferenceLimitMs ?? DEFAULTS.inferenceLimitMs,
    maxFileBytes: (config.maxFileMb ?? DEFAULTS.maxFileMb) * 2 ** 20,
    maxTraceBytes: (config.maxTraceMb ?? DEFAULTS.maxTraceMb) * 2 ** 20,
    ...(http === undefined ? {} : { http }),
    ...(role === "verifier" ? {} : { operator }),
    ...(role === "operator" ? {} : { verifier }),
  };
}

function signal(): Promise<string> {
  return new Promise((resolve) => {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => resolve(name));
  });
}

export function addNode(program: Command): void {
  withContent(withChain(program.command("node"), true))
    .description("run an operator, a verifier, or both, until SIGINT or SIGTERM")
    .optionsGroup("Settings (also in the configuration file):")
    .addOption(new Option("--role <role>", `what to do (default ${DEFAULTS.role})`).choices(ROLES))
    .option("--serve <release...>", "operator: the releases to answer for (default: all that check out)")
    .option("--min-fee <ether>", "operator: leave cheaper requests to others (default 0)")
    .option(
      "--exact-from <ether>",
      "verifier: judge float answers with at least this bond exactly (default 0: all)",
    )
    .option(
      "--audit-share <share>",
      "verifier: share of the other float answers that is judged exactly (default 1)",
      Number,
    )
    .option("--http <host:port>", `serve /content and /health here, or "off" (default ${DEFAULTS.http})`)
    .option("--workers <n>", `processes that run onnxruntime (default ${DEFAULTS.workers})`, Number)
    .option("--poll-ms <ms>", `how often to look for new blocks (default ${DEFAULTS.pollMs})`, Number)
    .option("--inference-limit-ms <ms>", `for one inference (default ${DEFAULTS.inferenceLimitMs})`, Number)
    .option("--max-file-mb <n>", `largest model file, MiB (default ${DEFAULTS.maxFileMb})`, Number)
    .option(
      "--max-trace-mb <n>",
      `largest sum of a run's tensors, MiB: a dispute holds several times as much in memory (default ${DEFAULTS.maxTraceMb})`,
      Number,
    )
    .addHelpText("after", NODE_HELP)
    .action(async (_options: unknown, command: Command) => {
      const ended = signal();
      const session = await openSession(command);
      const options = await optionsOf(session);
      session.provider.destroy();
      const node = await startNode(options);
      const name = await ended;
      options.log.info({ signal: name }, "stopping: a second signal ends at once");
      void signal().then(() => process.exit(1));
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

The log has one JSON object a line; the line with "msg":"ready" says that the chain has been read.
`;

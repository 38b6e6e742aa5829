/** Options of the commands that fetch model files. */
import type { Command } from "commander";
import type { ContentOptions } from "../content/content.ts";
import { contentOf, DEFAULTS, type Config } from "./config.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

export function withContent(command: Command): Command {
  return command
    .option("--data <dir>", `the node's database and model files (default ${DEFAULTS.data})`)
    .option("--content <dir>", "model files, kept and served (default: content in the data directory)")
    .option("--mirror <url...>", "other nodes to fetch model files from")
    .option("--gateway <url...>", "IPFS gateways to fetch model files from; every block is checked")
    .option(
      "--allow-private-content",
      "follow content addresses of strangers into private networks too, on a chain of your own",
    )
    .option("--max-file-mb <n>", `largest model file, MiB (default ${DEFAULTS.maxFileMb})`, Number)
    .option(
      "--max-content-gb <n>",
      `largest content directory, GiB: what is least recently used is removed (default ${DEFAULTS.maxContentGb})`,
      Number,
    );
}

export function contentOptionsOf(config: Config): ContentOptions {
  return {
    directory: contentOf(config),
    storeBytes: (config.maxContentGb ?? DEFAULTS.maxContentGb) * GIB,
    maxBytes: (config.maxFileMb ?? DEFAULTS.maxFileMb) * MIB,
    mirrors: config.mirror ?? [],
    gateways: config.gateway ?? [],
    allowPrivate: config.allowPrivateContent ?? false,
  };
}

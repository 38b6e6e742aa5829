/** `assay model`: inspect, check, publish and verify model files. */
import type { Command } from "commander";
import type { Bindings, TensorSpec } from "../../../sdk/src/tensor.ts";
import { openContent } from "../content/content.ts";
import { openStore } from "../content/store.ts";
import { describeModel } from "../releases/describe.ts";
import { findRelease } from "../releases/find.ts";
import { createReleases } from "../releases/prepare.ts";
import { publishModel, toleranceBits, type PublishOptions } from "../releases/publish.ts";
import type { ModelSummary } from "../releases/summary.ts";
import { addDimension, DIMENSION_FLAG, parseInteger, parseNumber, readFile } from "./arguments.ts";
import { addCheck } from "./check.ts";
import { contentOf, DEFAULTS } from "./config.ts";
import { contentOptionsOf, withContent } from "./content.ts";
import { addOffers } from "./offers.ts";
import { print, type Row } from "./output.ts";
import { idOf, openSender, openSession, withChain } from "./session.ts";

export const RELEASE_LIMITS = { maxTraceBytes: Infinity } as const;

function describe({ name, dtype, shape }: TensorSpec): string {
  return `${name}: ${dtype}[${shape.join(", ")}]`;
}

function rowsOf(model: ModelSummary): Row[] {
  const { signature, worst } = model;
  return [
    ["file sha256", model.fileSha256],
    ["program root", model.programRoot],
    ["lowering version", model.loweringVersion],
    ...signature.inputs.map((spec): Row => ["input", describe(spec)]),
    ...signature.outputs.map((spec): Row => ["output", describe(spec)]),
    ["instructions", model.instructions],
    ["multiply-adds", model.multiplyAdds],
    ["trace", `${model.traceBytes} bytes`],
    ["constants", `${model.constants}, ${model.constantBytes} bytes`],
    [
      "onnxruntime",
      model.exactInOnnxruntime ? "exact, bit for bit" : "approximate (floats: machines may differ)",
    ],
    ["worst step, gas", `${worst.gas} (${worst.node.operator} ${worst.node.name})`],
    ["worst step, calldata", `${worst.calldataBytes} bytes`],
    ["worst dispute", `${model.disputeRounds} rounds, ${model.disputeGas} gas`],
  ];
}

function dataOf(model: ModelSummary): object {
  const { fileSha256, programRoot, loweringVersion, bindings, signature, inputBytes, outputBytes } = model;
  const { instructions, constants, constantBytes, exactInOnnxruntime, multiplyAdds, traceBytes } = model;
  const { worst, disputeGas, disputeRounds } = model;
  return {
    ...{ fileSha256, programRoot, loweringVersion, bindings, ...signature, inputBytes, outputBytes },
    ...{ instructions, constants, constantBytes, exactInOnnxruntime, worst, disputeGas, disputeRounds },
    ...{ multiplyAdds, traceBytes },
  };
}

interface PublishFlags {
  readonly dim?: Bindings;
  readonly json?: boolean;
  readonly uri?: string;
  readonly model?: number;
  readonly modelUri?: string;
  readonly atol: number;
  readonly rtol: number;
  readonly royalty: number;
}

async function publish(path: string, flags: PublishFlags, command: Command): Promise<void> {
  const file = new Uint8Array(readFile(path));
  const model = describeModel(file, flags.dim ?? {});
  const session = await openSession(command);
  const { config, contracts } = session;
  // Its owner's only copy, perhaps.
  const { cid, sha256 } = await (await openStore(contentOf(config))).put(file, { keep: true });
  const { url } = config;
  const options: PublishOptions = {
    contentUri: flags.uri ?? `ipfs://${cid.toString()}`,
    ...(url === undefined ? {} : { otherUri: `${url.replace(/\/+$/, "")}/content/${sha256.slice(2)}` }),
    atol: toleranceBits(flags.atol),
    rtol: toleranceBits(flags.rtol),
    royaltyBps: flags.royalty,
    ...(flags.model === undefined ? {} : { modelId: BigInt(flags.model) }),
    ...(flags.modelUri === undefined ? {} : { modelUri: flags.modelUri }),
  };
  const { releaseId, release, contentUris } = await publishModel(
    contracts,
    await openSender(session),
    model,
    options,
  );
  const rows: Row[] = [
    ["release", releaseId],
    ["model", release.modelId],
    ...contentUris.map((uri): Row => ["content", uri]),
    ["program root", release.programRoot],
  ];
  print(flags.json ?? false, rows, { releaseId, contentUris, release });
}

const PUBLISH_HELP = `
A node with this content directory serves the file under its CID, as any IPFS gateway would. Others find it at
the address that --url announces, at nodes that have it already, and at their --mirror and --gateway; whatever
they get, they check its hash. A file that is pinned on IPFS by the same CID (\`ipfs add --cid-version 1
--chunker size-1048576 --max-file-links 1024\`) needs no --url.
`;

export function addModel(program: Command): void {
  const model = program.command("model").description("inspect, check, publish and verify ONNX models");

  model
    .command("inspect <file>")
    .description("show what an ONNX file lowers to, and what judging it can cost; needs no chain")
    .option(...DIMENSION_FLAG, addDimension)
    .option("--json", "print JSON")
    .action((path: string, { dim, json }: { dim?: Bindings; json?: boolean }) => {
      const description = describeModel(new Uint8Array(readFile(path)), dim ?? {});
      print(json ?? false, rowsOf(description), dataOf(description));
    });

  addCheck(model);
  addOffers(model);

  withChain(model.command("publish <file>"), true)
    .description("lower an ONNX file, keep it in the content directory and publish it as a release")
    .option(...DIMENSION_FLAG, addDimension)
    .option(
      "--content <dir>",
      `content directory, of which a node serves the file (default content in the data directory)`,
    )
    .option("--uri <uri>", "where the file can be fetched (default: ipfs:// and its CID)")
    .option(
      "--url <url>",
      "public base URL of the node that serves the file: announced too, in a second transaction",
    )
    .option("--data <dir>", `data directory (default ${DEFAULTS.data})`)
    .option("--model <id>", "model that this is a release of (default: a new model)", parseInteger)
    .option("--model-uri <uri>", "metadata of a new model")
    .option("--atol <number>", "absolute tolerance of answers", parseNumber, 0)
    .option(
      "--rtol <number>",
      "relative tolerance of answers; with both 0 the bytes must be exact",
      parseNumber,
      0,
    )
    .option("--royalty <bps>", "the model's share of fees, basis points, at most 5000", parseInteger, 0)
    .option("--json", "print JSON")
    .addHelpText("after", PUBLISH_HELP)
    .action(publish);

  withContent(withChain(model.command("verify <release>"), false))
    .description("fetch a release's file and check that the release is what it lowers to")
    .option("--json", "print JSON")
    .action(async (id: string, { json }: { json?: boolean }, command: Command) => {
      const releaseId = idOf(id, "a release");
      const { config, contracts, provider } = await openSession(command);
      const record = await findRelease(contracts, provider, releaseId);
      const content = await openContent(contentOptionsOf(config));
      const { model: found } = await createReleases(content, RELEASE_LIMITS).prepare(record);
      content.close();
      print(json ?? false, [["release", `${releaseId}: verified`], ...rowsOf(found)], {
        releaseId,
        ...dataOf(found),
      });
    });
}

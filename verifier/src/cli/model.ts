/** `assay model`: inspect, check, publish and verify model files. */
import type { Command } from "commander";
import { resolve } from "node:path";
import type { Bindings, TensorSpec } from "../../../sdk/src/tensor.ts";
import { checkAddress } from "../content/fetch.ts";
import { openStore } from "../content/store.ts";
import { readRelease } from "../../../sdk/src/release.ts";
import { bindingsOf, compareRelease, type ReleaseField } from "../releases/prepare.ts";
import { announceContent, createModel, publishRelease } from "../releases/publish.ts";
import { termsOf, withDimensions } from "../releases/release.ts";
import type { ModelSummary } from "../releases/summary.ts";
import { addAnnounceContent, warnIfLocal } from "./announceContent.ts";
import { addDimension, DIMENSION_FLAG, parseInteger, parseNumber, readFile } from "./arguments.ts";
import { addCheck } from "./check.ts";
import { contentOf, DEFAULTS } from "./config.ts";
import { contentOptionsOf, withContent } from "./content.ts";
import { addOffers } from "./offers.ts";
import { EXIT, note, print, type Row } from "./output.ts";
import { terminalProgress } from "./progress.ts";
import { withWorkshop } from "./release.ts";
import { addRoyalty } from "./royalty.ts";
import { idOf, openSender, openSession, SETTINGS, withChain } from "./session.ts";
import { bytes as size } from "../inspect/text.ts";

function describe({ name, dtype, shape }: TensorSpec): string {
  return `${name}: ${dtype}[${shape.join(", ")}]`;
}

function signatureRows({ signature }: ModelSummary): Row[] {
  return [
    ...signature.inputs.map((spec): Row => ["input", describe(spec)]),
    ...signature.outputs.map((spec): Row => ["output", describe(spec)]),
  ];
}

function rowsOf(model: ModelSummary): Row[] {
  const { worst } = model;
  return [
    ["file sha256", model.fileSha256],
    ["program root", model.programRoot],
    ["lowering version", model.loweringVersion],
    ...signatureRows(model),
    ["instructions", model.instructions],
    ["multiply-adds", model.multiplyAdds],
    ["trace", size(model.traceBytes)],
    ["constants", `${model.constants}, ${size(model.constantBytes)}`],
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
  const { worst, disputeGas, disputeRounds, header } = model;
  return {
    ...{ fileSha256, programRoot, loweringVersion, bindings, ...signature, inputBytes, outputBytes },
    ...{ instructions, constants, constantBytes, exactInOnnxruntime, worst, disputeGas, disputeRounds },
    ...{ multiplyAdds, traceBytes, header },
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
  const terms = termsOf(flags.atol, flags.rtol, flags.royalty);
  if (flags.uri !== undefined) checkAddress(flags.uri);
  const session = await openSession(command);
  const { config, contracts } = session;
  const progress = terminalProgress();
  const model = await withWorkshop(config, (workshop) =>
    progress("lowering the model", () => workshop.describe(resolve(path), flags.dim ?? {})),
  );
  // Its owner's only copy, perhaps.
  const store = await openStore(contentOf(config), contentOptionsOf(config).storeBytes);
  const { cid, sha256 } = await store.put(file, { keep: true, expected: model.fileSha256 });
  const { url } = config;
  if (url !== undefined) warnIfLocal(url);
  const contentUri = withDimensions(flags.uri ?? `ipfs://${cid.toString()}`, model.bindings);
  const sender = await openSender(session);
  let modelId = flags.model === undefined ? undefined : BigInt(flags.model);
  if (modelId === undefined) {
    modelId = await progress("making a model", () => createModel(contracts, sender, flags.modelUri ?? ""));
    // For --model, should the release fail.
    note(`model ${modelId}`);
  }
  const { releaseId, release } = await progress("publishing", () =>
    publishRelease(contracts, sender, model, { ...terms, modelId, contentUri }),
  );
  const contentUris = [contentUri];
  if (url !== undefined) {
    // Of use without its other address too, which can be announced later.
    note(`release ${releaseId}`);
    const other = withDimensions(`${url.replace(/\/+$/, "")}/content/${sha256.slice(2)}`, model.bindings);
    await progress("announcing", () => announceContent(contracts, sender, releaseId, other));
    contentUris.push(other);
  }
  const rows: Row[] = [
    ["release", releaseId],
    ["model", release.modelId],
    ...contentUris.map((uri): Row => ["content", uri]),
    ["program root", release.programRoot],
  ];
  print(flags.json ?? false, rows, { releaseId, contentUris, release });
}

function fieldRow({ field, file, release, ok }: ReleaseField): Row {
  if (!ok) return [field, `WRONG: the release says ${release}, its file gives ${file}`];
  return [field, file === release ? `${file}` : `${release}, at least the file's ${file}`];
}

async function verify(id: string, { json }: { json?: boolean }, command: Command): Promise<void> {
  const releaseId = idOf(id, "a release");
  const { config, contracts, provider } = await openSession(command);
  const progress = terminalProgress();
  const record = await progress("reading the chain", (onBlocks) =>
    readRelease(contracts, provider, releaseId, onBlocks),
  );
  await withWorkshop(config, async (workshop) => {
    const path = await progress("fetching the model", () => workshop.fetch(record));
    const model = await progress("lowering the model", () => workshop.describe(path, bindingsOf(record)));
    const fields = compareRelease(record.release, model);
    const ok = fields.every((field) => field.ok);
    const verdict = ok
      ? "RIGHT: the release is what its file lowers to"
      : "WRONG: do not rely on this release";
    print(
      json ?? false,
      [["release", releaseId], ...fields.map(fieldRow), ...signatureRows(model), ["verdict", verdict]],
      { releaseId, ok, fields, contentUris: record.contentUris, ...dataOf(model) },
    );
    if (!ok) process.exitCode = EXIT.wrong;
  });
}

const PUBLISH_HELP = `
A node with this content directory serves the file under its CID, as any IPFS gateway would. Others find it at
the address that --url announces, at nodes that have it already, and at their --mirror and --gateway; whatever
they get, they check its hash. A file that is pinned on IPFS by the same CID (\`ipfs add --cid-version 1
--chunker size-1048576 --max-file-links 1024\`) needs no --url.

A file that moves, or an address that was wrong: \`assay model announce\` adds another.

A release is immutable: another tolerance or file is another release. \`assay model check\` proposes the tolerance.

  $ assay model publish digits.onnx --royalty 500
  $ assay model publish net.onnx --atol 1e-6 --rtol 1e-6 --url https://models.example.org
`;

export function addModel(program: Command): void {
  const model = program.command("model").description("inspect, check, publish and verify ONNX models");

  model
    .command("inspect <file>")
    .description("show what an ONNX file lowers to, and what judging it can cost; needs no chain")
    .option(...DIMENSION_FLAG, addDimension)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Judging: the referee recomputes one element on chain. Its worst case must fit a transaction, and the release
commits to the gas, which sets the bonds. A model with symbolic dimensions needs a --dim for each.

  $ assay model inspect digits.onnx
  $ assay model inspect bert.onnx --dim batch=1 --dim seq=128`,
    )
    .action(async (path: string, { dim, json }: { dim?: Bindings; json?: boolean }) => {
      readFile(path);
      const found = await withWorkshop({}, (workshop) =>
        terminalProgress()("lowering the model", () => workshop.describe(resolve(path), dim ?? {})),
      );
      print(json ?? false, rowsOf(found), dataOf(found));
    });

  addCheck(model);
  addOffers(model);
  addRoyalty(model);

  withChain(model.command("publish <file>"), true)
    .description("lower an ONNX file, keep it in the content directory and publish it as a release")
    .option(...DIMENSION_FLAG, addDimension)
    .optionsGroup(SETTINGS)
    .option(
      "--content <dir>",
      "content directory, of which a node serves the file (default: content in the data directory)",
    )
    .option("--data <dir>", `data directory (default ${DEFAULTS.data})`)
    .option(
      "--url <url>",
      "public base URL of the node that serves the file: announced too, in a second transaction",
    )
    .optionsGroup("Options:")
    .option("--uri <uri>", "where the file can be fetched (default: ipfs:// and its CID)")
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

  addAnnounceContent(model);

  withContent(withChain(model.command("verify <release>"), false))
    .description(
      "fetch a release's file and compare everything that the release says with what the file gives",
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
  $ assay model verify 0x3c5e...

Exit code 0: right; ${EXIT.wrong}: a field is wrong; ${EXIT.retryable}: the file cannot be had now; ${EXIT.failed}: it cannot be lowered.`,
    )
    .action(verify);
}

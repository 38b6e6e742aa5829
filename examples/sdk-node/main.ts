/**
 * Reads a digit off a picture: `PRIVATE_KEY=0x... node main.ts --rpc URL [--deployment FILE] [--release ID] [--assay bin/assay.mjs]`.
 * Node 22.18 or later runs it as it is.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  connectAssay,
  decodeOutput,
  encodeInput,
  imageTensor,
  parseSignature,
  readReleases,
  sameHex,
  signatureHash,
  type Assay,
  type Hex,
  type Pixels,
  type Signature,
} from "@assay/sdk";
import { readDeployment, verify } from "@assay/sdk/node";
import { JsonRpcProvider, Wallet, formatEther } from "ethers";

const { values: flags } = parseArgs({
  options: {
    rpc: { type: "string", default: "http://127.0.0.1:8545" },
    /** As `npm run deploy` wrote it; default: the chain's own, if it comes with the package. */
    deployment: { type: "string" },
    /** Default: the newest that takes such pictures. Use one that you know: anyone can publish. */
    release: { type: "string" },
    image: { type: "string", default: new URL("three.pgm", import.meta.url).pathname },
    /** Path of bin/assay.mjs, to run the model again. */
    assay: { type: "string" },
    /** A flag of `assay verify`; may be repeated. */
    flag: { type: "string", multiple: true, default: [] },
  },
});

/** Plain PGM, a text of grey values. For PNG or JPEG take a decoder that gives RGBA, such as sharp or pngjs. */
function readGrey(path: string): Pixels {
  const [, width = 0, height = 0, most = 255, ...grey] = readFileSync(path, "utf8").split(/\s+/).map(Number);
  const data = grey.slice(0, width * height).flatMap((value) => {
    const v = (value * 255) / most;
    return [v, v, v, 255];
  });
  return { width, height, data: Uint8Array.from(data) };
}

async function pick({ contracts, provider }: Assay, signature: Signature): Promise<Hex> {
  const wanted = signatureHash(signature);
  const all = await readReleases(contracts, provider);
  const found = all.findLast(({ release }) => sameHex(release.signatureHash, wanted));
  if (found === undefined) throw new Error("nobody has published a reader of digits");
  return found.releaseId;
}

const say = (what: string, value: unknown): void => console.log(`${what}: ${String(value)}`);

const provider = new JsonRpcProvider(flags.rpc);
const wallet = new Wallet(process.env["PRIVATE_KEY"] ?? "", provider);
const assay = await connectAssay(
  wallet,
  flags.deployment === undefined ? undefined : readDeployment(flags.deployment),
);

const signature = parseSignature(
  JSON.parse(readFileSync(new URL("signature.json", import.meta.url), "utf8")),
);
const releaseId: Hex =
  flags.release === undefined ? await pick(assay, signature) : `0x${flags.release.slice(2)}`;
await assay.release(releaseId, signature);
say("release", releaseId);

const [spec] = signature.inputs;
if (spec === undefined) throw new Error("the signature has no input");
// Ink on paper: 0 for white, 16 for black.
const pixels = imageTensor(spec, readGrey(flags.image), { scale: -16 / 255, mean: -16 });
const input = encodeInput(signature, { pixels });

const { fee, operator, bond } = await assay.quote({ releaseId });
say("price", `${formatEther(fee)} ETH by ${operator}, bond ${formatEther(bond)} ETH`);
const pending = await assay.request({ releaseId, input, fee, operator });
say("request", pending.requestId);

const digitOf = (output: Uint8Array): number => {
  const logits = Array.from<number | bigint>(decodeOutput(signature, output)["logits"] ?? []).map(Number);
  return logits.indexOf(Math.max(...logits));
};
const early = await pending.provisional();
say("provisional", digitOf(early.output));
const answer = await pending.final();
say("final", digitOf(answer.output));

const { standing, final } = await assay.check(pending, answer);
say("the chain's record", standing && final ? "it stands, for good" : "it does not stand");
if (flags.assay !== undefined) {
  const { result } = await verify({
    requestId: pending.requestId,
    rpcUrl: flags.rpc,
    deployment: assay.contracts.deployment,
    command: [process.execPath, flags.assay],
    flags: flags.flag,
  });
  say("run again", result.verdict);
}
provider.destroy();

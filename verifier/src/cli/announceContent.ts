/** `assay model announce`. */
import type { Command } from "commander";
import { AssayError } from "../../../sdk/src/error.ts";
import { readRelease, type PublishedRelease } from "../../../sdk/src/release.ts";
import { sameHex } from "../../../sdk/src/structs.ts";
import { bindingsHash, type Bindings } from "../../../sdk/src/tensor.ts";
import { checkAddress } from "../content/fetch.ts";
import { bindingsOf } from "../releases/prepare.ts";
import { announceContent } from "../releases/publish.ts";
import { withDimensions } from "../releases/release.ts";
import { isLoopback } from "../setup/endpoint.ts";
import { addDimension, DIMENSION_FLAG } from "./arguments.ts";
import { note, print } from "./output.ts";
import { terminalProgress } from "./progress.ts";
import { idOf, openSender, openSession, withChain } from "./session.ts";

export function warnIfLocal(url: string): void {
  if (isLoopback(url))
    note(
      `Warning: nobody but this machine can reach ${url}; announce another address later: \`assay model announce\`.`,
    );
}

/** @throws {AssayError} BAD_CONFIG, RELEASE_REFUSED if no address that was announced names them. */
function dimensionsOf(record: PublishedRelease, given: Bindings | undefined): Bindings {
  if (given === undefined) return bindingsOf(record);
  if (sameHex(bindingsHash(given), record.release.bindingsHash)) return given;
  throw new AssayError("BAD_CONFIG", "the release was published with other values of its dimensions");
}

async function announce(
  id: string,
  address: string,
  { dim, json }: { readonly dim?: Bindings; readonly json?: boolean },
  command: Command,
): Promise<void> {
  const releaseId = idOf(id, "a release");
  checkAddress(address);
  const session = await openSession(command);
  const { contracts, provider } = session;
  const progress = terminalProgress();
  const record = await progress("reading the chain", (onBlocks) =>
    readRelease(contracts, provider, releaseId, onBlocks),
  );
  const contentUri = withDimensions(address, dimensionsOf(record, dim));
  warnIfLocal(address);
  const sender = await openSender(session);
  const { hash } = await progress("announcing", () =>
    announceContent(contracts, sender, releaseId, contentUri),
  );
  print(
    json ?? false,
    [
      ["release", releaseId],
      ["content", contentUri],
      ["transaction", hash],
    ],
    { releaseId, contentUri, transaction: hash },
  );
}

/** To be added to `assay model`. */
export function addAnnounceContent(model: Command): void {
  withChain(model.command("announce <release> <uri>"), true)
    .description("announce another address of a release's file, with the key of the model's owner")
    .option(...DIMENSION_FLAG, addDimension)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
For a file that has moved, or an address that was wrong. What was announced before stays on chain: nodes try the
newest addresses first, and check by its hash whatever they get. The dimensions' values are those that were announced
before; --dim is needed only if none were. \`assay model verify\` fetches the file as a node would.

  $ assay model announce 0x3c5e... https://models.example.org/digits.onnx
  $ assay model announce 0x3c5e... ipfs://bafkrei...`,
    )
    .action(announce);
}

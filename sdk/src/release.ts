/** Releases, read from the registry's events. */
import type { Provider } from "ethers";
import type { Contracts } from "./contracts.ts";
import { AssayError } from "./error.ts";
import { parseEvent } from "./events.ts";
import { releaseIdOf } from "./ids.ts";
import { readLogs, type OnBlocks } from "./logs.ts";
import { sameHex, type Hex, type Release } from "./structs.ts";
import { signatureHash, type Signature } from "./tensor.ts";

/** Places of one release's file that are remembered: its owner may announce as many as it likes. */
export const MAX_URIS = 32;

export interface PublishedRelease {
  readonly releaseId: Hex;
  /** Hashes to the id. */
  readonly release: Release;
  /** Of its program, docs/program.md §6. */
  readonly header: Hex;
  /** Where its file is said to be: the newest few, newest first. */
  readonly contentUris: string[];
}

async function readAll(
  { registry, deployment }: Contracts,
  provider: Provider,
  releaseId: Hex | null,
  onBlocks?: OnBlocks,
): Promise<PublishedRelease[]> {
  const names = (["Released", "ContentAnnounced"] as const).map(
    (name) => registry.interface.getEvent(name).topicHash,
  );
  const filter = { address: deployment.addresses.registry, topics: [names, releaseId] };
  const releases = new Map<Hex, PublishedRelease>();
  for (const log of await readLogs(provider, filter, deployment.block, onBlocks)) {
    const event = parseEvent("registry", log);
    if (event?.name === "Released") {
      const { releaseId: id, release, header, contentUri } = event;
      if (!sameHex(releaseIdOf(release), id))
        throw new AssayError("RPC_FAILED", `the endpoint made up release ${id}: use another endpoint`);
      releases.set(id, { releaseId: id, release, header, contentUris: [contentUri] });
    } else if (event?.name === "ContentAnnounced") {
      const uris = releases.get(event.releaseId)?.contentUris;
      uris?.unshift(event.contentUri);
      uris?.splice(MAX_URIS);
    }
  }
  return [...releases.values()];
}

/** All releases, oldest first, of the registry's events from the deployment's first block on. @throws {AssayError} RPC_FAILED. */
export function readReleases(
  contracts: Contracts,
  provider: Provider,
  onBlocks?: OnBlocks,
): Promise<PublishedRelease[]> {
  return readAll(contracts, provider, null, onBlocks);
}

/** As {@link readReleases}, of one alone. @throws {AssayError} NOT_FOUND, RPC_FAILED. */
export async function readRelease(
  contracts: Contracts,
  provider: Provider,
  releaseId: Hex,
  onBlocks?: OnBlocks,
): Promise<PublishedRelease> {
  const [found] = await readAll(contracts, provider, releaseId, onBlocks);
  if (found !== undefined) return found;
  throw new AssayError("NOT_FOUND", `the registry has no release ${releaseId}: is it of another chain?`);
}

/** @throws {AssayError} BAD_TENSOR unless the release commits to exactly these names, dtypes and shapes. */
export function checkSignature({ signatureHash: committed }: Release, signature: Signature): void {
  if (!sameHex(signatureHash(signature), committed))
    throw new AssayError(
      "BAD_TENSOR",
      "the signature is not the release's: take that of its file (`assay model inspect FILE --json`)",
      { details: { expected: committed, given: signatureHash(signature) } },
    );
}

/** One release's record, read from the chain without a node. */
import type { Provider } from "ethers";
import type { Contracts } from "../../../sdk/src/contracts.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { parseEvent } from "../../../sdk/src/events.ts";
import { readLogs, type OnBlocks } from "../../../sdk/src/logs.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { apply, emptyState, type ReleaseRecord } from "../chain/state.ts";

/** @throws {AssayError} NOT_FOUND, RPC_FAILED */
export async function findRelease(
  contracts: Contracts,
  provider: Provider,
  releaseId: Hex,
  onBlocks?: OnBlocks,
): Promise<ReleaseRecord> {
  const { registry, deployment } = contracts;
  const names = (["Released", "ContentAnnounced"] as const).map(
    (name) => registry.interface.getEvent(name).topicHash,
  );
  const filter = { address: deployment.addresses.registry, topics: [names, releaseId] };
  const state = emptyState();
  for (const log of await readLogs(provider, filter, deployment.block, onBlocks)) {
    const event = parseEvent("registry", log);
    if (event !== undefined) apply(state, { event, blockNumber: log.blockNumber, timestamp: 0 });
  }
  const record = [...state.releases.values()][0];
  if (record === undefined) throw new AssayError("NOT_FOUND", `the registry has no release ${releaseId}`);
  return record;
}

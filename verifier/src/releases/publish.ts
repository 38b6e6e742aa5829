/** Publishing a model file as a release. */
import { AssayError } from "../../../sdk/src/error.ts";
import { parseEvent, type EventName, type EventOf } from "../../../sdk/src/events.ts";
import type { Contracts } from "../../../sdk/src/contracts.ts";
import { releaseIdOf } from "../../../sdk/src/ids.ts";
import type { Hex, Release } from "../../../sdk/src/structs.ts";
import { bindingsText } from "../../../sdk/src/tensor.ts";
import type { TransactionReceipt } from "ethers";
import { freshKey, type Sender } from "../chain/outbox/intent.ts";
import { releaseOf, type ReleaseTerms } from "./release.ts";
import type { ModelSummary } from "./summary.ts";

export interface PublishOptions extends ReleaseTerms {
  /** An existing model of the sender; absent: a new one. */
  readonly modelId?: bigint;
  /** Metadata URI of a new model. */
  readonly modelUri?: string;
  /** Where the file can be fetched; the dimensions' values are added as its fragment. */
  readonly contentUri: string;
  /** A second such place, announced after the release is published. */
  readonly otherUri?: string;
}

export interface Published {
  readonly releaseId: Hex;
  readonly release: Release;
  readonly contentUris: readonly string[];
}

function eventIn<N extends EventName>(receipt: TransactionReceipt, registry: Hex, name: N): EventOf<N> {
  for (const log of receipt.logs) {
    if (log.address.toLowerCase() !== registry.toLowerCase()) continue;
    const event = parseEvent("registry", log);
    if (event !== undefined && isNamed(event, name)) return event;
  }
  throw new AssayError("NOT_FOUND", `transaction ${receipt.hash} has no event ${name}`);
}

function isNamed<N extends EventName>(event: { readonly name: EventName }, name: N): event is EventOf<N> {
  return event.name === name;
}

/** @throws {AssayError} REVERTED (ReleaseExists if this was published before), and whatever Sender.send throws. */
export async function publishModel(
  contracts: Contracts,
  sender: Sender,
  model: ModelSummary,
  options: PublishOptions,
): Promise<Published> {
  const { interface: registry } = contracts.registry;
  const to = contracts.deployment.addresses.registry;
  let { modelId } = options;
  if (modelId === undefined) {
    const data = registry.encodeFunctionData("createModel", [options.modelUri ?? ""]);
    const receipt = await sender.send({ key: freshKey("createModel"), label: "createModel", to, data });
    modelId = eventIn(receipt, to, "ModelCreated").modelId;
  }
  const release = releaseOf(model, modelId, options);
  const dimensions = bindingsText(model.bindings);
  const withDimensions = (uri: string): string => (dimensions === "" ? uri : `${uri}#${dimensions}`);
  const contentUri = withDimensions(options.contentUri);
  const data = registry.encodeFunctionData("publish", [release, model.header, contentUri]);
  await sender.send({ key: freshKey("publish"), label: "publish", to, data });
  const releaseId = releaseIdOf(release);
  const { otherUri } = options;
  if (otherUri === undefined) return { releaseId, release, contentUris: [contentUri] };
  const uris = [contentUri, withDimensions(otherUri)] as const;
  const announcement = registry.encodeFunctionData("announceContent", [releaseId, uris[1]]);
  await sender.send({ key: freshKey("announceContent"), label: "announceContent", to, data: announcement });
  return { releaseId, release, contentUris: uris };
}

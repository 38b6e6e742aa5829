/** Publishing a model file as a release. */
import { AssayError } from "../../../sdk/src/error.ts";
import { parseEvent, type EventName, type EventOf } from "../../../sdk/src/events.ts";
import type { Contracts } from "../../../sdk/src/contracts.ts";
import { releaseIdOf } from "../../../sdk/src/ids.ts";
import type { Hex, Release } from "../../../sdk/src/structs.ts";
import type { TransactionReceipt } from "ethers";
import { freshKey, type Sender } from "../chain/outbox/intent.ts";
import { releaseOf, type ReleaseTerms } from "./release.ts";
import type { ModelSummary } from "./summary.ts";

export interface PublishOptions extends ReleaseTerms {
  /** A model of the sender. */
  readonly modelId: bigint;
  /** Where the file can be fetched, with its dimensions' values. */
  readonly contentUri: string;
}

export interface Published {
  readonly releaseId: Hex;
  readonly release: Release;
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

/** Sends a call of the registry, under the name of its function. @throws {AssayError} as Sender.send. */
function call(
  contracts: Contracts,
  sender: Sender,
  label: string,
  data: string,
): Promise<TransactionReceipt> {
  return sender.send({ key: freshKey(label), label, to: contracts.deployment.addresses.registry, data });
}

/** @param uri Of its metadata. @returns its number. @throws {AssayError} as Sender.send. */
export async function createModel(contracts: Contracts, sender: Sender, uri: string): Promise<bigint> {
  const { registry, deployment } = contracts;
  const data = registry.interface.encodeFunctionData("createModel", [uri]);
  const receipt = await call(contracts, sender, "createModel", data);
  return eventIn(receipt, deployment.addresses.registry, "ModelCreated").modelId;
}

/** @throws {AssayError} REVERTED (ReleaseExists if this was published before), and whatever Sender.send throws. */
export async function publishRelease(
  contracts: Contracts,
  sender: Sender,
  model: ModelSummary,
  options: PublishOptions,
): Promise<Published> {
  const release = releaseOf(model, options.modelId, options);
  const { interface: registry } = contracts.registry;
  const data = registry.encodeFunctionData("publish", [release, model.header, options.contentUri]);
  await call(contracts, sender, "publish", data);
  return { releaseId: releaseIdOf(release), release };
}

/** @throws {AssayError} REVERTED (NotModelOwner), and whatever Sender.send throws. */
export function announceContent(
  contracts: Contracts,
  sender: Sender,
  releaseId: Hex,
  contentUri: string,
): Promise<TransactionReceipt> {
  const { interface: registry } = contracts.registry;
  const data = registry.encodeFunctionData("announceContent", [releaseId, contentUri]);
  return call(contracts, sender, "announceContent", data);
}

/** `assay model royalty`. */
import type { Command } from "commander";
import { AssayError } from "../../../sdk/src/error.ts";
import { revertData } from "../../../sdk/src/revert.ts";
import { sameHex } from "../../../sdk/src/structs.ts";
import { freshKey } from "../chain/outbox/intent.ts";
import { ether } from "../economics/ether.ts";
import { parseInteger } from "./arguments.ts";
import { print, type Row } from "./output.ts";
import { openSender, openSession, withChain, type Session } from "./session.ts";

interface Royalty {
  readonly owner: string;
  readonly royaltyWei: bigint;
}

/** @throws {AssayError} NOT_FOUND */
async function readRoyalty({ contracts }: Session, modelId: number): Promise<Royalty> {
  try {
    const owner = await contracts.registry.ownerOf(modelId);
    return { owner, royaltyWei: await contracts.vault.royaltyOf(modelId) };
  } catch (cause) {
    if (revertData(cause) === undefined) throw cause;
    throw new AssayError("NOT_FOUND", `the registry has no model ${modelId}`, { cause });
  }
}

async function royalty(
  modelId: number,
  { withdraw, json }: { readonly withdraw?: boolean; readonly json?: boolean },
  command: Command,
): Promise<void> {
  const session = await openSession(command);
  const { contracts } = session;
  const { owner, royaltyWei } = await readRoyalty(session, modelId);
  const rows: Row[] = [
    ["model", modelId],
    ["owner", owner],
    ["royalty", ether(royaltyWei)],
  ];
  if (withdraw !== true || royaltyWei === 0n)
    return print(json ?? false, rows, { modelId, owner, royaltyWei });
  const sender = await openSender(session);
  if (!sameHex(sender.address, owner))
    throw new AssayError("BAD_CONFIG", `only the model's owner, ${owner}, may withdraw: give its key`);
  const data = contracts.vault.interface.encodeFunctionData("withdrawRoyalty", [modelId, owner]);
  const to = contracts.deployment.addresses.vault;
  const { hash } = await sender.send({ key: freshKey("royalty"), label: "withdrawRoyalty", to, data });
  const moved: Row[] = [
    ["withdrawn", `${ether(royaltyWei)} to the owner's wallet`],
    ["transaction", hash],
  ];
  print(json ?? false, [...rows, ...moved], { modelId, owner, royaltyWei, transaction: hash });
}

/** To be added to `assay model`. */
export function addRoyalty(model: Command): void {
  withChain(model.command("royalty"), true)
    .description("show what a model has earned since its owner last withdrew")
    .argument("<model>", "number of the model, as `assay model publish` prints it", parseInteger)
    .option("--withdraw", "send all of it to the owner's wallet (with the owner's key)")
    .option("--json", "print JSON")
    .addHelpText("after", "\n  $ assay model royalty 1\n  $ assay model royalty 1 --withdraw")
    .action(royalty);
}

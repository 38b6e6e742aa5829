/** Receipts to be challenged: wrong ones of nodes that lie over HTTP, and more of them than can be on trial at once. */
import { z } from "zod/v4";
import { connect } from "../../sdk/src/contracts.ts";
import { keccak } from "../../sdk/src/ids.ts";
import {
  AUDIT_PATH,
  requiredSchema,
  TERMS_PATH,
  toJson,
  type ReceiptFile,
} from "../../sdk/src/infer/wire.ts";
import { signAs, type Receipt } from "../../sdk/src/receipts.ts";
import { readRelease } from "../../sdk/src/release.ts";
import { ZERO_HASH, type Hex } from "../../sdk/src/structs.ts";
import { startNode, type RunningNode } from "../src/node.ts";
import { CHALLENGE_STATES } from "../src/roles/audits.ts";
import type { OperatorParts } from "../src/roles/operator.ts";
import { digestSigner } from "../src/serve/digests.ts";
import { createBuyer, fileOf, placeOf } from "./buyer.ts";
import { nodeOptions } from "./player.ts";
import { until } from "./until.ts";
import type { PublishedModel, World } from "./world.ts";

export const RESERVE = 10n ** 18n;
const PRICE = 10n ** 13n;
const DEPOSIT = 10n ** 15n;
const KEY: Hex = `0x${"6e".repeat(32)}`;
/** As Receipts.MAX_LIVE. */
export const MAX_LIVE = 8;

export function urlOf({ url }: Pick<RunningNode, "url">): string {
  if (url === undefined) throw new Error("no server");
  return url;
}

/** Starts an operator with a reserve that answers over HTTP too. */
export async function startReceiptLiar(
  world: World,
  account: number,
  { releaseId }: PublishedModel,
  bondClass: number,
  parts: Partial<OperatorParts>,
): Promise<RunningNode> {
  const { receipts } = connect(world.deployment, world.chain.wallet(account));
  await (await receipts.addReserve({ value: RESERVE })).wait();
  return startNode(
    {
      ...nodeOptions(world, account),
      operator: { serve: [releaseId], minFee: 0n },
      http: { host: "127.0.0.1", port: 0 },
      receipts: {
        ...{ releases: [releaseId], priceWei: PRICE, bondClass, answers: "checked" },
        ...{ signer: digestSigner(KEY), redeemFromWei: 1000n * PRICE },
      },
    },
    parts,
  );
}

/** Deposits, and buys one answer. */
export async function buyReceipt(
  world: World,
  account: number,
  node: RunningNode,
  model: PublishedModel,
): Promise<ReceiptFile> {
  await until("it answers over HTTP", async () => {
    const terms = requiredSchema.parse(await (await fetch(`${urlOf(node)}${TERMS_PATH}`)).json());
    return terms.accepts.length > 0;
  });
  const buyer = await createBuyer(world, account, node.address, DEPOSIT);
  const input = Uint8Array.from({ length: model.model.inputBytes }, (_, i) => (i * 9 + 3) % 17);
  const ordered = await buyer.order(model, input, PRICE, PRICE);
  await until("the deposit is known", async () => (await buyer.send(urlOf(node), ordered)).status === 200);
  return fileOf(placeOf(world), ordered, await buyer.send(urlOf(node), ordered));
}

/** Hands a receipt to a verifier. */
export async function handTo(node: RunningNode, file: ReceiptFile): Promise<void> {
  const headers = { "content-type": "application/json" };
  const reply = await fetch(`${urlOf(node)}${AUDIT_PATH}`, { method: "POST", headers, body: toJson(file) });
  if (reply.status !== 202) throw new Error(await reply.text());
}

export const standingSchema = z.object({
  state: z.enum(["pending", "right", "wrong"]),
  challenge: z.enum(CHALLENGE_STATES),
  reason: z.string().optional(),
});

/** What a verifier says of a receipt that it was handed. */
export async function standingOf(node: RunningNode, digest: string): Promise<z.infer<typeof standingSchema>> {
  return standingSchema.parse(await (await fetch(`${urlOf(node)}${AUDIT_PATH}/${digest}`)).json());
}

/**
 * Has an operator without a node issue receipts, all of them challenged by an account that plays nothing: {@link MAX_LIVE} are on
 * trial, the rest waits in line.
 */
export async function fillLine(
  world: World,
  { releaseId }: PublishedModel,
  { operator: issuer, challenger, waiting }: Readonly<Record<"operator" | "challenger" | "waiting", number>>,
): Promise<Receipt[]> {
  const { chain } = world;
  const signer = chain.wallet(issuer);
  const operator: Hex = `0x${signer.address.slice(2)}`;
  const place = placeOf(world);
  const { receipts } = connect(world.deployment, signer);
  await (await receipts.addKey(operator, await signAs(signer, place, "Key", { operator }))).wait();
  await (await receipts.addReserve({ value: RESERVE })).wait();
  const { timestamp = 0 } = (await chain.provider.getBlock("latest")) ?? {};
  const { release } = await readRelease(world.contracts, chain.provider, releaseId);
  const issued = Array.from({ length: MAX_LIVE + waiting }, (_, i): Receipt => {
    const requestHash = keccak(new Uint8Array([i]));
    const hashes = { requestHash, inputsRoot: ZERO_HASH, outputHash: ZERO_HASH };
    return { ...hashes, releaseId, operator, issuedAt: timestamp, bondClass: 0 };
  });
  const theirs = connect(world.deployment, chain.wallet(challenger));
  await (await theirs.receiptsVault.deposit({ value: RESERVE })).wait();
  for (const receipt of issued) {
    const signature = await signAs(signer, place, "Receipt", receipt);
    await (await theirs.receipts.challenge(receipt, release, signature)).wait();
  }
  return issued;
}

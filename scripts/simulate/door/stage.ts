/** What the second door takes before the play begins: ports, reserves, deposits, and settings of those who answer or judge there. */
import { formatEther } from "ethers";
import type { Hex } from "../../../sdk/src/structs.ts";
import { TERMS_PATH, requiredSchema } from "../../../sdk/src/infer/wire.ts";
import { setTimeout as sleep } from "node:timers/promises";
import type { ConfigFile } from "../../../verifier/src/cli/config.ts";
import { freePort } from "../../anvil.ts";
import type { DeployedContracts } from "../../deployment.ts";
import type { Account } from "../accounts.ts";
import {
  CLIENT_DEPOSIT,
  CRANKS,
  MODELS,
  RECEIPT_BOND_CLASS,
  RECEIPT_PRICE,
  REDEEM_FROM,
  RESERVE,
  SELLERS,
  VERIFIERS,
  type CrankName,
  type ModelName,
  type SellerName,
  type VerifierName,
} from "../rules.ts";

type Keeper = SellerName | VerifierName;
/** Host and port of everybody who has a server. */
export type Doors = Readonly<Record<Keeper, string>>;

const LIMIT_MS = 300_000;

export async function findDoors(): Promise<Doors> {
  const doors: Partial<Record<Keeper, string>> = {};
  for (const name of [...SELLERS, ...VERIFIERS]) doors[name] = `127.0.0.1:${await freePort()}`;
  return doors as Doors;
}

/** Reserves behind receipts, what challenges of them lock, and the client's deposits. */
export async function fundDoor(
  { receipts, receiptsVault, deposits }: DeployedContracts,
  accounts: Readonly<Record<Keeper | CrankName | "client", Account>>,
): Promise<void> {
  const { client } = accounts;
  for (const name of SELLERS) {
    const { wallet, address } = accounts[name];
    await (await receipts.connect(wallet).addReserve({ value: RESERVE })).wait();
    const deposited = deposits
      .connect(client.wallet)
      .deposit(address, client.address, { value: CLIENT_DEPOSIT });
    await (await deposited).wait();
  }
  for (const name of [...VERIFIERS, ...CRANKS])
    await (await receiptsVault.connect(accounts[name].wallet).deposit({ value: RESERVE })).wait();
}

/** Settings of an honest operator. */
export function sellerConfig(releases: Readonly<Record<ModelName, Hex>>): ConfigFile {
  const price = formatEther(RECEIPT_PRICE);
  return {
    receiptPrices: Object.fromEntries(MODELS.map((name) => [releases[name], price])),
    receiptBondClass: RECEIPT_BOND_CLASS,
    redeemFrom: formatEther(REDEEM_FROM),
  };
}

async function isOpen(door: string): Promise<boolean> {
  try {
    const said = await fetch(`http://${door}${TERMS_PATH}`);
    return requiredSchema.parse(await said.json()).accepts.length === MODELS.length;
  } catch {
    return false;
  }
}

/** Resolves once all sellers answer for all models. @throws Error if that takes minutes. */
export async function doorsOpen(doors: Doors): Promise<void> {
  const until = Date.now() + LIMIT_MS;
  for (const name of SELLERS)
    while (!(await isOpen(doors[name]))) {
      if (Date.now() > until) throw new Error(`${name} does not answer over HTTP`);
      await sleep(500);
    }
}

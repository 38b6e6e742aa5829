/** The deployment: whether its contracts name each other, and whether requests are possible. */
import type { Contracts } from "../../../sdk/src/contracts.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import { fail, ok, warn, type Finding } from "./finding.ts";

/** @returns names of references that are not what the deployment file says. */
export async function miswired({
  vault,
  market,
  game,
  receipts,
  receiptsVault,
  receiptsGame,
  deployment: { addresses },
}: Contracts): Promise<string[]> {
  const expected: readonly (readonly [name: string, actual: Promise<string>, wanted: Hex])[] = [
    ["vault.registry", vault.registry(), addresses.registry],
    ["vault.market", vault.market(), addresses.market],
    ["vault.game", vault.game(), addresses.game],
    ["market.registry", market.registry(), addresses.registry],
    ["market.vault", market.vault(), addresses.vault],
    ["market.game", market.game(), addresses.game],
    ["game.market", game.market(), addresses.market],
    ["game.vault", game.vault(), addresses.vault],
    ["game.referee", game.referee(), addresses.referee],
    ["receiptsVault.registry", receiptsVault.registry(), addresses.registry],
    ["receiptsVault.market", receiptsVault.market(), addresses.receipts],
    ["receiptsVault.game", receiptsVault.game(), addresses.receiptsGame],
    ["receipts.market", receipts.market(), addresses.market],
    ["receipts.vault", receipts.vault(), addresses.receiptsVault],
    ["receipts.game", receipts.game(), addresses.receiptsGame],
    ["receiptsGame.market", receiptsGame.market(), addresses.receipts],
    ["receiptsGame.vault", receiptsGame.vault(), addresses.receiptsVault],
    ["receiptsGame.referee", receiptsGame.referee(), addresses.referee],
  ];
  const found = await Promise.all(
    expected.map(async ([name, actual, wanted]) => (sameHex(await actual, wanted) ? undefined : name)),
  );
  return found.filter((name) => name !== undefined);
}

/** @param now Chain time, unix seconds. */
export async function checkContracts(contracts: Contracts, now: number): Promise<Finding[]> {
  const wrong = await miswired(contracts);
  const pausedUntil = Number(await contracts.market.pausedUntil());
  return [
    wrong.length === 0
      ? ok("deployment", "the contracts name each other")
      : fail(
          "deployment",
          `${wrong.join(", ")}: not what the file says`,
          "do not stake: this is not one deployment. Get the file from its publisher again",
        ),
    ...(pausedUntil > now
      ? [
          warn(
            "market",
            `new requests are paused until ${new Date(pausedUntil * 1000).toISOString()}`,
            "wait: answers and disputes go on as usual",
          ),
        ]
      : []),
  ];
}

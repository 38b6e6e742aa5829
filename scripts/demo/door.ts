/** The second door: answers over HTTP for signed receipts, and what becomes of a wrong one. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseEther } from "ethers";
import { bondOfClass } from "../../sdk/src/receipts.ts";
import { assay } from "./cast.ts";
import { RECEIPT_BOND_CLASS, RESERVE, testSet, type Stage } from "./stage.ts";

export interface Door {
  /** Digit that the honest operator's answer says. */
  readonly digit: number;
  readonly slashedWei: bigint;
  /** What the verifier won by the wrong receipt. */
  readonly wonWei: bigint;
  /** Everything that the two contracts hold is somebody's. */
  readonly accounted: boolean;
}

const DEPOSIT = "0.01";

/** @throws Error if the wrong receipt is not slashed after `limitSeconds`. */
export async function throughTheDoor(
  { deployed, provider, actors, digits, door, session, directory }: Stage,
  say: (text: string) => void,
  limitSeconds: number,
): Promise<Door> {
  const { receipts, receiptsVault, deposits } = deployed;
  const until = Date.now() + 1000 * limitSeconds;
  const image = join(directory, "image.bin");
  writeFileSync(image, testSet("digits").inputs[0] ?? Buffer.alloc(64));
  const client = ["--data", join(directory, "client"), ...session("publisher")];

  async function ask(operator: "honest" | "liar"): Promise<Record<string, unknown>> {
    const { address } = actors[operator].wallet;
    await assay("deposit", "add", address, DEPOSIT, ...client);
    const from = ["--operator", address, "--endpoint", `http://${door[operator]}`, "--allow-private-content"];
    const out = ["--out", join(directory, `${operator}.receipt.json`), "--json"];
    for (;;)
      try {
        return JSON.parse(await assay("infer", digits, "--raw", image, ...from, ...out, ...client)) as Record<
          string,
          unknown
        >;
      } catch (error) {
        // The operator follows the chain a moment behind.
        if (Date.now() > until) throw error;
        await sleep(500);
      }
  }

  const { outputs } = await ask("honest");
  const { logits = [] } = outputs as { logits?: number[] };
  const digit = logits.indexOf(Math.max(...logits));
  say(
    `Over HTTP, for a voucher and without a transaction, honest says that it is a ${digit}, and signs for it.`,
  );
  await ask("liar");
  say("liar signs for another digit. The client hands its receipt to the verifier's node.");
  const file = join(directory, "liar.receipt.json");
  await assay("receipt", "challenge", file, "--node", `http://${door.verifier}`, ...session("publisher"));

  const liar = actors.liar.wallet.address;
  const verifier = actors.verifier.wallet.address;
  const won = async (): Promise<bigint> => (await receiptsVault.accountOf(verifier)).freeWei - RESERVE;
  while ((await won()) <= 0n) {
    if (Date.now() > until) throw new Error(`the wrong receipt is not slashed after ${limitSeconds} s`);
    await sleep(300);
  }
  const left = (await receipts.reserveOf(liar)).reserveWei;
  say("The referee has overturned the receipt: its bond has left liar's reserve.");
  const honestReserve = (await receipts.reserveOf(actors.honest.wallet.address)).reserveWei;
  const held = await provider.getBalance(await receiptsVault.getAddress());
  const burned = await receiptsVault.burnedWei();
  const { freeWei, lockedWei } = await receiptsVault.accountOf(verifier);
  const inDeposits = await provider.getBalance(await deposits.getAddress());
  return {
    digit,
    slashedWei: RESERVE - left,
    wonWei: await won(),
    accounted:
      held === freeWei + lockedWei + burned + left + honestReserve && inDeposits === 2n * parseEther(DEPOSIT),
  };
}

/** What should have happened. */
export function factsOfDoor(door: Door, label: number): readonly (readonly [string, boolean])[] {
  const bond = bondOfClass(RECEIPT_BOND_CLASS);
  return [
    [`over HTTP the right digit was signed for, a ${label}`, door.digit === label],
    ["the wrong receipt cost its operator its whole bond", door.slashedWei === bond],
    ["a quarter of which the verifier got that it was handed to", door.wonWei === bond / 4n],
    ["every wei of reserves and deposits is accounted for", door.accounted],
  ];
}

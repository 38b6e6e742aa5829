/** `assay stake`, `withdraw`, `status`: ETH in the vault. */
import type { Command } from "commander";
import { formatEther } from "ethers";
import type { Hex } from "../../../sdk/src/structs.ts";
import { freshKey } from "../chain/outbox/intent.ts";
import { print } from "./output.ts";
import {
  addressOf,
  etherOf,
  openSender,
  openSession,
  openSigner,
  withChain,
  type Session,
} from "./session.ts";

interface JsonFlag {
  readonly json?: boolean;
}

/** Sends one call to the vault and prints where the account stands then. */
async function move(
  session: Session,
  label: string,
  data: string,
  value: bigint,
  json: boolean,
): Promise<void> {
  const sender = await openSender(session);
  const to = session.contracts.deployment.addresses.vault;
  const receipt = await sender.send({ key: freshKey(label), label, to, data, value });
  await printAccount(session, sender.address, json, receipt.hash);
}

async function printAccount(
  session: Session,
  owner: Hex,
  json: boolean,
  transaction?: string,
): Promise<void> {
  const { contracts, provider } = session;
  const [account, wallet, parameters] = await Promise.all([
    contracts.vault.accountOf(owner),
    provider.getBalance(owner),
    contracts.market.parameters(),
  ]);
  const { freeWei, lockedWei, activeSince } = account;
  print(
    json,
    [
      ["account", owner],
      ["free stake", `${formatEther(freeWei)} ETH (can be withdrawn or bonded)`],
      ["locked", `${formatEther(lockedWei)} ETH (bonds of answers and games that are not settled)`],
      ["active since", activeSince === 0n ? "never" : new Date(Number(activeSince) * 1000).toISOString()],
      ["wallet", `${formatEther(wallet)} ETH (pays for gas)`],
      ["shortest window", `${parameters.minWindow} s`],
      ["clocks", `operator ${parameters.operatorClock} s, challenger ${parameters.challengerClock} s`],
      ...(transaction === undefined ? [] : [["transaction", transaction] as const]),
    ],
    { account: owner, freeWei, lockedWei, activeSince, walletWei: wallet, transaction: transaction ?? null },
  );
}

export function addFunds(program: Command): void {
  withChain(program.command("stake <ether>"), true)
    .description("deposit ETH: what operators bond for answers and verifiers for challenges")
    .option("--json", "print JSON")
    .action(async (ether: string, { json }: JsonFlag, command: Command) => {
      const wei = etherOf(ether, "the stake");
      const session = await openSession(command);
      await move(
        session,
        "deposit",
        session.contracts.vault.interface.encodeFunctionData("deposit"),
        wei,
        json ?? false,
      );
    });

  withChain(program.command("withdraw <ether>").alias("unstake"), true)
    .description(
      "take free ETH out of the vault; what is locked follows when its answers and games are settled",
    )
    .option("--to <address>", "recipient (default: the key's account)")
    .option("--json", "print JSON")
    .action(async (ether: string, { json, to }: JsonFlag & { to?: string }, command: Command) => {
      const wei = etherOf(ether, "the amount");
      const session = await openSession(command);
      const recipient = to === undefined ? (await openSigner(session.config)).address : addressOf(to);
      const data = session.contracts.vault.interface.encodeFunctionData("withdraw", [wei, recipient]);
      await move(session, "withdraw", data, 0n, json ?? false);
    });

  withChain(program.command("status"), true)
    .description("show an account's stake, locks and balance")
    .option("--address <address>", "account (default: the key's)")
    .option("--json", "print JSON")
    .action(async ({ json, address }: JsonFlag & { address?: string }, command: Command) => {
      const session = await openSession(command);
      const owner = addressOf(address ?? (await openSigner(session.config)).address);
      await printAccount(session, owner, json ?? false);
    });
}

/** `assay stake` and `assay unstake`: ETH in the market's vault, or in that of the court for receipts. */
import type { Command } from "commander";
import { AssayError } from "../../../sdk/src/error.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { freshKey } from "../chain/outbox/intent.ts";
import { ether } from "../economics/ether.ts";
import { gasPriceOf } from "../economics/feePerGas.ts";
import { accountRows, readAccount, type AccountState, type VaultName } from "./account.ts";
import { note, print } from "./output.ts";
import { terminalProgress } from "./progress.ts";
import {
  accountOf,
  addressOf,
  amountOf,
  openSender,
  openSession,
  withChain,
  type Session,
} from "./session.ts";

interface StakeFlags {
  readonly receipts?: boolean;
  readonly json?: boolean;
}

function vaultOf({ receipts }: StakeFlags): VaultName {
  return receipts === true ? "receiptsVault" : "vault";
}

/** Kept in the wallet: a whole dispute of an ordinary model, and the deposit itself. */
const GAS_KEPT = 3_000_000n;

/** Checks a call to the vault and says what it will change, sends it, and prints where the account stands then. */
async function move(
  session: Session,
  vault: VaultName,
  call: { readonly label: string; readonly data: (account: Hex) => string; readonly value: bigint },
  effect: (before: AccountState) => string,
  json: boolean,
): Promise<void> {
  const { config, contracts, provider } = session;
  // Before anybody is asked for a password.
  const account = await accountOf(config, undefined);
  const before = await readAccount(contracts, provider, account, "latest", vault);
  note(effect(before));
  const sender = await openSender(session);
  const { label, value } = call;
  const to = contracts.deployment.addresses[vault];
  const { hash, fee } = await terminalProgress()("waiting for the transaction", () =>
    sender.send({ key: freshKey(label), label, value, to, data: call.data(sender.address) }),
  );
  const after = await readAccount(contracts, provider, sender.address, "latest", vault);
  const rows = [...accountRows(after, vault), ["gas", ether(fee)] as const, ["transaction", hash] as const];
  print(json, rows, { ...after, before, gasWei: fee, transaction: hash });
}

const ACTIVE_NOTE =
  "A deposit starts anew since when the account's stake counts: in open requests made before it, this operator's\n" +
  "turn comes last. Requests made later count all of it.";

async function stake(text: string, flags: StakeFlags, command: Command): Promise<void> {
  const wei = amountOf(text, "the stake");
  const vault = vaultOf(flags);
  const session = await openSession(command);
  const { contracts, provider } = session;
  const keptWei = GAS_KEPT * (await gasPriceOf(provider));
  const data = (): string => contracts.vault.interface.encodeFunctionData("deposit");
  const effect = ({ freeWei, lockedWei, walletWei }: AccountState): string => {
    if (walletWei - wei < keptWei) {
      const most = walletWei > keptWei ? walletWei - keptWei : 0n;
      throw new AssayError(
        "BAD_CONFIG",
        `the wallet has ${ether(walletWei)} and needs about ${ether(keptWei)} for the gas of a dispute: stake at most ${ether(most)}`,
      );
    }
    const known = freeWei + lockedWei;
    const wallet = `wallet ${ether(walletWei)} -> ${ether(walletWei - wei)} less gas`;
    if (vault === "receiptsVault")
      return `free for challenges of receipts ${ether(freeWei)} -> ${ether(freeWei + wei)}, ${wallet}`;
    return `stake ${ether(known)} -> ${ether(known + wei)}, ${wallet}\n${ACTIVE_NOTE}`;
  };
  await move(session, vault, { label: "deposit", data, value: wei }, effect, flags.json ?? false);
}

async function unstake(
  text: string,
  { to, ...flags }: StakeFlags & { to?: string },
  command: Command,
): Promise<void> {
  const wei = amountOf(text, "the amount");
  const recipient = to === undefined ? undefined : addressOf(to);
  const session = await openSession(command);
  const vault = vaultOf(flags);
  const data = (account: Hex): string =>
    session.contracts[vault].interface.encodeFunctionData("withdraw", [wei, recipient ?? account]);
  const effect = ({ freeWei, lockedWei, walletWei }: AccountState): string => {
    if (wei > freeWei)
      throw new AssayError(
        "BAD_CONFIG",
        vault === "vault"
          ? `only ${ether(freeWei)} is free; ${ether(lockedWei)} is locked until its answers are final and its disputes settled`
          : `only ${ether(freeWei)} is free in the receipts' vault; ${ether(lockedWei)} is locked: a reserve leaves by \`assay reserve leave\`, challenges when they are settled`,
      );
    const wallet =
      recipient === undefined
        ? `, wallet ${ether(walletWei)} -> ${ether(walletWei + wei)} less gas`
        : `, ${ether(wei)} to ${recipient}`;
    const what = vault === "vault" ? "free stake" : "free for challenges of receipts";
    return `${what} ${ether(freeWei)} -> ${ether(freeWei - wei)}${wallet}`;
  };
  await move(session, vault, { label: "withdraw", data, value: 0n }, effect, flags.json ?? false);
}

export function addStake(program: Command): void {
  withChain(program.command("stake <ether>"), true)
    .description("deposit ETH: what operators bond for answers and verifiers for challenges")
    .option("--receipts", "for challenges of receipts instead, which have a vault of their own")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Stake is locked for as long as an answer can be challenged, or a dispute lasts, and lost only by an answer or a
challenge that is judged wrong, or by missing a clock. Gas is paid from the wallet, so some of it stays there.
A verifier that is to challenge receipts (answers over HTTP) needs --receipts too. What stands behind an operator's
own receipts is its reserve: \`assay reserve add\`.

  $ assay stake 2
  $ assay stake 0.5 --receipts`,
    )
    .action(stake);

  withChain(program.command("unstake <ether>").alias("withdraw"), true)
    .description("take free ETH out of the vault")
    .option("--to <address>", "recipient (default: the key's account)")
    .option("--receipts", "out of the receipts' vault")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
What is locked can follow when its answers are final and its disputes are settled; a running node sees to that.

  $ assay unstake 0.5
  $ assay unstake 0.5 --to 0x52908400098527886E0F7030069857D2E4169EE7`,
    )
    .action(unstake);
}

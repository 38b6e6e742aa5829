/** `assay deposit`: what clients pay answers over HTTP from. */
import type { Command } from "commander";
import { getAddress, VoidSigner } from "ethers";
import { readFileSync } from "node:fs";
import type { Contracts } from "../../../sdk/src/contracts.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { createInferenceClient } from "../../../sdk/src/infer/client.ts";
import { accountOf as depositOf, type DepositAccount } from "../../../sdk/src/infer/deposits.ts";
import { fileStore } from "../../../sdk/src/infer/fileStore.ts";
import type { Ledger } from "../../../sdk/src/infer/ledger.ts";
import { readFunded } from "../../../sdk/src/infer/survey.ts";
import { sameHex, ZERO_ADDRESS, type Hex } from "../../../sdk/src/structs.ts";
import { freshKey } from "../chain/outbox/intent.ts";
import { ether } from "../economics/ether.ts";
import { time } from "../inspect/text.ts";
import { inferenceDirectory } from "./infer.ts";
import { note, print, type Row } from "./output.ts";
import { terminalProgress } from "./progress.ts";
import {
  accountOf,
  addressOf,
  amountOf,
  etherOf,
  openSender,
  openSession,
  SETTINGS,
  withChain,
  type Session,
} from "./session.ts";
import { openWallet } from "./signer.ts";

interface DepositFlags {
  readonly payer?: string;
  readonly to?: string;
  readonly json?: boolean;
}

interface Held extends DepositAccount {
  readonly operator: Hex;
  readonly signed: Ledger | undefined;
}

/** What this machine has signed; undefined also while another command has the directory. */
async function ledgersOf({ config, contracts }: Session, client: Hex, operators: readonly Hex[]) {
  const { chainId, addresses } = contracts.deployment;
  const found = new Map<Hex, Ledger>();
  try {
    const store = await fileStore(inferenceDirectory(config));
    for (const operator of operators) {
      const ledger = await store.ledger({ chainId, deposits: addresses.deposits, client, operator });
      if (ledger !== undefined) found.set(operator, ledger);
    }
    await store.close();
  } catch (error) {
    if (!(error instanceof AssayError) || error.code !== "STATE_LOCKED") throw error;
    note("what was signed is not shown: another command is just paying");
  }
  return found;
}

function leftWei({ depositWei, redeemedWei }: Pick<DepositAccount, "depositWei" | "redeemedWei">): bigint {
  return depositWei - redeemedWei;
}

function rowsOf({ operator, signer, leavesAt, signed, ...account }: Held): Row[] {
  const spent =
    signed === undefined
      ? []
      : [
          [
            "  signed",
            `${ether(signed.signedWei)} in all, ${ether(signed.obtainedWei)} of it for answers that came`,
          ] as const,
          ...(signed.open.length === 0
            ? []
            : [["  not answered", `${signed.open.length}: asked for again next time`] as const]),
        ];
  return [
    ["operator", operator],
    ["  deposit", `${ether(leftWei(account))} (${ether(account.redeemedWei)} redeemed before)`],
    ["  signer", sameHex(signer, ZERO_ADDRESS) ? "none: nothing was deposited" : signer],
    ...(leavesAt === 0 ? [] : [["  leaves", `can be withdrawn from ${time(leavesAt)} on`] as const]),
    ...spent,
  ];
}

async function held(session: Session, client: Hex, operators: readonly Hex[]): Promise<Held[]> {
  const ledgers = await ledgersOf(session, client, operators);
  return Promise.all(
    operators.map(async (operator) => ({
      ...(await depositOf(session.contracts, client, operator)),
      ...{ operator, signed: ledgers.get(operator) },
    })),
  );
}

async function call(
  session: Session,
  operator: Hex,
  label: string,
  encode: (contracts: Contracts, account: Hex) => string,
  { json, value = 0n }: { readonly json: boolean; readonly value?: bigint },
): Promise<void> {
  const sender = await openSender(session);
  const to = session.contracts.deployment.addresses.deposits;
  const data = encode(session.contracts, sender.address);
  const { hash } = await terminalProgress()("waiting for the transaction", () =>
    sender.send({ key: freshKey(label), label, to, data, value }),
  );
  const after = await held(session, sender.address, [operator]);
  print(json, [...after.flatMap(rowsOf), ["transaction", hash]], { ...after[0], transaction: hash });
}

/** A keystore's account, without its password where the file tells. */
async function addressIn(path: string, session: Session): Promise<Hex> {
  try {
    const { address }: { address?: unknown } = JSON.parse(readFileSync(path, "utf8")) as object;
    if (typeof address === "string") return addressOf(getAddress(address.replace(/^(0x)?/, "0x")));
  } catch {
    // Its own error says what is wrong.
  }
  return addressOf((await openWallet(path, session.config)).address);
}

async function add(operatorText: string, text: string, flags: DepositFlags, command: Command): Promise<void> {
  const operator = addressOf(operatorText);
  const value = amountOf(text, "the deposit");
  const session = await openSession(command);
  const client = await accountOf(session.config, undefined);
  const before = await depositOf(session.contracts, client, operator);
  const wanted = flags.payer === undefined ? undefined : await addressIn(flags.payer, session);
  const signer = wanted ?? (sameHex(before.signer, ZERO_ADDRESS) ? client : before.signer);
  if (!sameHex(before.signer, ZERO_ADDRESS) && !sameHex(before.signer, signer))
    throw new AssayError(
      "BAD_CONFIG",
      `the deposit's signer is ${before.signer} for ever: leave out --payer, or name the keystore of that key`,
    );
  note(`${ether(value)} more for ${operator}, spent by vouchers that ${signer} signs`);
  const encode = ({ deposits }: Contracts): string =>
    deposits.interface.encodeFunctionData("deposit", [operator, signer]);
  await call(session, operator, "deposit", encode, { json: flags.json ?? false, value });
}

async function leave(operatorText: string, flags: DepositFlags, command: Command): Promise<void> {
  const operator = addressOf(operatorText);
  const session = await openSession(command);
  const client = await accountOf(session.config, undefined);
  if (leftWei(await depositOf(session.contracts, client, operator)) === 0n)
    throw new AssayError("BAD_CONFIG", `${client} has no deposit for ${operator}: nothing can leave`);
  const encode = ({ deposits }: Contracts): string =>
    deposits.interface.encodeFunctionData("announceLeaving", [operator]);
  await call(session, operator, "announceLeaving", encode, { json: flags.json ?? false });
}

async function withdraw(operatorText: string, flags: DepositFlags, command: Command): Promise<void> {
  const operator = addressOf(operatorText);
  const to = flags.to === undefined ? undefined : addressOf(flags.to);
  const session = await openSession(command);
  const encode = ({ deposits }: Contracts, account: Hex): string =>
    deposits.interface.encodeFunctionData("withdraw", [operator, to ?? account]);
  await call(session, operator, "withdraw", encode, { json: flags.json ?? false });
}

async function show(
  operatorText: string | undefined,
  { address, json }: DepositFlags & { address?: string },
  command: Command,
): Promise<void> {
  const session = await openSession(command);
  const client = await accountOf(session.config, address);
  const operators =
    operatorText === undefined
      ? await readFunded(session.contracts, session.provider, client)
      : [addressOf(operatorText)];
  const found = await held(session, client, operators);
  const rows = found.flatMap(rowsOf);
  print(json ?? false, rows.length === 0 ? [["deposits", "none"]] : rows, found);
}

/** Needs no key: nothing is signed, or sent. */
async function acknowledge(
  operatorText: string,
  text: string,
  { json }: DepositFlags,
  command: Command,
): Promise<void> {
  const operator = addressOf(operatorText);
  const owedWei = etherOf(text, "what is owed");
  const session = await openSession(command);
  const { config, contracts, provider } = session;
  const client = await accountOf(config, undefined);
  const { depositWei } = await depositOf(contracts, client, operator);
  if (depositWei === 0n)
    throw new AssayError("BAD_CONFIG", `${client} has no deposit for ${operator}: nothing can be owed`);
  if (owedWei > depositWei)
    throw new AssayError(
      "BAD_CONFIG",
      `no more than the deposit can be owed, and that was ${ether(depositWei)} in all: look up the amount in what \`assay infer\` said`,
    );
  const store = await fileStore(inferenceDirectory(config));
  try {
    const options = { provider, store, client };
    const account = await createInferenceClient(contracts, new VoidSigner(client), options);
    const { obtainedWei } = await account.ledger(operator);
    if (owedWei <= obtainedWei)
      throw new AssayError(
        "BAD_CONFIG",
        `nothing to acknowledge: ${ether(obtainedWei)} are counted as bought of ${operator} already`,
      );
    note(
      `${ether(obtainedWei)} -> ${ether(owedWei)} counted as bought of ${operator}: the next voucher pays that too`,
    );
    await account.acknowledge(operator, owedWei);
  } finally {
    await store.close();
  }
  const after = await held(session, client, [operator]);
  print(json ?? false, after.flatMap(rowsOf), after[0]);
}

function withData(command: Command): Command {
  return command
    .optionsGroup(SETTINGS)
    .option("--data <dir>", "where `assay infer` keeps vouchers and receipts")
    .optionsGroup("Options:");
}

export function addDeposit(program: Command): void {
  const group = program
    .command("deposit")
    .description("pay for answers over HTTP: deposits, one for each operator");
  withData(withChain(group.command("add <operator> <ether>"), true))
    .description("deposit ETH that vouchers for this operator spend")
    .option(
      "--payer <file>",
      "keystore of a key of its own that signs them, for ever (default: the account's key)",
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Only this operator can redeem it, and only what vouchers of \`assay infer\` say. What is left returns three days
after \`assay deposit leave\`. With --payer the account's own key is not needed for each answer, and whoever gets
hold of the other one can spend no more than the deposit.

  $ assay deposit add 0x5290... 0.01`,
    )
    .action(add);
  withData(withChain(group.command("leave <operator>"), true))
    .description(
      "announce that the deposit leaves: the operator has three days to redeem, and answers no more",
    )
    .option("--json", "print JSON")
    .action(leave);
  withData(withChain(group.command("withdraw <operator>"), true))
    .description("take what is left, three days after `leave`")
    .option("--to <address>", "recipient (default: the key's account)")
    .option("--json", "print JSON")
    .action(withdraw);
  withData(withChain(group.command("acknowledge <operator> <ether>"), true))
    .description("count so much as bought of an operator, though there are no receipts of it here")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
For whoever lost the data directory, or paid from another one too: the operator then counts more as owed than this
machine knows of, \`assay infer\` says so, and signs nothing for the difference until it is acknowledged. Only if it is
true: the next voucher pays it. <ether> is all that was ever bought of the operator, as \`assay infer\` says it.

  $ assay deposit acknowledge 0x5290... 0.00031`,
    )
    .action(acknowledge);
  withData(withChain(group.command("show [operator]"), true))
    .description("deposits, and what was signed for and obtained")
    .option("--address <address>", "whose (default: the key's account)")
    .option("--json", "print JSON")
    .addHelpText("after", "\n  $ assay deposit show --json | jq '.[].depositWei'")
    .action(show);
}

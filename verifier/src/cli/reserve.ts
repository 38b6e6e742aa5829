/** `assay reserve`: what an operator locks behind its receipts. */
import type { Command } from "commander";
import { AssayError } from "../../../sdk/src/error.ts";
import { chainTime } from "../../../sdk/src/answer.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { freshKey } from "../chain/outbox/intent.ts";
import { ether } from "../economics/ether.ts";
import { time } from "../inspect/text.ts";
import { note, print, type Row } from "./output.ts";
import { readReserve, reserveRows } from "./reserveState.ts";
import { terminalProgress } from "./progress.ts";
import {
  accountOf,
  addressOf,
  amountOf,
  etherOf,
  openSender,
  openSession,
  withChain,
  type Session,
} from "./session.ts";

interface ReserveFlags {
  readonly to?: string;
  readonly address?: string;
  readonly json?: boolean;
}

interface Call {
  readonly label: string;
  readonly to: "receipts" | "receiptsVault";
  readonly data: string;
  readonly value?: bigint;
}

async function make(
  session: Session,
  calls: (account: Hex) => readonly Call[],
  json: boolean,
): Promise<void> {
  const { contracts } = session;
  const sender = await openSender(session);
  const transactions: string[] = [];
  for (const { label, to, data, value = 0n } of calls(sender.address)) {
    const sent = { key: freshKey(label), label, to: contracts.deployment.addresses[to], data, value };
    const { hash } = await terminalProgress()(`waiting for ${label}`, () => sender.send(sent));
    transactions.push(hash);
  }
  const after = await readReserve(contracts, sender.address);
  const rows = transactions.map((hash): Row => ["transaction", hash]);
  print(json, [...reserveRows(after), ...rows], { ...after, transactions });
}

async function add(text: string, { json }: ReserveFlags, command: Command): Promise<void> {
  const value = amountOf(text, "the reserve");
  const session = await openSession(command);
  const data = session.contracts.receipts.interface.encodeFunctionData("addReserve");
  await make(session, () => [{ label: "addReserve", to: "receipts", data, value }], json ?? false);
}

async function leave(text: string, { json }: ReserveFlags, command: Command): Promise<void> {
  const wei = etherOf(text, "the amount");
  const session = await openSession(command);
  const { contracts, config } = session;
  const { reserveWei } = await readReserve(contracts, await accountOf(config, undefined));
  if (wei > reserveWei)
    throw new AssayError(
      "BAD_CONFIG",
      `the reserve is ${ether(reserveWei)}: that is the most that can leave`,
    );
  note(`${ether(reserveWei - wei)} stays behind new receipts; what was announced before is replaced`);
  const data = contracts.receipts.interface.encodeFunctionData("announceLeaving", [wei]);
  await make(session, () => [{ label: "announceLeaving", to: "receipts", data }], json ?? false);
}

async function withdraw(flags: ReserveFlags, command: Command): Promise<void> {
  const to = flags.to === undefined ? undefined : addressOf(flags.to);
  const session = await openSession(command);
  const { contracts, config, provider } = session;
  const before = await readReserve(contracts, await accountOf(config, undefined));
  const due = before.leavesAt !== 0 && before.leavesAt <= (await chainTime(provider));
  if (due && before.onTrial + before.waiting > 0)
    throw new AssayError(
      "BAD_CONFIG",
      `${before.onTrial} receipts are on trial, ${before.waiting} challenges wait: nothing leaves before they are over`,
    );
  const leaving = before.leavingWei < before.reserveWei ? before.leavingWei : before.reserveWei;
  const wei = before.freeWei + (due ? leaving : 0n);
  if (wei === 0n)
    throw new AssayError(
      "BAD_CONFIG",
      before.leavesAt === 0
        ? "nothing is free: announce it first with `assay reserve leave`"
        : `${ether(before.leavingWei)} leaves from ${time(before.leavesAt)} on, not yet`,
    );
  const { receipts, receiptsVault } = contracts;
  const calls = (account: Hex): Call[] => [
    ...(due
      ? [
          {
            label: "withdrawReserve",
            to: "receipts",
            data: receipts.interface.encodeFunctionData("withdrawReserve"),
          } as const,
        ]
      : []),
    {
      ...{ label: "withdraw", to: "receiptsVault" },
      data: receiptsVault.interface.encodeFunctionData("withdraw", [wei, to ?? account]),
    },
  ];
  await make(session, calls, flags.json ?? false);
}

async function show({ address, json }: ReserveFlags, command: Command): Promise<void> {
  const { config, contracts } = await openSession(command);
  const state = await readReserve(contracts, await accountOf(config, address));
  print(json ?? false, reserveRows(state), state);
}

export function addReserve(program: Command): void {
  const group = program
    .command("reserve")
    .description("as an operator, stand behind receipts: what a wrong one costs is taken from the reserve");
  withChain(group.command("add <ether>"), true)
    .description("lock ETH behind the receipts that this account's keys sign")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Clients look whether it covers the bond of the next receipt. It is apart from the stake of \`assay stake\`.

  $ assay reserve add 1`,
    )
    .action(add);
  withChain(group.command("leave <ether>"), true)
    .description(
      "announce that so much leaves: it covers no new receipt, and can be withdrawn when the old ones have expired",
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nAbout nine days later `assay reserve withdraw` takes it. 0 takes the announcement back.",
    )
    .action(leave);
  withChain(group.command("withdraw"), true)
    .description("take what has left the reserve, and what is free in the receipts' vault")
    .option("--to <address>", "recipient (default: the key's account)")
    .option("--json", "print JSON")
    .action(withdraw);
  withChain(group.command("show"), true)
    .description("the reserve, what it covers, and what is on trial")
    .option("--address <address>", "whose (default: the key's account)")
    .option("--json", "print JSON")
    .action(show);
}

/** `assay receipt included|sample`: whether an operator stands by all that it gave. */
import type { Command } from "commander";
import { AssayError } from "../../../sdk/src/error.ts";
import {
  checkIncluded,
  readAnchored,
  sampleAnchored,
  type Anchored,
  type AnchorSource,
  type Inclusion,
} from "../../../sdk/src/infer/anchors.ts";
import { readReachable } from "../../../sdk/src/infer/survey.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import { createExchange } from "../http/exchange.ts";
import { time } from "../inspect/text.ts";
import { parseInteger, readReceipt } from "./arguments.ts";
import { EXIT, print, type Row } from "./output.ts";
import { terminalProgress } from "./progress.ts";
import { addressOf, openSession, withChain, type Session } from "./session.ts";

interface Flags {
  readonly endpoint?: string;
  readonly json?: boolean;
}

/** Asks the operator where it is said to be, or where it says so itself, until one place answers. */
async function asking<T>(
  { config, contracts, provider }: Session,
  operator: Hex,
  { endpoint }: Flags,
  ask: (options: AnchorSource) => Promise<T>,
): Promise<T> {
  const announced =
    endpoint === undefined
      ? (await readReachable(contracts, provider)).filter((one) => sameHex(one.operator, operator))
      : [{ endpoints: [endpoint], trusted: true }];
  const places = announced.flatMap(({ endpoints, trusted }) =>
    endpoints.map((base) => [base, trusted] as const),
  );
  const { exchange, close } = createExchange(config.allowPrivateContent ?? false);
  let failure: unknown = new AssayError(
    "NOT_FOUND",
    `${operator} announces no endpoint: give the one that you know, --endpoint`,
  );
  try {
    for (const [base, trusted] of places)
      try {
        return await ask({ endpoint: base, trusted, exchange });
      } catch (error) {
        if (error instanceof AssayError && error.code === "RPC_FAILED") throw error;
        failure = error;
      }
  } finally {
    close();
  }
  throw failure;
}

function periodText({ count, from, until }: Anchored): string {
  return `${count} receipts from ${time(from)} until ${time(until)}`;
}

function inclusionText({ state, index }: Inclusion): string {
  if (state === "included") return `included, as number ${index}`;
  if (state === "open") return "open: the operator has published no root for the time when it was issued";
  return "LEFT OUT: the operator has published a root for that time, and does not show this receipt under it";
}

async function included(path: string, flags: Flags, command: Command): Promise<void> {
  const file = readReceipt(path);
  const session = await openSession(command);
  const { operator, issuedAt } = file.receipt;
  const found = await terminalProgress()("asking the operator", () =>
    asking(session, operator, flags, (options) =>
      checkIncluded(session.contracts, session.provider, file, options),
    ),
  );
  const { anchored } = found;
  const rows: Row[] = [
    ["operator", operator],
    ["issued", time(issuedAt)],
    ...(anchored === undefined
      ? []
      : ([
          ["root", anchored.root],
          ["over", periodText(anchored)],
        ] satisfies Row[])),
    ["receipt", inclusionText(found)],
  ];
  print(flags.json ?? false, rows, found);
  if (found.state === "left out") process.exitCode = EXIT.wrong;
}

async function sample(
  who: string,
  flags: Flags & { readonly samples: number; readonly periods: number },
  command: Command,
): Promise<void> {
  const operator = addressOf(who);
  const session = await openSession(command);
  const { contracts, provider } = session;
  const progress = terminalProgress();
  const all = await progress("reading the chain", () => readAnchored(contracts, provider, operator));
  const chosen = all.slice(-flags.periods);
  if (chosen.length === 0) throw new AssayError("NOT_FOUND", `${operator} has published no roots`);
  const found = await progress("drawing receipts", async () => {
    const periods = [];
    for (const anchored of chosen) {
      const drawn = await asking(session, operator, flags, (options) =>
        sampleAnchored(contracts, anchored, flags.samples, options),
      );
      periods.push({ ...anchored, drawn });
    }
    return periods;
  });
  const rows: Row[] = [["operator", operator]];
  for (const { drawn, ...anchored } of found) {
    const wrong = drawn.filter((one) => one.wrong !== undefined);
    rows.push(["root", anchored.root], ["over", periodText(anchored)]);
    rows.push([
      "drawn",
      `${drawn.length}, of which ${drawn.length - wrong.length} are there as they should be`,
    ]);
    for (const one of wrong) rows.push(["WRONG", `number ${one.index}: ${one.wrong}`]);
  }
  print(flags.json ?? false, rows, { operator, periods: found });
  if (found.some(({ drawn }) => drawn.some((one) => one.wrong !== undefined))) process.exitCode = EXIT.wrong;
}

export function addAnchored(group: Command): void {
  withChain(group.command("included <file>"), false)
    .description("whether the operator has published that it gave this receipt")
    .option("--endpoint <url>", "where the operator is (default: as it announced)")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
An operator may publish a Merkle root of all receipts that it gave in a period. One that leaves a receipt out says that
it never gave it, although its signature says that it did: that slashes nobody, and anybody can see it.

  $ assay receipt included receipt.json

Exit code 0: included, or no root yet; ${EXIT.wrong}: left out; ${EXIT.retryable}: the operator cannot be asked now.`,
    )
    .action(included);
  withChain(group.command("sample <operator>"), false)
    .description(
      "draw receipts under an operator's published roots, and check that each is there and binds it",
    )
    .option("--samples <n>", "receipts of each period", parseInteger, 16)
    .option("--periods <n>", "the newest so many", parseInteger, 1)
    .option("--endpoint <url>", "where the operator is (default: as it announced)")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
A receipt shows hashes, not input or output: whether an answer is right is for its client to have checked.

  $ assay receipt sample 0x5290...

Exit code ${EXIT.wrong}: some of them are not what the root says.`,
    )
    .action(sample);
}

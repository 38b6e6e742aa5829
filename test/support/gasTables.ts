/** The tables of docs/gas.md, from the committed figures. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { NETWORKS } from "../../scripts/networks/index.ts";

interface Steps {
  readonly instructions: number;
  readonly medianGas: number;
  readonly worstGas: number;
  readonly boundGas: number;
  readonly worstBytes: number;
  readonly boundBytes: number;
}

interface StepFigures {
  readonly all: Steps;
  readonly kinds: Readonly<Record<string, Steps>>;
}

interface Moves {
  readonly moves: number;
  readonly gas: number;
}

type Dispute = Moves & { readonly instruction: number } & Readonly<Partial<Record<MoveName, Moves>>>;

/** The settlement is two moves. */
const MOVES = ["challenge", "commitTrace", "openInput", "select", "reveal", "prove"] as const;
const SETTLE = ["settleGame", "settleBond"] as const;
type MoveName = (typeof MOVES)[number] | (typeof SETTLE)[number];

function figures(network: string, what: string): unknown {
  const file = join(import.meta.dirname, "..", "networks", `${network}.${what}.snapshot.json`);
  return JSON.parse(readFileSync(file, "utf8"));
}

function row(cells: readonly (string | number)[]): string {
  const text = cells.map((cell) => (typeof cell === "number" ? cell.toLocaleString("en") : cell));
  return `| ${text.join(" | ")} |`;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [row(head), `|${"---|".repeat(head.length)}`, ...rows.map(row)].join("\n");
}

const networks = Object.keys(NETWORKS);

function stepsTable(): string {
  const head = [
    "network",
    "instructions",
    "median gas",
    "worst gas",
    "its bound",
    "worst calldata",
    "its bound",
  ];
  const rows = networks.map((network) => {
    const { all } = figures(network, "steps") as StepFigures;
    const gas = [all.medianGas, all.worstGas, all.boundGas];
    return [network, all.instructions, ...gas, all.worstBytes, all.boundBytes];
  });
  return table(head, rows);
}

function dearestTable(): string {
  const rows = networks.map((network) => {
    const { kinds } = figures(network, "steps") as StepFigures;
    const sorted = Object.entries(kinds).toSorted(([, a], [, b]) => b.worstGas - a.worstGas);
    const most = Object.entries(kinds).toSorted(([, a], [, b]) => b.instructions - a.instructions);
    const [[dearest, { worstGas }], [usual, of]] = [sorted[0], most[0]] as [[string, Steps], [string, Steps]];
    return [network, usual, of.instructions, of.medianGas, dearest, worstGas];
  });
  return table(["network", "most frequent", "instructions", "median gas", "dearest", "worst gas"], rows);
}

function disputesTable(): string {
  const rows = networks.flatMap((network) => {
    const both = figures(network, "disputes") as Record<"median" | "worst", Dispute>;
    return (["median", "worst"] as const).map((which) => {
      const dispute = both[which];
      const gas = (name: MoveName): number => dispute[name]?.gas ?? 0;
      const settled = SETTLE.reduce((sum, name) => sum + gas(name), 0);
      return [network, which, ...MOVES.map(gas), settled, dispute.moves, dispute.gas];
    });
  });
  return table(["network", "instruction", ...MOVES, "settle", "transactions", "all"], rows);
}

interface Consumers {
  readonly pool: Readonly<Record<string, number>>;
  readonly credit: Readonly<Record<"file" | "borrow" | "finalizeWithoutCallback", number>> & {
    readonly views: Readonly<Record<"provisional" | "attested" | "finalById", number>>;
  };
  readonly door: Readonly<Record<string, number>>;
  readonly elements: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

function consumers(): Consumers {
  const file = join(import.meta.dirname, "../consumers.snapshot.json");
  return JSON.parse(readFileSync(file, "utf8")) as Consumers;
}

function pathsTable(): string {
  const { pool, credit, door } = consumers();
  const { views } = credit;
  const rows: readonly (readonly [string, number | undefined])[] = [
    ["`VolatilityPool.askForFee`: nine prices packed, request", pool["askForFee"]],
    ["its first answer, `finalize` with callback", pool["finalize"]],
    ["its later answers, `finalize` with callback", pool["finalizeLater"]],
    ["`VolatilityPool.swap`, with a price noted", pool["swapWithPriceLater"]],
    ["`CreditLine.file`: five numbers packed", credit.file],
    ["`finalize` of a request without callback", credit.finalizeWithoutCallback],
    ["`CreditLine.borrow`: attested answer, loan paid out", credit.borrow],
    ["`DigitDoor.handIn`: request with an image of 64 bytes", door["handIn"]],
    ["its answer, `finalize` with callback", door["finalize"]],
    ["of these: `AttestedConsumer._requireFinal`", views.attested],
    ["`AttestedConsumer._requireProvisional`", views.provisional],
    ["`Answers.requireFinal`, by id", views.finalById],
  ];
  return table(
    ["what", "gas"],
    rows.map(([what, gas]) => [what, gas ?? 0]),
  );
}

function elementsTable(): string {
  const { elements } = consumers();
  const cell = (gas: number | undefined): string | number => gas ?? "";
  const names: Readonly<Record<string, string>> = {
    f32Integers: "f32, 0 decimals",
    f32Of100Decimals: "f32, 100 decimals",
  };
  const rows = Object.entries(elements)
    .filter(([name]) => name !== "argmax" && name !== "plain")
    .map(([name, { pack, unpack, at, put }]) => [names[name] ?? name, ...[pack, unpack, at, put].map(cell)]);
  rows.push(["argmax of u8", "", "", cell(elements["argmax"]?.["u8"]), ""]);
  rows.push(["argmax of f32", "", "", cell(elements["argmax"]?.["f32"]), ""]);
  rows.push([
    "u32 in plain Solidity",
    cell(elements["plain"]?.["packU32"]),
    cell(elements["plain"]?.["unpackU32"]),
  ]);
  return table(
    ["element", "`pack`", "`unpack`", "`At`", "`put`"],
    rows.map((cells) => [...cells, ...Array<string>(5 - cells.length).fill("")]),
  );
}

/** By the name of the place where it stands. */
export const GAS_TABLES: Readonly<Record<string, () => string>> = {
  consumers: pathsTable,
  elements: elementsTable,
  steps: stepsTable,
  kinds: dearestTable,
  disputes: disputesTable,
};

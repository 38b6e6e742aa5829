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

/** By the name of the place where it stands. */
export const GAS_TABLES: Readonly<Record<string, () => string>> = {
  steps: stepsTable,
  kinds: dearestTable,
  disputes: disputesTable,
};

/** Measurements as text. */
import { table } from "table";
import type { Figure } from "./figure.ts";
import { THREADS, type Measurement } from "./measure.ts";

function rounded(value: number, digits: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

/** For a terminal. */
export function figureTable(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, value, unit, ratioToOnnxruntime: ratio }) => [
    ...[name, rounded(value, value < 10 ? 2 : 1), unit],
    ratio === undefined ? "" : `${ratio.toFixed(1)} x`,
  ]);
  const lines = { drawHorizontalLine: (i: number, n: number) => i < 2 || i === n };
  return table([["figure", "value", "unit", "onnxruntime"], ...rows], lines).trimEnd();
}

type Column = readonly [head: string, cell: (made: Measurement) => string];

const COLUMNS: readonly Column[] = [
  ["network", ({ network }) => network],
  ["onnxruntime, ms", ({ onnxruntimeMs }) => rounded(onnxruntimeMs, 1)],
  ["exact, 1 thread", (made) => ratio(made.aloneMs, made)],
  [`exact, ${THREADS} threads`, (made) => ratio(made.exactMs, made)],
  ["with trace root", (made) => ratio(made.traceMs, made)],
  ["constants, MB", ({ constantBytes }) => rounded(constantBytes / 1e6, 1)],
  ["lowering, ms", ({ lowerMs }) => rounded(lowerMs, 0)],
  ["commitment, MB/s", ({ commitMBs }) => rounded(commitMBs, 0)],
  ["instructions", ({ instructions }) => rounded(instructions, 0)],
  ["step, median gas", ({ stepGas }) => rounded(stepGas.median, 0)],
  ["step, worst gas", ({ stepGas }) => rounded(stepGas.worst, 0)],
  ["rounds", (made) => rounded(made.disputeRounds, 0)],
];

function ratio(ms: number, { onnxruntimeMs }: Measurement): string {
  return `${rounded(ms, 0)} ms, ${(ms / onnxruntimeMs).toFixed(1)} x`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** One row per network. */
export function markdownTable(measurements: readonly Measurement[]): string {
  const rows = measurements.map((made) => line(COLUMNS.map(([, cell]) => cell(made))));
  return (
    [line(COLUMNS.map(([head]) => head)), `|${"---|".repeat(COLUMNS.length)}`, ...rows].join("\n") + "\n"
  );
}

/** A check for people. Pure. */
import { table } from "table";
import type { CheckReport } from "./check.ts";
import { percent, type Finding } from "./findings.ts";

/** Entries of a finding that are printed; --json has all. */
const MOST_PLACES = 8;

const number = (value: number): string => (value === 0 ? "0" : value.toExponential(1));

const threadsOf = (count: number): string => `${count} thread${count === 1 ? "" : "s"}`;

function grid(rows: readonly (readonly string[])[]): string {
  return table(rows, { drawHorizontalLine: (i, n) => i < 2 || i === n }).trimEnd();
}

function outputTable({ outputs }: CheckReport): string {
  const rows = outputs.map(({ name, dtype, shape, kind, groups: { ordinary }, worst }) => [
    `${name}: ${dtype}[${shape.join(", ")}]`,
    kind,
    percent(ordinary.differing, ordinary.elements),
    number(ordinary.absolute),
    number(ordinary.relative),
    worst === undefined
      ? ""
      : `${worst.feed}, ${worst.settings.optimisation}, ${threadsOf(worst.settings.threads)}`,
  ]);
  return grid([["output", "kind", "differ", "worst error", "relative", "for"], ...rows]);
}

function configurationTable({ configurations }: CheckReport): string {
  const threads = [...new Set(configurations.map(({ settings }) => settings.threads))];
  const levels = [...new Set(configurations.map(({ settings }) => settings.optimisation))];
  const cell = (level: string, count: number): string => {
    const found = configurations.find(
      ({ settings }) => settings.optimisation === level && settings.threads === count,
    );
    if (found === undefined || found.deviation.elements === 0) return "-";
    const { differing, elements, scaled } = found.deviation;
    return scaled > 0 ? number(scaled) : `${percent(differing, elements)} differ`;
  };
  const rows = levels.map((level) => [level, ...threads.map((count) => cell(level, count))]);
  return grid([["optimisations", ...threads.map(threadsOf)], ...rows]);
}

function lines({ hazard, code, message, where }: Finding): string[] {
  const shown = where.slice(0, MOST_PLACES).map((place) => `    ${place}`);
  const rest = where.length > MOST_PLACES ? [`    and ${where.length - MOST_PLACES} more`] : [];
  return [`${hazard ? "HAZARD" : "note"} ${code}: ${message}`, ...shown, ...rest];
}

function advice({ proposal: { kind, atol, rtol, reason } }: CheckReport): string {
  if (kind === "equal") return `tolerance: 0 (${reason})`;
  if (kind === "tolerance")
    return `tolerance: --atol ${atol.toExponential()} --rtol ${rtol.toExponential()} (${reason})`;
  return (
    `tolerance: none is sound (${reason}). Publish with 0: operators then sign the exact interpreter's bytes and verifiers ` +
    "judge by it wherever onnxruntime differs, at the cost of an exact run"
  );
}

export function reportText(report: CheckReport): string {
  const { feeds, seed, scale, configurations, outputs, findings } = report;
  const count = (group: string): number => feeds.filter((feed) => feed.group === group).length;
  const differs = outputs.some(({ groups }) => groups.ordinary.differing > 0);
  return [
    `${feeds.length} inputs (${count("ordinary")} ordinary, ${count("extreme")} extreme, ${count("special")} with NaN or ` +
      `infinities; seed ${seed}), onnxruntime in ${configurations.length} configurations`,
    "Deviations for ordinary inputs:",
    outputTable(report),
    ...(differs
      ? [`|error| / (${number(scale)} + |exact|) by configuration:`, configurationTable(report)]
      : []),
    ...findings.flatMap(lines),
    advice(report),
    "",
  ].join("\n");
}

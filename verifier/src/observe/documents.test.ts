import { globSync, readFileSync } from "node:fs";
import { expect } from "chai";
import { z } from "zod/v4";
import { ALERTS } from "./alerts.ts";
import { MISSING } from "./readiness.ts";
import { createMetrics } from "./metrics.ts";

function read(path: string): string {
  return readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
}

/** Cells of the table whose head begins with these names. */
function tableOf(document: string, ...head: readonly string[]): string[][] {
  const lines = document.split("\n");
  const cells = (line: string): string[] =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("\\|", "|"));
  const start = lines.findIndex((line) => cells(line).join() === head.join());
  const rows = lines.slice(start + 2);
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith("|")),
    )
    .map(cells);
}

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly unit: string | undefined;
  readonly expressions: readonly string[];
}

const panelSchema = z
  .object({
    title: z.string(),
    type: z.enum(["row", "stat", "timeseries"]),
    gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
    datasource: z.object({ type: z.literal("prometheus"), uid: z.literal("${datasource}") }).optional(),
    targets: z.array(z.object({ expr: z.string().min(1), refId: z.string() })).default([]),
    fieldConfig: z.object({ defaults: z.object({ unit: z.string() }) }).optional(),
  })
  .transform(({ title, type, gridPos, targets, fieldConfig }): Panel => ({
    title,
    type,
    gridPos,
    unit: fieldConfig?.defaults.unit,
    expressions: targets.map(({ expr }) => expr),
  }));
const dashboardSchema = z.object({
  uid: z.string(),
  schemaVersion: z.number().min(36),
  templating: z.object({ list: z.array(z.object({ name: z.string(), type: z.string() })) }),
  panels: z.array(panelSchema),
});

interface Selector {
  readonly name: string;
  readonly labels: readonly string[];
}

/** Metrics that an expression reads, and the labels that it names for each. */
function selectorsOf(expression: string): Selector[] {
  const found = expression.matchAll(/\b(assay_\w+|process_\w+|nodejs_\w+)(?:\{([^}]*)\})?/g);
  const grouped = [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, names = ""]) =>
    names.split(/,\s*/),
  );
  return [...found].map(([, name = "", matchers = ""]) => ({
    name,
    labels: [...[...matchers.matchAll(/(\w+)\s*[=!]/g)].map(([, label = ""]) => label), ...grouped],
  }));
}

describe("documents", () => {
  const { definitions, registry } = createMetrics();
  const operations = read("docs/operations.md");
  const dashboard = dashboardSchema.parse(JSON.parse(read("verifier/grafana/assay.json")));
  const shown = dashboard.panels.flatMap(({ expressions }) => expressions);
  const rules = [...read("verifier/alerts.yml").matchAll(/^ +expr: (.+)$/gm)].map(([, rule = ""]) => rule);

  /** Labels by the names of series: a histogram has three. */
  const known = new Map<string, readonly string[]>();
  for (const { name, type, labels } of definitions) {
    if (type !== "histogram") known.set(name, labels);
    else for (const part of ["bucket", "count", "sum"]) known.set(`${name}_${part}`, [...labels, "le"]);
  }
  for (const { name } of registry.getMetricsAsArray())
    if (!name.startsWith("assay_")) known.set(name, ["type"]);

  function check(expressions: readonly string[]): void {
    for (const expression of expressions)
      for (const { name, labels } of selectorsOf(expression)) {
        expect([...known.keys()], expression).to.include(name);
        // Prometheus itself adds the last two.
        expect([...(known.get(name) ?? []), "instance", "job"], expression).to.include.members([...labels]);
      }
  }

  it("list all metrics as the code defines them", () => {
    expect(tableOf(operations, "name", "type", "labels", "what it says")).to.deep.equal(
      definitions.map(({ name, type, labels, help }) => [`\`${name}\``, type, labels.join(", "), help]),
    );
  });

  it("list no metric that the product does not set", () => {
    const files = globSync("verifier/src/**/*.ts", { cwd: new URL("../../..", import.meta.url) });
    const product = files
      .filter((file) => !file.endsWith(".test.ts"))
      .map(read)
      .join("\n");
    const others = ["registry", "definitions", "beforeScrape", "text"];
    const groups = Object.entries(createMetrics()).filter(([name]) => !others.includes(name));
    const handles = groups.flatMap(([group, of]) => Object.keys(of).map((name) => `${group}.${name}`));
    expect(handles).to.have.length(definitions.length);
    const isSet = (handle: string): boolean =>
      new RegExp(`\\b${handle}\\.(inc|set|setWei|addWei|observe|time|replace)\\(`).test(product);
    expect(isSet("chain.nothing")).to.equal(false);
    expect(handles.filter((handle) => !isSet(handle))).to.deep.equal(["money.profit"]);
  });

  it("list all alerts with what to do", () => {
    const table = tableOf(operations, "code", "severity", "when", "what to do");
    expect(table.map(([code, severity, , action]) => [code, severity, action])).to.deep.equal(
      Object.entries(ALERTS).map(([code, { severity, action }]) => [code, severity, `${action}.`]),
    );
    for (const [, , when] of table) expect(when).to.match(/\w{2}/);
  });

  it("name all that a node that is not ready may miss", () => {
    expect(operations).to.include(MISSING.join(", "));
  });

  it("show in the dashboard what exists, and everything that exists", () => {
    expect(shown.length).to.be.above(50);
    check(shown);
    const read = new Set(
      shown.flatMap(selectorsOf).map(({ name }) => name.replace(/_(bucket|count|sum)$/, "")),
    );
    // What runs is the choice of a node itself.
    read.add("assay_info");
    expect(definitions.map(({ name }) => name).filter((name) => !read.has(name))).to.deep.equal([]);
  });

  it("lay the dashboard out without gaps or overlaps, each panel with its unit", () => {
    const { panels } = dashboard;
    for (const { title, type, unit, expressions } of panels) {
      expect(unit === undefined, title).to.equal(type === "row");
      expect(expressions.length > 0, title).to.equal(type !== "row");
    }
    const squares = new Set<string>();
    for (const { title, gridPos } of panels)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(squares.has(`${x},${y}`), title).to.equal(false);
          expect(x).to.be.below(24);
          squares.add(`${x},${y}`);
        }
    const height = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h));
    expect(squares.size).to.equal(24 * height);
    expect(dashboard.templating.list.map(({ name }) => name)).to.deep.equal(["datasource", "instance"]);
  });

  it("alert by metrics and labels that exist", () => {
    expect(rules.length).to.be.above(10);
    check(rules);
    const severities = Object.values(ALERTS).map(({ severity }) => severity);
    for (const [, severity] of rules.join().matchAll(/severity="(\w+)"/g))
      expect(severities).to.include(severity);
  });

  it("would notice a metric or label that does not exist", () => {
    expect(() => check(["assay_no_such_thing > 0"])).to.throw();
    expect(() => check(['assay_alerts_active{colour="red"} > 0'])).to.throw();
    expect(() => check(["sum by (colour) (assay_alerts_active)"])).to.throw();
  });
});

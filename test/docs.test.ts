/** What the documents say is so: figures, links, commands, code. */
import { existsSync, globSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { RULES } from "../program/src/lower/ops/index.ts";
import { ECONOMY_TABLES } from "./support/economyTables.ts";
import { GAS_TABLES } from "./support/gasTables.ts";
import type { Figures } from "./support/snapshot.ts";

const ROOT = join(import.meta.dirname, "..");
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

const DOCUMENTS = [
  "README.md",
  "contracts/README.md",
  "sdk/README.md",
  "verifier/README.md",
  "explorer/README.md",
  "deployments/README.md",
  "examples/models/README.md",
  ...globSync("docs/**/*.md", { cwd: ROOT }),
];

function numbers(figures: Figures): number[] {
  return Object.values(figures).flatMap((figure) =>
    typeof figure === "object" ? numbers(figure) : [figure],
  );
}

describe("the documents", () => {
  it("link to files that exist", () => {
    for (const document of DOCUMENTS)
      for (const [, target = ""] of read(document).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
        if (target.includes(":")) continue;
        expect(existsSync(join(ROOT, dirname(document), target)), `${document}: ${target}`).to.equal(true);
      }
  });

  it("quote gas as measured", () => {
    const files = readdirSync(join(ROOT, "test")).filter((name) => name.endsWith(".snapshot.json"));
    const measured = files.flatMap((name) => numbers(JSON.parse(read(`test/${name}`)) as Figures));
    const [table = ""] = /## What it costs[\s\S]*?(?=\n## )/.exec(read("README.md")) ?? [];
    const [feeds = ""] = /\| gas \|[\s\S]*?(?=\n\n)/.exec(read("contracts/README.md")) ?? [];
    expect(feeds).to.include("poke");
    const quoted = [...`${table}${feeds}`.matchAll(/\d{1,3}(?:,\d{3})+/g)].map(([text]) =>
      Number(text.replaceAll(",", "")),
    );
    const cycle = JSON.parse(read("test/gas.snapshot.json")) as {
      firstRequestOfModel: Record<string, number>;
    };
    const first = Object.values(cycle.firstRequestOfModel).reduce((a, b) => a + b, 0);
    expect(quoted.length).to.be.greaterThan(4);
    for (const figure of quoted) expect([...measured, first], String(figure)).to.include(figure);
  });

  const generated = { "docs/gas.md": GAS_TABLES, "docs/economics.md": ECONOMY_TABLES };
  for (const [document, tables] of Object.entries(generated))
    it(`show in ${document} what was measured and computed`, () => {
      const page = read(document);
      const made = Object.entries(tables).reduce((text, [name, table]) => {
        const place = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- end -->)`);
        expect(text).to.match(place);
        return text.replace(place, (_, begin: string, end: string) => `${begin}\n${table()}\n\n${end}`);
      }, page);
      if (process.env["ASSAY_UPDATE_SNAPSHOT"] === "1") writeFileSync(join(ROOT, document), made);
      else expect(page).to.equal(made);
    });

  it("list every operator that is lowered, and no other", () => {
    const known = RULES.flatMap((table) => Object.keys(table)).toSorted();
    const [table = ""] = /## Operators[\s\S]*?(?=\n## )/.exec(read("docs/operators.md")) ?? [];
    const listed = [...table.matchAll(/^\| [^|]+ \| ([^|]+) \|$/gm)].slice(1).flatMap(([, cell = ""]) => {
      let domain = "";
      return cell
        .replace("; functions of the model", "")
        .split(", ")
        .map((name) => {
          const [, changed, operator = name] = /^([\w.]+): (.+)$/.exec(name) ?? [];
          domain = changed ?? domain;
          return domain === "" ? operator : `${domain}:${operator}`;
        });
    });
    expect(listed.toSorted()).to.deep.equal(known);
  });

  it("name npm scripts that exist", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    for (const document of DOCUMENTS)
      for (const [, name = ""] of read(document).matchAll(/npm run (?:-s )?([a-z:]+)/g))
        expect(Object.keys(scripts), document).to.include(name);
  });

  it("show a consumer that compiles", () => {
    const flat = (code: string): string => code.replace(/\s+/g, " ");
    const [, shown = ""] = /```solidity\n([\s\S]*?)```/.exec(read("README.md")) ?? [];
    const source = flat(read("contracts/examples/DigitReader.sol"));
    expect(shown.split("\n").length).to.be.greaterThan(8);
    for (const line of shown.split("\n")) expect(source).to.include(flat(line).trim());
  });
});

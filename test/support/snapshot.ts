/** Committed figures. To accept new ones: ASSAY_UPDATE_SNAPSHOT=1. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";

export type Figures = { readonly [name: string]: number | Figures };

function expectClose(figures: Figures, committed: Figures, share: number, path: string): void {
  expect(Object.keys(figures), path).to.have.members(Object.keys(committed));
  for (const [name, figure] of Object.entries(figures)) {
    const other = committed[name] ?? 0;
    const at = `${path}.${name}`;
    if (typeof figure === "object") expectClose(figure, typeof other === "object" ? other : {}, share, at);
    else expect(figure, at).to.be.closeTo(Number(other), Math.floor(Number(other) * share));
  }
}

/**
 * Expects figures as committed in test/NAME.snapshot.json.
 * @param share Allowed deviation, as a share of each figure.
 */
export function expectSnapshot(name: string, figures: Figures, share = 0): void {
  const file = join(import.meta.dirname, "..", `${name}.snapshot.json`);
  if (process.env["ASSAY_UPDATE_SNAPSHOT"] === "1")
    writeFileSync(file, JSON.stringify(figures, undefined, 2) + "\n");
  expectClose(figures, JSON.parse(readFileSync(file, "utf8")) as Figures, share, name);
}

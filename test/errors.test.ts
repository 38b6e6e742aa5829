/** docs/errors.md lists every code and every custom error that a caller meets, and no other. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { Interface } from "ethers";
import { ERROR_CODES } from "../sdk/src/error.ts";
import * as factories from "../types/ethers-contracts/index.js";

const PAGE = readFileSync(join(import.meta.dirname, "..", "docs", "errors.md"), "utf8");
const OPENZEPPELIN = /^(ERC721|AccessManage|ECDSA|InvalidShortString|StringTooLong)/;

interface Door {
  createInterface(): Interface;
}

/** Contracts by section of the page. */
const SECTIONS: Readonly<Record<string, readonly Door[]>> = {
  Market: [factories.InferenceMarket__factory],
  Vault: [factories.Vault__factory],
  "Dispute game": [factories.DisputeGame__factory],
  Referee: [factories.Referee__factory],
  Registry: [factories.ModelRegistry__factory],
  Directory: [factories.OperatorDirectory__factory],
  "Answers in contracts": [
    factories.Answers__factory,
    factories.InferenceConsumer__factory,
    factories.AttestedConsumer__factory,
  ],
  "Feeds and schedules": [
    factories.InferenceFeed__factory,
    factories.InferenceSchedule__factory,
    factories.StoredBytes__factory,
    factories.TimestampInput__factory,
  ],
  Receipts: [factories.Receipts__factory],
  Deposits: [factories.Deposits__factory],
  Tensors: [factories.Tensors__factory, factories.Elements__factory, factories.Floats__factory],
};

/** First cells of a section's table. */
function listed(heading: string): string[] {
  const [, part = ""] = PAGE.split(`\n${heading}\n`);
  const [section = ""] = part.split(/\n#+ /);
  return [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name = ""]) => name);
}

function errorsOf(doors: readonly Door[]): string[] {
  const names = new Set<string>();
  for (const door of doors)
    door.createInterface().forEachError(({ name }) => {
      if (!OPENZEPPELIN.test(name)) names.add(name);
    });
  return [...names];
}

describe("docs/errors.md", () => {
  it("lists every code, in the order of sdk/src/error.ts, with what to do", () => {
    expect(listed("## Codes")).to.deep.equal([...ERROR_CODES]);
  });

  for (const [section, doors] of Object.entries(SECTIONS))
    it(`lists the custom errors of: ${section}`, () => {
      const known = errorsOf(doors);
      expect(known.length).to.be.greaterThan(2);
      expect(listed(`### ${section}`)).to.have.members(known);
    });

  it("has no section of which nobody knows the contracts", () => {
    const headings = [...PAGE.matchAll(/^### (.+)$/gm)].map(([, name = ""]) => name);
    expect(headings).to.have.members(Object.keys(SECTIONS));
  });
});

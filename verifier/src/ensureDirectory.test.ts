import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { AssayError } from "../../sdk/src/error.ts";
import { failureOf } from "../test/failure.ts";
import { inferenceDirectory } from "./cli/infer.ts";
import { openStore } from "./content/store.ts";
import { writePrivate } from "./setup/write.ts";
import { openEmbedded } from "./state/embedded.ts";

describe("a data directory that is a file", () => {
  const folder = mkdtempSync(join(tmpdir(), "assay-directory-"));
  const data = join(folder, "file");
  before(() => writeFileSync(data, ""));
  after(() => rmSync(folder, { recursive: true }));

  const USES = {
    "model files": () => openStore(data),
    "what is below it": () => openStore(join(data, "content")),
    "the database": () => openEmbedded(join(data, "state")),
    vouchers: () => inferenceDirectory({ data }),
  };
  for (const [name, use] of Object.entries(USES))
    it(`is a wrong setting for ${name}`, async () => {
      const failure = await failureOf(Promise.resolve().then<unknown>(use));
      if (!(failure instanceof AssayError)) throw failure;
      expect(failure.code).to.equal("BAD_CONFIG");
      expect(failure.message).to.match(/^cannot use \/.* as the .*: E[A-Z]+: .*; choose another with --data/);
    });

  it("is one for a private file, of which nothing is left to remove", () => {
    expect(() => writePrivate(join(data, "config.json"), "{}"))
      .to.throw(AssayError, /^cannot write/)
      .with.property("code", "BAD_CONFIG");
  });
});

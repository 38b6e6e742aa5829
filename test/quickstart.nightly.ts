/** The quick starts, followed to the letter in a copy of the repository: a real chain, real nodes, a home of their own. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect } from "chai";
import { freePort } from "../scripts/anvil.ts";
import { openWalk, shows, type Walk } from "./support/walk.ts";

const ROOT = join(import.meta.dirname, "..");
const PAGES = join(ROOT, "docs", "quickstart");
const read = (name: string): string => readFileSync(join(PAGES, `${name}.md`), "utf8");

/** What a clone has, and what set-up makes in it; the packages are shared. */
function copyRepository(folder: string): void {
  const listed = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
  const files = execFileSync("git", listed, { cwd: ROOT, encoding: "utf8" }).split("\0").filter(Boolean);
  for (const path of [...files, "artifacts", "cache", "types", "program/build"])
    cpSync(join(ROOT, path), join(folder, path), { recursive: true, preserveTimestamps: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  // The compiler's cache knows sources by their places; what was compiled there is compiled here.
  const cache = join(folder, "cache", "compile-cache.json");
  const known = readFileSync(cache, "utf8");
  const [, place = ""] = /"([^"]*)\/contracts\/interfaces\/Types\.sol"/.exec(known) ?? [];
  writeFileSync(cache, known.replaceAll(`"${place}/`, `"${folder}/`));
}

describe("the quick starts", function () {
  this.timeout(600_000);
  let scratch = "";
  let chain: Walk;
  let open: () => Walk;

  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), "assay-quickstart-"));
    const [folder, home, bin] = ["clone", "home", "bin"].map((name) => join(scratch, name)) as [
      string,
      string,
      string,
    ];
    copyRepository(folder);
    mkdirSync(home);
    mkdirSync(bin);
    writeFileSync(join(bin, "npm"), `#!/bin/sh\nexec node ${join(ROOT, "test/support/npm.ts")} "$@"\n`);
    chmodSync(join(bin, "npm"), 0o755);
    const [rpc, http] = [await freePort(), await freePort()];
    const path = [bin, join(ROOT, "node_modules", ".bin"), process.env["PATH"] ?? ""].join(delimiter);
    const env = { PATH: path, HOME: home, LOCAL_RPC_URL: `http://127.0.0.1:${rpc}` };
    const replace = (text: string): string =>
      text.replaceAll(":8545", `:${rpc}`).replaceAll(":8600", `:${http}`);
    open = () => openWalk({ folder, env, replace });
    chain = open();
    await chain.page(read("README"));
  });

  after(async () => {
    await chain.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  for (const name of ["dapp-developer", "model-owner", "operator", "verifier"])
    it(`lead a reader of ${name}.md to what it shows`, async () => {
      const walk = open();
      try {
        // The shell of the page that comes first: its alias.
        const [, , prelude = ""] = /```sh\n(npm run deploy.*)\n([\s\S]*?)```/.exec(read("README")) ?? [];
        await walk.page(`\`\`\`sh\n${prelude}\`\`\`\n${read(name)}`);
      } finally {
        await walk.stop();
      }
    });

  it("would not believe anything", () => {
    expect(shows("a b\nc", "a …\nc")).to.equal(true);
    expect(shows("c\na b", "a …\nc")).to.equal(false);
    expect(shows("ab", "a")).to.equal(false);
  });
});

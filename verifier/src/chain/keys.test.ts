import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { AssayError } from "../../../sdk/src/error.ts";
import { createKeystore, importKeystore, openKeystore, readPassword } from "./keys.ts";

/** Anvil's first development key; worthless. */
const KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

async function messageOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return "";
  } catch (error) {
    return error instanceof AssayError ? `${error.code}: ${error.message}` : String(error);
  }
}

const PASSWORD = "correct horse";

describe("keystores", () => {
  let folder: string;
  const path = (name: string): string => join(folder, name);
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "assay-keys-"));
    writeFileSync(path("password"), `${PASSWORD}\n`);
    writeFileSync(path("key"), `${KEY}\n`);
    writeFileSync(path("zero"), "0".repeat(64));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("take a password from the first line of a file", () => {
    expect(readPassword(path("password"))).to.equal(PASSWORD);
    expect(() => readPassword(path("nowhere")))
      .to.throw(AssayError)
      .with.property("code", "BAD_KEYSTORE");
  });

  it("open with their password only, and are never replaced", async () => {
    const address = await createKeystore(path("new"), PASSWORD);
    expect((await openKeystore(path("new"), PASSWORD)).address).to.equal(address);
    expect(await messageOf(openKeystore(path("new"), "battery staple"))).to.match(
      /BAD_KEYSTORE.*wrong password/,
    );
    const before = readFileSync(path("new"), "utf8");
    expect(await messageOf(createKeystore(path("new"), PASSWORD))).to.match(/never replaced/);
    expect(readFileSync(path("new"), "utf8")).to.equal(before);
    expect(await messageOf(createKeystore(path("unlocked"), ""))).to.match(/empty/);
    const nowhere = await messageOf(createKeystore(path("nowhere/new"), PASSWORD));
    expect(nowhere)
      .to.match(/BAD_KEYSTORE: cannot write .*: ENOENT/)
      .and.not.to.match(/replaced/);
  });

  it("take in a key that exists, and say nothing of a bad one", async () => {
    const address = await importKeystore(path("key"), path("imported"), PASSWORD);
    expect(address).to.equal("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
    expect((await openKeystore(path("imported"), PASSWORD)).privateKey).to.equal(KEY);
    for (const bad of ["password", "zero"]) {
      const message = await messageOf(importKeystore(path(bad), path("bad"), PASSWORD));
      expect(message).to.match(/BAD_KEYSTORE: .*64 hex digits/);
      expect(message).not.to.include("horse");
    }
  });
});

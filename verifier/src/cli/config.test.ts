import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { AssayError } from "../../../sdk/src/error.ts";
import { configPath, contentOf, loadConfig, parseConfig, quorumOf, type Config } from "./config.ts";

const A = "http://a.example.org/key";
const B = "https://b.example.org/";

describe("settings", () => {
  const folder = mkdtempSync(join(tmpdir(), "assay-config-"));
  const before_ = process.env["ASSAY_CONFIG"];
  const file = (name: string, content: unknown): string => {
    writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
    return join(folder, name);
  };
  const codeFrom = (attempt: () => unknown): string => {
    try {
      attempt();
      return "none";
    } catch (error) {
      return error instanceof AssayError ? error.code : String(error);
    }
  };
  const codeOf = (path: string, flags = {}): string => codeFrom(() => loadConfig(path, flags));

  afterEach(() => {
    if (before_ === undefined) delete process.env["ASSAY_CONFIG"];
    else process.env["ASSAY_CONFIG"] = before_;
  });
  after(() => rmSync(folder, { recursive: true }));

  it("come from flags before the file; one endpoint need not be a list", () => {
    const path = file("whole.json", { rpc: A, role: "operator", workers: 3 });
    expect(loadConfig(path, { role: "verifier", json: true })).to.deep.equal({
      rpc: [A],
      role: "verifier",
      workers: 3,
    });
    expect(loadConfig(path, { rpc: [B, A] }).rpc).to.deep.equal([B, A]);
  });

  it("put files below the data directory unless told otherwise", () => {
    const path = file("data.json", { data: "/d" });
    expect(contentOf(loadConfig(path, {}))).to.equal(join("/d", "content"));
    expect(contentOf(loadConfig(path, { content: "/c" }))).to.equal("/c");
  });

  it("are found by --config, then by the environment, which may say: nowhere", () => {
    process.env["ASSAY_CONFIG"] = file("named.json", { workers: 7 });
    expect(loadConfig(undefined, {}).workers).to.equal(7);
    expect(configPath("given.json")).to.equal("given.json");
    process.env["ASSAY_CONFIG"] = "";
    expect(configPath()).to.equal(undefined);
  });

  it("are refused if they are wrong, unknown or unreadable; secrets have no place in them", () => {
    expect(codeOf(join(folder, "nowhere.json"))).to.equal("BAD_CONFIG");
    for (const wrong of [
      "{",
      { workers: 0 },
      { rpc: [] },
      { rpc: "ftp://a" },
      { password: "x" },
      { privateKey: "0x1" },
    ])
      expect(codeOf(file("wrong.json", wrong)), JSON.stringify(wrong)).to.equal("BAD_CONFIG");
    expect(codeOf(file("fine.json", {}), { auditShare: 2 })).to.equal("BAD_CONFIG");
    const endpoint = "an RPC endpoint is an http(s) or ws(s) address";
    for (const rpc of ["foo", ["foo"]]) expect(() => parseConfig({ rpc })).to.throw(endpoint);
    expect(() => parseConfig({ prices: { foo: "1" } })).to.throw("a release is 0x and 64 hex digits");
  });

  it("ask for no more endpoints that agree than there are, and for finality after a block at least", () => {
    const fine = file("fine.json", { rpc: [A, B], quorum: 2, finality: 1 });
    expect(loadConfig(fine, {})).to.include({ quorum: 2, finality: 1 });
    for (const wrong of [{ quorum: 0 }, { quorum: 1.5 }, { finality: 0 }, { finality: Number("x") }])
      expect(codeOf(fine, wrong), JSON.stringify(wrong)).to.equal("BAD_CONFIG");
    const code = (config: Config): string => codeFrom(() => quorumOf(config));
    expect([quorumOf({ rpc: [A, B] }), quorumOf({ rpc: [A, B], quorum: 2 })]).to.deep.equal([undefined, 2]);
    expect(code({ rpc: [A, B], quorum: 3 })).to.equal("BAD_CONFIG");
    expect(code({ quorum: 2 })).to.equal("BAD_CONFIG");
    // One that is named twice agrees with itself.
    expect(code({ rpc: [A, A], quorum: 2 })).to.equal("BAD_CONFIG");
  });
});

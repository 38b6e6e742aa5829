import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { codeOf } from "../../test/failure.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { fetchContent } from "./fetch.ts";
import { serveContent, type ContentServer } from "./server.ts";
import { openStore } from "./store.ts";

describe("content", () => {
  const folder = mkdtempSync(join(tmpdir(), "assay-content-"));
  const store = openStore(join(folder, "store"));
  const file = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251);
  const limits = { maxBytes: 200_000, timeoutMs: 5000 };
  let server: ContentServer;
  let hash: Hex;

  before(async () => {
    hash = await store.put(file);
    server = await serveContent(store, () => ({ ready: true, head: 7 }), "127.0.0.1", 0);
  });

  after(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  const urlOf = (name: string) => `${server.url}/content/${name.replace("0x", "")}`;
  it("serves a file to another node, past places that fail", async () => {
    const places = ["ipfs://unknown", "not a url", `${server.url}/nothing`, `${urlOf(hash)}#batch=1`];
    expect(await fetchContent(hash, places, limits)).to.deep.equal(file);
  });

  it("refuses wrong, missing and oversized files", async () => {
    const other: Hex = `0x${"ab".repeat(32)}`;
    expect(await codeOf(fetchContent(other, [urlOf(hash)], limits))).to.equal("CONTENT_MISMATCH");
    expect(await codeOf(fetchContent(other, [urlOf(other)], limits))).to.equal("CONTENT_UNAVAILABLE");
    expect(await codeOf(fetchContent(hash, [urlOf(hash)], { ...limits, maxBytes: 99_999 }))).to.equal(
      "CONTENT_TOO_LARGE",
    );
  });

  it("does not return a file that was damaged on disk", async () => {
    const damaged = await store.put(Uint8Array.of(1, 2, 3));
    writeFileSync(store.pathOf(damaged), "other");
    expect(await store.get(damaged)).to.equal(undefined);
    expect(await store.get(hash)).to.deep.equal(file);
  });

  it("answers health checks and nothing else", async () => {
    const health = await fetch(`${server.url}/health`);
    expect([health.status, await health.json()]).to.deep.equal([200, { ready: true, head: 7 }]);
    expect((await fetch(`${server.url}/content/..%2f..%2fpasswd`)).status).to.equal(404);
    expect((await fetch(urlOf(hash), { method: "POST" })).status).to.equal(405);
  });
});

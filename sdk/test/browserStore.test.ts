/** What a client must not forget, in a real browser. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { build } from "vite";
import { describeInBrowser, startBrowser } from "../../explorer/test/browser.ts";
import { freePort } from "../../scripts/anvil.ts";

const HTML = '<!doctype html><title>store</title><script type="module" src="store.js"></script>';

describeInBrowser("a client's store in a browser", function () {
  this.timeout(300_000);
  let folder: string;
  let server: Server;
  let url = "";
  let browser: Browser;
  let context: BrowserContext;

  async function open(): Promise<Page> {
    const page = await context.newPage();
    await page.goto(url);
    await page.waitForFunction("globalThis.page !== undefined");
    return page;
  }

  const call = async (page: Page, what: string): Promise<unknown> => page.evaluate(`globalThis.page.${what}`);
  const said = async (page: Page, what: string): Promise<unknown> =>
    JSON.parse(String(await call(page, what))) as unknown;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "assay-store-"));
    await build({
      ...{ configFile: false, logLevel: "silent", root: import.meta.dirname },
      build: {
        ...{ target: "es2023", outDir: folder },
        rolldownOptions: {
          input: { store: join(import.meta.dirname, "page", "store.ts") },
          output: { entryFileNames: "[name].js" },
        },
      },
    });
    const script = readFileSync(join(folder, "store.js"));
    const port = await freePort();
    server = createServer((request, response) => {
      const isScript = request.url === "/store.js";
      response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
      response.end(isScript ? script : HTML);
    });
    await new Promise<void>((ready) => server.listen(port, "127.0.0.1", ready));
    url = `http://127.0.0.1:${port}/`;
    browser = await startBrowser();
  });

  after(async () => {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true });
  });

  beforeEach(async () => {
    context = await browser.newContext();
  });

  afterEach(() => context.close());

  it("knows what was put into it, also after the page has gone without closing it", async () => {
    const first = await open();
    expect(await call(first, "open()")).to.equal("worked");
    expect(await said(first, "ledger()")).to.equal(null);
    await call(first, "order()");
    await call(first, "keepInput()");
    await call(first, "keepReceipts(900, 30, 2000000000, 900)");
    const ledger = await said(first, "ledger()");
    expect(ledger).to.deep.include({ obtainedWei: "0", signedWei: String(2n ** 91n) });
    await first.close();

    const next = await open();
    expect(await call(next, "open()")).to.equal("worked");
    expect(await said(next, "ledger()")).to.deep.equal(ledger);
    expect(await said(next, "other()")).to.equal(null);
    expect(await said(next, "input()")).to.deep.equal([1, 2, 3]);
    await call(next, "dropInput()");
    expect(await said(next, "input()")).to.deep.equal([]);
    const [times, oldest] = (await said(next, "receipts()")) as unknown[];
    expect(times).to.deep.equal([30, 900, 2_000_000_000]);
    expect(oldest).to.deep.equal(await said(next, "same(30)"));
    await call(next, "keepInput()");
    await call(next, "forget(900)");
    expect(((await said(next, "receipts()")) as unknown[])[0]).to.deep.equal([900, 2_000_000_000]);
    expect(await said(next, "input()")).to.deep.equal([1, 2, 3]);
    await call(next, "forget(4000000000)");
    expect(await said(next, "input()")).to.deep.equal([]);
  });

  it("changes a ledger for one at a time, and not if the change fails", async () => {
    const page = await open();
    await call(page, "open()");
    const totals = Array.from({ length: 50 }, (_, i) => String(i + 1));
    expect(await said(page, "raise(50)")).to.deep.equal(totals);
    expect(await said(page, "decline()")).to.deep.equal(["DECLINED", "51"]);
  });

  it("is one page's at a time", async () => {
    const [first, second] = [await open(), await open()];
    expect(await call(first, "open()")).to.equal("worked");
    expect(await call(second, "open()")).to.equal("STATE_LOCKED");
    expect(await call(first, "close()")).to.equal("CLOSED");
    expect(await call(second, "open()")).to.equal("worked");
  });

  it("signs nothing by a ledger that is damaged", async () => {
    const page = await open();
    await call(page, "open()");
    await said(page, "raise(1)");
    expect(await call(page, "damage()")).to.equal("STATE_FAILED");
  });
});

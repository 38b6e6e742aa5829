/** What people do on the pages, with a wallet. */
import { join } from "node:path";
import { expect } from "chai";
import type { Locator, Page } from "playwright-core";
import { connect } from "../../sdk/src/contracts.ts";
import { address, fromHex } from "../../sdk/src/structs.ts";
import { finished, launch } from "../../verifier/test/command.ts";
import { until } from "../../verifier/test/until.ts";
import { pass } from "../../verifier/test/world.ts";
import { seriousFindings } from "./browser.ts";
import { connectWallet, ROOT, VISITOR, type Stage } from "./stage.ts";

/** Moves the focus there with the Tab key alone. */
async function tabTo(page: Page, target: Locator, key = "Tab"): Promise<void> {
  await target.waitFor();
  for (let presses = 0; presses < 80; presses++) {
    if ((await target.and(page.locator(":focus")).count()) > 0) return;
    await page.keyboard.press(key);
  }
  throw new Error(`the ${key} key does not lead to ${target.toString()}`);
}

/** The page has arrived: its heading has the focus. */
async function arrived(page: Page, name: string): Promise<void> {
  await page.locator("h1:focus").filter({ hasText: name }).waitFor();
}

async function final(page: Page): Promise<void> {
  await page.getByRole("heading", { name: "Request", exact: true }).waitFor();
  await page.getByText("provisional from then on").waitFor();
  await page.getByText("final: it can never be overturned").waitFor();
}

export function actOnPages(on: () => Stage): void {
  it("asks by a drawing, through a wallet, until the answer is final", async () => {
    const { digits, node, open, picture } = on();
    const page = await open({ wallet: {} });
    await page.goto(`${node.url}/#/releases/${digits.releaseId}/ask`);
    await connectWallet(page);
    const pad = page.getByRole("application");
    await pad.scrollIntoViewIfNeeded();
    const box = await pad.boundingBox();
    if (box === null) throw new Error("there is no pad");
    const at = (x: number, y: number): [number, number] => [
      box.x + (x * box.width) / 8,
      box.y + (y * box.height) / 8,
    ];
    // A one.
    await page.mouse.move(...at(4.2, 1));
    await page.mouse.down();
    await page.mouse.move(...at(4.2, 7), { steps: 8 });
    await page.mouse.up();
    await picture(page, "ask");
    await page.getByRole("button", { name: "Send the request" }).click();
    await final(page);
    await page.getByText("largest").waitFor();
    expect(await page.locator(".bars .best .index").textContent()).to.equal("1");
    await picture(page, "request");
  });

  it("asks by the keyboard alone", async () => {
    const { digits, node, open } = on();
    const page = await open({ wallet: {} });
    await page.goto(`${node.url}/`);
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.locator("#main:focus").waitFor();
    await tabTo(page, page.getByRole("button", { name: "Connect wallet" }), "Shift+Tab");
    await page.keyboard.press("Enter");
    await tabTo(page, page.getByRole("button", { name: "Test wallet" }));
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: /^0x/ }).waitFor();
    await tabTo(page, page.getByRole("link", { name: "Models", exact: true }), "Shift+Tab");
    await page.keyboard.press("Enter");
    await arrived(page, "Models");
    await tabTo(page, page.getByTitle(digits.releaseId));
    await page.keyboard.press("Enter");
    await arrived(page, "Release of model 1");
    await tabTo(page, page.getByRole("link", { name: "Request an inference" }));
    await page.keyboard.press("Enter");
    await arrived(page, "Request an inference");
    await tabTo(page, page.getByRole("application"));
    for (const key of ["ArrowDown", ...Array.from({ length: 4 }, () => "ArrowRight")])
      await page.keyboard.press(key);
    for (let row = 1; row < 7; row++)
      for (const key of ["Space", "Space", "ArrowDown"]) await page.keyboard.press(key);
    await tabTo(page, page.getByRole("button", { name: "Send the request" }));
    await page.keyboard.press("Enter");
    await arrived(page, "Request");
    await page.getByText("provisional from then on").waitFor();
    const requestId = page.url().split("/").at(-1) ?? "";
    const { market } = on().world.contracts;
    const [asked] = await market.queryFilter(market.filters.Requested(requestId));
    const input = fromHex(`0x${String(asked?.args.input).slice(2)}`);
    expect([...input]).to.deep.equal(
      Array.from({ length: 64 }, (_, i) => (i % 8 === 4 && i >= 8 && i < 56 ? 16 : 0)),
    );
  });

  it("asks by uploading an input, and refuses what is none", async () => {
    const { world, digits, node, open, picture } = on();
    const page = await open({ wallet: {} });
    await page.goto(`${node.url}/#/releases/${digits.releaseId}/ask`);
    await connectWallet(page);
    await page.getByRole("radio", { name: "file" }).check();
    const upload = page.getByLabel(/64 raw bytes, or JSON/);
    const file = (name: string, text: string): { name: string; mimeType: string; buffer: Buffer } => ({
      ...{ name, mimeType: "application/json" },
      buffer: Buffer.from(text),
    });
    await upload.setInputFiles(file("short.json", "[1, 2, 3]"));
    await page.getByRole("alert").waitFor();
    const send = page.getByRole("button", { name: "Send the request" });
    expect(await send.isDisabled()).to.equal(true);
    await picture(page, "upload");
    expect(await seriousFindings(page)).to.deep.equal([]);
    const pixels = Array.from({ length: 64 }, (_, i) => i % 17);
    await upload.setInputFiles(file("digit.json", JSON.stringify({ pixels })));
    await send.click();
    await final(page);
    const requestId = page.url().split("/").at(-1) ?? "";
    const { market } = world.contracts;
    const [asked] = await market.queryFilter(market.filters.Requested(requestId));
    expect(asked?.args.input).to.equal(`0x${Buffer.from(pixels).toString("hex")}`);
  });

  it("sends nothing that the wallet declines, or on another chain", async () => {
    const { world, node, open, picture } = on();
    const account = world.chain.wallet(VISITOR).address;
    const before = await world.chain.provider.getTransactionCount(account);
    for (const wallet of [{ declines: true }, { elsewhere: true }]) {
      const page = await open({ wallet });
      await page.goto(`${node.url}/#/accounts/${account}`);
      await connectWallet(page);
      await page.getByLabel("Amount, ETH").fill("0.5");
      await page.getByRole("button", { name: "Deposit" }).click();
      await page.getByRole("alert").waitFor();
      expect(await page.getByRole("button", { name: "Deposit" }).isEnabled()).to.equal(true);
      await picture(page, wallet.declines === true ? "declined" : "elsewhere");
    }
    expect(await world.chain.provider.getTransactionCount(account)).to.equal(before);
  });

  it("deposits and withdraws stake, challenges an answer with it, and loses when it does not play", async () => {
    const { world, node, open, picture, ask } = on();
    const account = world.chain.wallet(VISITOR).address;
    const page = await open({ wallet: {} });
    await page.goto(`${node.url}/#/accounts/${account}`);
    await connectWallet(page);
    await page.getByLabel("Amount, ETH").fill("0.5");
    await page.getByRole("button", { name: "Deposit" }).click();
    await page.getByText("0.5 ETH are free to withdraw").waitFor();
    const { freeWei } = await world.contracts.vault.accountOf(account);
    expect(freeWei).to.equal(5n * 10n ** 17n);
    await picture(page, "account");
    await page.getByLabel("Amount, ETH").fill("0.1");
    await page.getByRole("button", { name: "Withdraw" }).click();
    await page.getByText("0.4 ETH are free to withdraw").waitFor();
    const { requestId } = await ask(node, 13, 900);
    await page.goto(`${node.url}/#/requests/${requestId}`);
    const challenge = page.getByRole("button", { name: "Challenge this answer" });
    await challenge.waitFor();
    expect(await challenge.isDisabled()).to.equal(true);
    const { game } = world.contracts;
    const commits = game.filters.TraceCommitted();
    const before = (await game.queryFilter(commits)).length;
    await page.getByLabel(/I have recomputed the answer/).check();
    await challenge.click();
    await page.getByText("This account has challenged the answer").waitFor();
    await page.getByRole("region", { name: "1 dispute" }).waitFor();
    await picture(page, "challenged");
    expect(await seriousFindings(page)).to.deep.equal([]);
    // The node commits its trace, and nobody points at anything in it while the challenger's minute passes.
    await until("the node commits its trace", async () => (await game.queryFilter(commits)).length > before);
    await pass(world, 61);
    await page.getByText("challenger lost").waitFor();
    await page.goto(`${node.url}/#/accounts/${account}`);
    await page.getByText("1 challenge lost").waitFor();
  });

  it("returns the fee of a request that nobody answered, and counts it against whom it named", async () => {
    const { world, node, open, picture, ask } = on();
    const silent = address.parse(world.chain.wallet(5).address);
    const { requestId, request } = await ask({ address: silent }, 3, 10);
    await pass(world, request.deadline - request.requestedAt + 10);
    const page = await open({ wallet: {} });
    await page.goto(`${node.url}/#/requests/${requestId}`);
    await connectWallet(page);
    await page.getByText("Nobody answered").waitFor();
    await page.getByRole("button", { name: "Return the fee" }).click();
    await page.getByText("Fee refunded").first().waitFor();
    await picture(page, "refunded");
    await page.goto(`${node.url}/#/accounts/${silent}`);
    await page.getByText("1 request for it alone left unanswered").waitFor();
  });

  it("publishes a model from what the command line says of its file, and shows who has it now", async () => {
    const { world, node, open, picture } = on();
    const file = join(ROOT, "examples", "models", "breast-cancer", "breast-cancer.onnx");
    const { code, stdout } = await finished(launch(["model", "inspect", file, "--json"]));
    expect(code).to.equal(0);
    const page = await open({ wallet: {} });
    await page.goto(`${node.url}/#/publish`);
    await connectWallet(page);
    await page.getByLabel("Output of the command").fill(stdout);
    await page.getByLabel("Where the file can be fetched").fill("https://models.example/breast-cancer.onnx");
    await page.getByLabel("Tolerance, absolute").fill("0.000001");
    await picture(page, "publish");
    expect(await seriousFindings(page)).to.deep.equal([]);
    await page.getByRole("button", { name: "Publish", exact: true }).click();
    await page.getByRole("heading", { name: "Release of model 2" }).waitFor();
    const releaseId = page.url().split("/").at(-1) ?? "";
    expect(await world.contracts.registry.termsOf(releaseId)).not.to.equal(0n);
    const [giver, taker] = [world.chain.wallet(VISITOR), world.chain.wallet(7).address];
    const promises = page.getByRole("region", { name: "What it promises" });
    await promises.getByTitle(giver.address).waitFor();
    const { registry } = connect(world.deployment, giver);
    await (await registry.transferFrom(giver.address, taker, 2)).wait();
    await promises.getByTitle(taker).waitFor();
  });
}

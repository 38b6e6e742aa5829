import { expect } from "chai";
import { digestOfFile } from "../../sdk/src/infer/store.ts";
import { actOnPages } from "./actions.ts";
import { describeInBrowser, overhang, seriousFindings } from "./browser.ts";
import { showPages } from "./pages.ts";
import { serveStatic } from "./static.ts";
import { setStage, type Stage } from "./stage.ts";

describeInBrowser("explorer in a browser", function () {
  this.timeout(600_000);
  let stage: Stage;

  before(async () => {
    stage = await setStage();
  });

  after(() => stage.strike());

  showPages(() => stage);
  actOnPages(() => stage);

  for (const dark of [false, true])
    it(`has no serious findings of axe${dark ? ", in the dark" : ", and fits a phone"}`, async () => {
      const { digits, honest, disputed, disputeId, wrong, waiting, node, open, picture } = stage;
      const { releaseId } = digits;
      const pages = [
        ...["/", "/models", "/publish", `/releases/${releaseId}`, `/releases/${releaseId}/ask`, "/requests"],
        ...[`/requests/${honest.requestId}`, `/requests/${disputed.requestId}`, "/disputes"],
        ...[`/requests/${digestOfFile(wrong)}`, `/requests/${waiting[0] ?? ""}`],
        ...[`/disputes/${disputeId}`, "/accounts", `/accounts/${node.address}`, "/roles", "/settings"],
        "/nowhere",
      ];
      const wide = await open({ dark, wallet: {} });
      // Only colours are others in the dark.
      const phone = dark ? undefined : await open({ width: 360, height: 740 });
      const rules = dark ? ["color-contrast"] : undefined;
      const findings: string[] = [];
      for (const path of pages)
        for (const page of phone === undefined ? [wide] : [wide, phone]) {
          await page.goto(`${node.url}/#${path}`);
          await page.locator("h1").waitFor();
          await page.getByText("up to block").waitFor();
          // What is opened by hand is part of the page.
          if (path === `/releases/${releaseId}`) {
            await page.getByRole("button", { name: "Show the graph" }).click();
            await page.getByRole("button", { name: "List the instructions" }).click();
          }
          if (path === `/disputes/${disputeId}`) await page.getByText(/operand elements$/).click();
          for (const finding of await seriousFindings(page, rules)) findings.push(`${path}: ${finding}`);
          const over = await overhang(page);
          if (over > 0) findings.push(`${path}: ${over} pixels too wide`);
          const name = path.replace(/0x([0-9a-fA-F]{4})[0-9a-fA-F]*/, "$1").replaceAll("/", "-");
          await picture(page, `${dark ? "dark" : "light"}-${page === phone ? "phone" : "wide"}${name}`);
        }
      await wide.getByRole("button", { name: "Connect wallet" }).click();
      await wide.getByRole("button", { name: "Test wallet" }).waitFor();
      findings.push(...(await seriousFindings(wide, rules)));
      await picture(wide, `${dark ? "dark" : "light"}-wallet`);
      expect(findings).to.deep.equal([]);
    });

  it("works from static files under any path, with an endpoint alone, and follows the chain", async () => {
    const { world, node, disputeId, wrong, open, picture, ask } = stage;
    const { url, server } = await serveStatic("/some/where/");
    try {
      const page = await open();
      // A link may propose an endpoint; a person decides.
      await page.goto(`${url}?rpc=${encodeURIComponent(world.chain.url)}#/disputes`);
      await page.getByRole("heading", { name: "Assay explorer" }).waitFor();
      expect(await seriousFindings(page)).to.deep.equal([]);
      await picture(page, "choose");
      await page.getByLabel("Deployment file").fill(JSON.stringify(world.deployment));
      await page.getByRole("button", { name: "Read from there" }).click();
      await page.getByRole("heading", { name: "Disputes", exact: true }).waitFor();
      await page.getByText("operator lost").first().waitFor();
      await page.goto(`${url}#/disputes/${disputeId}`);
      await page.getByText("The operator's trace").waitFor();
      await page.goto(`${url}#/roles`);
      await page.getByText("grant and take roles").waitFor();
      // An id of a request that nobody made.
      await page.goto(`${url}#/requests/0x${"00".repeat(32)}`);
      await page.getByRole("heading", { name: "No such request" }).waitFor();
      await page.goto(`${url}#/requests`);
      const { requestId } = await ask(node, 3, 10);
      await page.getByTitle(requestId).waitFor();
      await page.goto(`${url}#/requests/${digestOfFile(wrong)}`);
      await page.getByText("judged wrong", { exact: true }).waitFor();
    } finally {
      server.close();
    }
  });

  it("broke no rule of its own on the way", () => {
    expect(stage.complaints).to.deep.equal([]);
  });
});

/** What the pages show. */
import { expect } from "chai";
import { digestOfFile } from "../../sdk/src/infer/store.ts";
import { grouped } from "../src/ui/words.ts";
import type { Stage } from "./stage.ts";

export function showPages(on: () => Stage): void {
  it("shows what happened, as it happens", async () => {
    const { node, open, picture, ask } = on();
    const page = await open();
    const served = await page.goto(`${node.url}/`);
    expect(served?.headers()["content-security-policy"]).to.equal("frame-ancestors 'none'");
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    const counts = page.getByRole("list", { name: "Counts" });
    await counts.getByRole("link", { name: /1\s*release/ }).waitFor();
    await counts.getByRole("link", { name: /2\s*requests/ }).waitFor();
    await counts.getByRole("link", { name: /2\s*overturned/ }).waitFor();
    await picture(page, "overview");
    // Without a reload.
    await ask(node, 11, 10);
    await counts.getByRole("link", { name: /3\s*requests/ }).waitFor();
  });

  it("shows a release: owner, signature, tolerance, judge gas, offers, what the node found", async () => {
    const { world, digits, node, open, picture } = on();
    const { release } = digits;
    const page = await open();
    await page.goto(`${node.url}/#/models`);
    const row = page.getByRole("row", { name: /model 1/ });
    await row.getByText("re-derived", { exact: true }).waitFor();
    await row.getByText("exact", { exact: true }).waitFor();
    await row.getByText("by 1, from 0.001 ETH").waitFor();
    await picture(page, "models");
    await row.getByRole("link").first().click();
    await page.getByRole("heading", { name: "Release of model 1" }).waitFor();
    const promises = page.getByRole("region", { name: "What it promises" });
    await promises.getByTitle(world.chain.wallet(0).address).waitFor();
    await promises.getByText("none: answers are right to the last bit").waitFor();
    await promises.getByText(`at most ${grouped(release.stepGas)} gas for one element`).waitFor();
    await promises.getByText("lowered the file itself").waitFor();
    const tensors = page.getByRole("table", { name: "Inputs and outputs" });
    await tensors.getByRole("row", { name: /input pixels u8 1 × 1 × 8 × 8/ }).waitFor();
    await tensors.getByRole("row", { name: /output logits u8 1 × 10/ }).waitFor();
    const offers = page.getByRole("table", { name: "Offers, cheapest first" });
    await offers.getByTitle(node.address).waitFor();
    await offers.getByText("0.001 ETH", { exact: true }).waitFor();
    await page.getByText("agrees with the exact interpreter bit for bit").waitFor();
  });

  it("draws a model's graph from its inputs to its outputs", async () => {
    const { digits, node, open, picture } = on();
    const page = await open();
    await page.goto(`${node.url}/#/releases/${digits.releaseId}`);
    await page.getByRole("button", { name: "Show the graph" }).click();
    const graph = page.getByRole("group", { name: "Graph of the program" });
    for (const text of ["pixels: u8[1, 1, 8, 8]", "QLinearConv conv1", "logits: u8[1, 10]"])
      await graph.getByText(text).waitFor();
    expect(await graph.locator(".react-flow__edge").count()).to.be.at.least(8);
    await picture(page, "release");
    await page.getByRole("button", { name: "List the instructions" }).click();
    const table = page.getByRole("table", { name: "Instructions" });
    expect(await table.getByRole("row").count()).to.equal(digits.model.instructions + 1);
  });

  it("replays a dispute down to the number that decided it, and what that is made of", async () => {
    const { node, disputed, open, picture } = on();
    const page = await open();
    await page.goto(`${node.url}/#/requests/${disputed.requestId}`);
    await page.getByText("judged wrong").waitFor();
    await picture(page, "overturned");
    await page.getByRole("link", { name: "Replay" }).click();
    await page.getByRole("heading", { name: "Dispute", exact: true }).waitFor();
    await page.getByText("The operator's trace").waitFor();
    const values = await page.locator(".number .value").allTextContents();
    expect(values).to.have.length(2);
    // Byte 102 of its leaf: the third byte of element 25.
    expect(Number(values[0]) - Number(values[1])).to.satisfy(
      (apart: number) => apart !== 0 && Math.abs(apart) % 2 ** 16 === 0,
    );
    await page
      .getByText(/of instruction 3 \(/)
      .first()
      .waitFor();
    await page.getByText(/The first 64 of \d+ operand elements/).click();
    const operands = page.getByRole("table", { name: /Operand elements/ });
    expect(await operands.getByRole("row").count()).to.equal(65);
    const moves = await page.locator(".moves li").count();
    expect(moves).to.be.above(4);
    await picture(page, "dispute");
    await page.getByRole("group", { name: "Replay, arrow keys to step" }).focus();
    await page.keyboard.press("Home");
    await page.getByText(`Move 1 of ${moves}`).waitFor();
    await page.keyboard.press("ArrowRight");
    await page.getByText(`Move 2 of ${moves}`).waitFor();
  });

  it("lists trials of receipts, and says of each that input and output are not on chain", async () => {
    const { node, liar, wrong, waiting, open, picture } = on();
    const digest = digestOfFile(wrong);
    const page = await open();
    await page.goto(`${node.url}/#/disputes`);
    const all = page.getByRole("table", { name: "Disputes, newest first" });
    const row = all.getByRole("row").filter({ has: page.getByTitle(digest) });
    await row.getByText("receipt", { exact: true }).waitFor();
    await row.getByText("operator lost").waitFor();
    const line = page.getByRole("table", { name: "Challenges in line, the next first" });
    const places = line.getByRole("row").filter({ has: page.getByTitle(waiting[1] ?? "") });
    await places.getByText("1 ahead of it").waitFor();
    await picture(page, "receipts-disputes");
    await row.getByTitle(digest).click();
    await page.getByRole("heading", { name: "Receipt", exact: true }).waitFor();
    await page.getByText("Input and output are not on chain").waitFor();
    await page.getByText("judged wrong", { exact: true }).waitFor();
    await page.getByText("0.016 ETH").waitFor();
    expect(await page.getByRole("heading", { name: /^(Input|Answer)$/ }).count()).to.equal(0);
    await picture(page, "receipt");
    await page.getByRole("link", { name: "Replay" }).click();
    await page.getByRole("heading", { name: "Dispute", exact: true }).waitFor();
    await page.getByText("an answer over HTTP").waitFor();
    // The proof is read from the calldata of the receipts' game.
    await page.getByText("The operator's trace").waitFor();
    expect(await page.locator(".number .value").count()).to.equal(2);
    await picture(page, "receipt-dispute");
    // One that only waits, by its digest.
    await page.goto(`${node.url}/#/requests/${waiting[0] ?? ""}`);
    await page.getByText("waits for its trial", { exact: true }).waitFor();
    await page
      .getByRole("region", { name: "1 challenge in line" })
      .getByText("next", { exact: true })
      .waitFor();
    await picture(page, "receipt-waiting");
    // No requests of the market.
    await page.goto(`${node.url}/#/requests`);
    await page.getByRole("heading", { name: "Requests", exact: true }).waitFor();
    expect(await page.getByTitle(`0x${"00".repeat(20)}`).count()).to.equal(0);
    await page.goto(`${node.url}/#/accounts/${liar.address}`);
    await page.getByText("2 answers judged wrong").waitFor();
  });

  it("shows stake, record, earnings and faults of accounts, and who can do what", async () => {
    const { node, liar, open, picture } = on();
    const page = await open();
    await page.goto(`${node.url}/#/accounts`);
    const table = page.getByRole("table", { name: "Operators and verifiers, the most active first" });
    await table.getByRole("row").nth(2).waitFor();
    await picture(page, "accounts");
    await page.goto(`${node.url}/#/accounts/${liar.address}`);
    await page.getByRole("heading", { name: "Operator", exact: true }).waitFor();
    await page.getByText("2 answers judged wrong").waitFor();
    await page.getByText("1, of which 0 final and 0 open").waitFor();
    await page.goto(`${node.url}/#/accounts/${node.address}`);
    await page.getByText("2, of which 2 won").waitFor();
    await page.goto(`${node.url}/#/roles`);
    await page.getByText("grant and take roles").waitFor();
    await page.getByText("stop new requests, for at most 3 d, then not for 4 d").waitFor();
    await picture(page, "roles");
  });
}

/** What the pages show. */
import { expect } from "chai";
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
    await counts.getByRole("link", { name: /1\s*overturned/ }).waitFor();
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

  it("shows stake, record, earnings and faults of accounts, and who can do what", async () => {
    const { node, liar, open, picture } = on();
    const page = await open();
    await page.goto(`${node.url}/#/accounts`);
    const table = page.getByRole("table", { name: "Operators and verifiers, the most active first" });
    await table.getByRole("row").nth(2).waitFor();
    await picture(page, "accounts");
    await page.goto(`${node.url}/#/accounts/${liar.address}`);
    await page.getByRole("heading", { name: "Operator", exact: true }).waitFor();
    await page.getByText("1 answer judged wrong").waitFor();
    await page.getByText("1, of which 0 final and 0 open").waitFor();
    await page.goto(`${node.url}/#/accounts/${node.address}`);
    await page.getByText("1, of which 1 won").waitFor();
    await page.goto(`${node.url}/#/roles`);
    await page.getByText("grant and take roles").waitFor();
    await page.getByText("stop new requests, for at most 3 d, then not for 4 d").waitFor();
    await picture(page, "roles");
  });
}

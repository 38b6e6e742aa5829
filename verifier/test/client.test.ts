/** The commands of clients of answers over HTTP, against real nodes: an honest one, a liar, and a verifier. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { encryptKeystoreJson, parseEther } from "ethers";
import { freePort } from "../../scripts/anvil.ts";
import { connect } from "../../sdk/src/contracts.ts";
import { receiptFileSchema, requiredSchema, TERMS_PATH } from "../../sdk/src/infer/wire.ts";
import { toHex, type Hex } from "../../sdk/src/structs.ts";
import { recomputeWith } from "../../sdk/src/verify.ts";
import { exactOutput } from "../src/compute/exact.ts";
import { startNode, type RunningNode } from "../src/node.ts";
import type { OperatorParts } from "../src/roles/operator.ts";
import { digestSigner } from "../src/serve/digests.ts";
import { finished, launch, type Finished } from "./command.ts";
import { CHECKS_ALL, nodeOptions } from "./player.ts";
import { until } from "./until.ts";
import { exampleModel, pass, publishFile, startWorld, type PublishedModel, type World } from "./world.ts";

const PRICE = 10n ** 13n;
const RESERVE = 10n ** 18n;
const LIGHT = { scrypt: { N: 2, r: 8, p: 1 } };
const KEYS: Readonly<Record<number, Hex>> = { 1: `0x${"5e".repeat(32)}`, 2: `0x${"6e".repeat(32)}` };
const PIXELS = Array.from({ length: 64 }, (_, i) => (i * 5 + 3) % 17);
/** After validity and both clocks of a development chain. */
const RESERVE_LEAVES = 20 * 86_400;

describe("commands of answers over HTTP", function () {
  this.timeout(280_000);
  let world: World;
  let digits: PublishedModel;
  let operator: RunningNode;
  let liar: RunningNode;
  let verifier: RunningNode;
  const nodes: RunningNode[] = [];

  async function serve(account: number, parts: Partial<OperatorParts> = {}): Promise<RunningNode> {
    const { receipts } = connect(world.deployment, world.chain.wallet(account));
    await (await receipts.addReserve({ value: RESERVE })).wait();
    const port = await freePort();
    const options = {
      ...nodeOptions(world, account),
      operator: { serve: [digits.releaseId], minFee: 0n },
      http: { host: "127.0.0.1", port },
      announce: { endpoints: [`http://127.0.0.1:${port}`] },
      receipts: {
        ...{ releases: [digits.releaseId], priceWei: PRICE, bondClass: 4, answers: "checked" as const },
        ...{ signer: digestSigner(KEYS[account] ?? "0x"), redeemFromWei: 10n ** 18n, anchorSeconds: 10 },
      },
    };
    const node = await startNode(options, parts);
    nodes.push(node);
    return node;
  }

  const file = (name: string): string => join(world.folder, name);

  before(async () => {
    world = await startWorld();
    digits = await publishFile(world, exampleModel("digits"));
    operator = await serve(1);
    liar = await serve(2, {
      receipt: (_release, given) => {
        const output = exactOutput(digits.model, given);
        output[0] = (output[0] ?? 0) ^ 1;
        return Promise.resolve(output);
      },
    });
    const { receiptsVault } = connect(world.deployment, world.chain.wallet(3));
    await (await receiptsVault.deposit({ value: RESERVE })).wait();
    verifier = await startNode({
      ...{ ...nodeOptions(world, 3), ...CHECKS_ALL },
      http: { host: "127.0.0.1", port: 0 },
    });
    nodes.push(verifier);
    await Promise.all(nodes.map(({ ready }) => ready));
    for (const account of [6, 7]) {
      const { address, privateKey } = world.chain.wallet(account);
      writeFileSync(
        file(`key-${account}`),
        await encryptKeystoreJson({ address, privateKey }, "secret", LIGHT),
      );
    }
    writeFileSync(file("password"), "secret");
    writeFileSync(file("deployment.json"), JSON.stringify(world.deployment));
    writeFileSync(file("input.json"), JSON.stringify({ pixels: PIXELS }));
    mkdirSync(file("data"));
    for (const { url = "" } of [operator, liar])
      await until("it serves", async () => {
        const terms = requiredSchema.parse(await (await fetch(`${url}${TERMS_PATH}`)).json());
        return terms.accepts.length === 1;
      });
    await until("it is announced", async () => {
      const { directory } = world.contracts;
      return (await directory.queryFilter(directory.filters.EndpointsAnnounced())).length === 2;
    });
  });

  after(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
    await world.stop();
  });

  function assay(...args: readonly string[]): Promise<Finished> {
    return finished(launch([...args, "--rpc", world.chain.url, "--deployment", file("deployment.json")]));
  }
  const key = (account = 6): string[] => [
    "--keystore",
    file(`key-${account}`),
    "--password-file",
    file("password"),
  ];
  const data = (): string[] => ["--data", file("data")];
  const content = (): string[] => [...data(), "--content", world.contentDirectory, "--allow-private-content"];
  const infer = (...args: readonly string[]): Promise<Finished> =>
    assay("infer", digits.releaseId, "--input", file("input.json"), ...key(), ...content(), ...args);
  const said = ({ stdout }: Finished): Record<string, unknown> =>
    JSON.parse(stdout) as Record<string, unknown>;

  async function deposit(at: Hex): Promise<void> {
    const made = await assay("deposit", "add", at, "0.001", ...key(), ...data(), "--json");
    expect(made.code, made.stderr).to.equal(0);
    expect(said(made)).to.deep.include({ depositWei: String(10n ** 15n), operator: at });
  }

  it("say whom to pay", async () => {
    const { code, stderr } = await infer();
    expect(code, stderr).to.equal(1);
    expect(stderr)
      .to.include("PAYMENT_REQUIRED")
      .and.include(operator.address)
      .and.include("assay deposit add");
  });

  it("answer at once, and remember what was paid", async () => {
    await deposit(operator.address);
    let answered = await infer("--out", file("receipt.json"), "--json");
    // The operator follows the chain a moment behind.
    await until("it knows the deposit", async () => {
      if (answered.code !== 0) answered = await infer("--out", file("receipt.json"), "--json");
      return answered.code === 0;
    });
    const output = exactOutput(digits.model, Uint8Array.from(PIXELS));
    expect(said(answered)).to.deep.include({
      ...{ operator: operator.address, priceWei: String(PRICE), output: toHex(output) },
      outputs: { logits: Array.from(output) },
    });
    const receipt = receiptFileSchema.parse(JSON.parse(readFileSync(file("receipt.json"), "utf8")));
    expect(Buffer.from(receipt.output, "base64")).to.deep.equal(Buffer.from(output));
    const people = await infer("--max-price", "0.00001");
    expect(people.stdout).to.include("good until").and.include(Array.from(output).join(" "));
    expect((await infer("--max-price", "0.000001")).code).to.equal(1);
    const held = JSON.parse(
      (await assay("deposit", "show", ...key(), ...data(), "--json")).stdout,
    ) as unknown[];
    const signed = { obtainedWei: String(2n * PRICE), signedWei: String(2n * PRICE), open: [] };
    expect(held).to.have.length(1);
    expect(held[0]).to.deep.include({ operator: operator.address, signed });
    const rows = (await assay("deposit", "show", operator.address, ...key(), ...data())).stdout;
    expect(rows).to.include("for answers that came");
  });

  it("verify a receipt, and see when it is another's", async () => {
    const verified = await assay("receipt", "verify", file("receipt.json"), ...content());
    expect([verified.code, verified.stdout.includes("RIGHT")], verified.stderr).to.deep.equal([0, true]);
    const text = readFileSync(file("receipt.json"), "utf8");
    const parsed = JSON.parse(text) as { output: string; receipt: Record<string, unknown> };
    writeFileSync(
      file("altered.json"),
      JSON.stringify({ ...parsed, output: Buffer.alloc(10).toString("base64") }),
    );
    const altered = await assay("receipt", "verify", file("altered.json"), ...content(), "--json");
    expect(altered.code).to.equal(1);
    expect(said(altered)["result"]).to.deep.include({ verdict: "unchecked", code: "BAD_RECEIPT" });
    writeFileSync(file("noise.json"), "{}");
    expect((await assay("receipt", "verify", file("noise.json"), ...content())).code).to.equal(1);
  });

  it("show whether an operator stands by what it gave", async () => {
    const at = ["--endpoint", operator.url ?? ""];
    const included = (name: string): Promise<Finished> => assay("receipt", "included", file(name), ...at);
    let found = await included("receipt.json");
    await until("it is anchored", async () => {
      if (!found.stdout.includes("included, as number")) found = await included("receipt.json");
      return found.stdout.includes("included, as number");
    });
    expect(found.code, found.stderr).to.equal(0);
    const parsed = receiptFileSchema.parse(JSON.parse(readFileSync(file("receipt.json"), "utf8")));
    const other = { ...parsed, receipt: { ...parsed.receipt, bondClass: 5 } };
    writeFileSync(file("other.json"), JSON.stringify(other));
    const left = await included("other.json");
    expect([left.code, left.stdout.includes("LEFT OUT")], left.stderr).to.deep.equal([5, true]);
    const drawn = await assay("receipt", "sample", operator.address, ...at, "--periods", "9");
    expect([drawn.code, drawn.stdout.includes("WRONG")], drawn.stderr).to.deep.equal([0, false]);
    expect(drawn.stdout).to.match(/drawn +[1-9][0-9]*, of which [1-9]/);
    const nobody = await assay("receipt", "sample", verifier.address, ...at);
    expect([nobody.code, nobody.stderr.includes("has published no roots")]).to.deep.equal([1, true]);
  });

  it("pay on after a loss of the data directory, once what is owed is acknowledged", async () => {
    mkdirSync(file("lost"));
    const lost = ["--data", file("lost")];
    const ask = (): Promise<Finished> =>
      assay(
        ...["infer", digits.releaseId, "--input", file("input.json"), "--operator", operator.address],
        ...["--content", world.contentDirectory, "--allow-private-content", "--json", ...key(), ...lost],
      );
    const refused = await ask();
    expect(refused.code, refused.stderr).to.equal(1);
    const [, owed = ""] = /assay deposit acknowledge 0x\w{40} (\d\S*)/.exec(refused.stderr) ?? [];
    expect(parseEther(owed)).to.equal(2n * PRICE);
    const acknowledge = (ether: string): Promise<Finished> =>
      assay("deposit", "acknowledge", operator.address, ether, "--json", ...key(), ...lost);
    expect((await acknowledge("1")).code).to.equal(2);
    const done = await acknowledge(owed);
    expect(done.code, done.stderr).to.equal(0);
    expect(said(done)["signed"]).to.deep.include({ obtainedWei: String(2n * PRICE) });
    expect((await acknowledge(owed)).code).to.equal(2);
    const paid = await ask();
    expect(paid.code, paid.stderr).to.equal(0);
  });

  it("find a liar out, and take it to the referee", async () => {
    await deposit(liar.address);
    const ask = (...args: readonly string[]): Promise<Finished> =>
      infer("--operator", liar.address, "--out", file("wrong.json"), "--json", ...args);
    let lied = await ask();
    await until("it knows the deposit", async () => {
      if (lied.code !== 0) lied = await ask();
      return lied.code === 0;
    });
    const verified = await assay("receipt", "verify", file("wrong.json"), ...content());
    expect([verified.code, verified.stdout.includes("WRONG")], verified.stderr).to.deep.equal([5, true]);
    const check = recomputeWith({
      ...{ rpcUrl: world.chain.url, deployment: world.deployment, flags: content() },
      command: [process.execPath, join(import.meta.dirname, "..", "..", "bin", "assay.mjs")],
    });
    const files = ["receipt.json", "wrong.json"].map((name) =>
      receiptFileSchema.parse(JSON.parse(readFileSync(file(name), "utf8"))),
    );
    expect(await Promise.all(files.map(check))).to.deep.equal(["right", "wrong"]);
    const poor = await assay("receipt", "challenge", file("wrong.json"), ...key(7));
    expect([poor.code, poor.stderr.includes("--deposit")], poor.stderr).to.deep.equal([2, true]);
    const challenged = await assay(
      "receipt",
      "challenge",
      file("wrong.json"),
      "--deposit",
      ...key(7),
      "--json",
    );
    expect(challenged.code, challenged.stderr).to.equal(0);
    expect(challenged.stderr).to.include("assay node --role verifier");
    expect(said(challenged)).to.include({ begun: true });
    const judged = await ask("--audit", verifier.url ?? "");
    expect([judged.code, (said(judged)["judged"] as { state: string }).state]).to.deep.equal([5, "wrong"]);
    const handed = await assay(
      "receipt",
      "challenge",
      file("receipt.json"),
      "--node",
      verifier.url ?? "",
      "--json",
      ...key(7),
    );
    expect(said(handed)).to.deep.equal({ state: "right", challenge: "none" });
  });

  it("move an operator's reserve, and return what is left of a deposit", async () => {
    const reserve = (...args: readonly string[]): Promise<Finished> =>
      assay("reserve", ...args, ...key(7), "--json");
    const wei = (ether: number): string => String(BigInt(ether * 100) * 10n ** 16n);
    expect(said(await reserve("add", "0.5"))).to.include({ reserveWei: wei(0.5), coverWei: wei(0.5) });
    expect((await reserve("leave", "1")).code).to.equal(2);
    expect(said(await reserve("leave", "0.25"))).to.include({ coverWei: wei(0.25), leavingWei: wei(0.25) });
    const before = said(await reserve("show"));
    const none = await assay("deposit", "leave", verifier.address, ...key(), ...data());
    expect([none.code, none.stderr.includes("has no deposit")], none.stderr).to.deep.equal([2, true]);
    const left = await assay("deposit", "leave", operator.address, ...key(), ...data(), "--json");
    expect(left.code, left.stderr).to.equal(0);
    const early = await assay("deposit", "withdraw", operator.address, ...key(), ...data());
    expect([early.code, early.stderr.includes("LeavesLater")]).to.deep.equal([1, true]);
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
    await pass(world, RESERVE_LEAVES);
    const gone = said(await reserve("withdraw"));
    expect(gone).to.include({ reserveWei: wei(0.25), freeWei: "0" });
    expect(before["leavesAt"]).not.to.equal(0);
    const returned = await assay("deposit", "withdraw", operator.address, ...key(), ...data(), "--json");
    expect(said(returned)).to.include({ leavesAt: 0 });
  });
});

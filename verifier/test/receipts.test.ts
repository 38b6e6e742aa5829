/** What owners and challengers ask about receipts on trial; on a real chain with a real liar. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { encryptKeystoreJson } from "ethers";
import { z } from "zod/v4";
import { digestOfFile } from "../../sdk/src/infer/store.ts";
import { toJson, type ReceiptFile } from "../../sdk/src/infer/wire.ts";
import { bondOfClass, digestOf } from "../../sdk/src/receipts.ts";
import { exactOutput } from "../src/compute/exact.ts";
import { startNode, type RunningNode } from "../src/node.ts";
import { placeOf } from "./buyer.ts";
import { finished, launch, type Finished } from "./command.ts";
import { CHECKS_ALL, nodeOptions } from "./player.ts";
import {
  buyReceipt,
  fillLine,
  handTo,
  MAX_LIVE,
  RESERVE,
  standingOf,
  startReceiptLiar,
  urlOf,
} from "./receipts.ts";
import { until } from "./until.ts";
import {
  blocksPass,
  exampleModel,
  publishFile,
  startWorld,
  type PublishedModel,
  type World,
} from "./world.ts";

const CLASS = 4;

describe("receipts on trial", function () {
  this.timeout(280_000);
  let world: World;
  let digits: PublishedModel;
  let liar: RunningNode;
  let verifier: RunningNode;
  let file: ReceiptFile;
  let path: string;
  const nodes: RunningNode[] = [];

  const assay = (...args: readonly string[]): Promise<Finished> => {
    const [deployment, data] = [join(world.folder, "deployment.json"), join(world.folder, "command")];
    const where = ["--rpc", world.chain.url, "--deployment", deployment];
    const content = args[1] === "show" ? ["--content", world.contentDirectory, "--data", data] : [];
    return finished(launch([...args, ...where, ...content]));
  };

  const standing = (): ReturnType<typeof standingOf> => standingOf(verifier, digestOfFile(file));

  before(async () => {
    world = await startWorld();
    mkdirSync(join(world.folder, "command"));
    writeFileSync(join(world.folder, "deployment.json"), JSON.stringify(world.deployment));
    digits = await publishFile(world, exampleModel("digits"));
    liar = await startReceiptLiar(world, 2, digits, CLASS, {
      receipt: (_release, given) => {
        const output = exactOutput(digits.model, given);
        output[0] = (output[0] ?? 0) ^ 1;
        return Promise.resolve(output);
      },
    });
    nodes.push(liar);
    verifier = await startNode({
      ...nodeOptions(world, 3),
      ...CHECKS_ALL,
      http: { host: "127.0.0.1", port: 0 },
    });
    nodes.push(verifier);
    await Promise.all(nodes.map(({ ready }) => ready));
    file = await buyReceipt(world, 7, liar, digits);
    path = join(world.folder, "receipt.json");
    writeFileSync(path, toJson(file));
  });

  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await world.stop();
  });

  it("are none while nobody has challenged", async () => {
    const { code, stderr } = await assay("dispute", "show", path);
    expect([code, stderr]).to.deep.equal([
      1,
      `assay: NOT_FOUND: nobody has challenged this receipt, whose digest is ${digestOfFile(file)}\n`,
    ]);
    expect((await assay("dispute", "show", join(world.folder, "nothing.json"))).code).to.equal(2);
  });

  it("are not begun by a verifier that has nothing free for them, which says so", async () => {
    await handTo(verifier, file);
    await until("it is declined", async () => (await standing()).reason !== undefined);
    const declined = await standing();
    expect([declined.state, declined.challenge]).to.deep.equal(["wrong", "none"]);
    expect(declined.reason).to.match(
      /^free stake below what it could lock \(0 ETH < 0\.\d+ ETH\) in the receipts' vault/,
    );
    const metrics = await (await fetch(`${urlOf(verifier)}/metrics`)).text();
    expect(metrics).to.match(/^assay_stake_receipts_free_ether 0$/m);
    // Time for whoever would send a transaction all the same.
    await blocksPass(world);
    expect(await world.chain.provider.getTransactionCount(verifier.address)).to.equal(0);
    const told = await assay("receipt", "challenge", path, "--node", urlOf(verifier));
    expect(told.code, told.stderr).to.equal(0);
    expect(told.stdout).to.include("`assay stake ETHER --receipts` adds to it");
  });

  it("are won after a deposit, replayed by whatever names them, and listed", async () => {
    const receiptsVault = world.contracts.receiptsVault;
    const key = join(world.folder, "key.json");
    const password = join(world.folder, "password");
    writeFileSync(
      key,
      await encryptKeystoreJson(world.chain.wallet(3), "correct horse", { scrypt: { N: 1024 } }),
    );
    writeFileSync(password, "correct horse", { mode: 0o600 });
    const keyFlags = ["--keystore", key, "--password-file", password];
    const early = await assay("unstake", "0.1", "--receipts", ...keyFlags);
    expect([early.code, early.stdout]).to.deep.equal([2, ""]);
    const staked = await assay("stake", "1", "--receipts", "--json", ...keyFlags);
    expect(staked.code, staked.stderr).to.equal(0);
    const { transaction } = z.object({ transaction: z.string() }).parse(JSON.parse(staked.stdout));
    // At its own block: with the next one the verifier may have challenged.
    const blockTag = (await world.chain.provider.getTransactionReceipt(transaction))?.blockNumber ?? 0;
    expect((await receiptsVault.accountOf(verifier.address, { blockTag })).freeWei).to.equal(RESERVE);
    await until("overturned", async () => (await standing()).challenge === "won");
    const held = () => receiptsVault.accountOf(verifier.address);
    await until("paid", async () => (await held()).lockedWei === 0n);
    await until("the rest is burned", async () => {
      const { lockedWei } = await receiptsVault.accountOf(liar.address);
      return lockedWei === RESERVE - bondOfClass(CLASS);
    });
    const schema = z.object({
      ...{ requestId: z.string(), resultId: z.string(), disputeId: z.string().nullable() },
      receipt: z.object({ digest: z.string(), operator: z.string(), bondClass: z.number() }),
      ...{ state: z.string(), verdict: z.string() },
      moves: z.array(
        z.object({ event: z.string(), text: z.string(), paid: z.object({ gas: z.number() }).optional() }),
      ),
      decidedBy: z.object({ kind: z.string() }),
      money: z.object({ bondWei: z.string(), burnedWei: z.string(), unsettledWei: z.string() }),
    });
    const digest = digestOfFile(file);
    const byDigest = await assay("dispute", "show", digest, "--json");
    expect(byDigest.code, byDigest.stderr).to.equal(0);
    const shown = schema.parse(JSON.parse(byDigest.stdout));
    const bond = bondOfClass(CLASS);
    expect(shown.receipt).to.deep.equal({ digest, operator: liar.address, bondClass: CLASS });
    expect([shown.state, shown.verdict, shown.decidedBy.kind]).to.deep.equal([
      "overturned",
      "output",
      "output",
    ]);
    expect(shown.money).to.deep.equal({
      ...{ bondWei: String(bond), burnedWei: String(bond - bond / 4n), unsettledWei: "0" },
    });
    expect(shown.moves[0]?.event).to.equal("Challenged");
    expect(shown.moves.every(({ paid }) => paid !== undefined)).to.equal(true);
    const listed = await assay("dispute", "list", "--json");
    const entries = z
      .array(z.object({ disputeId: z.string(), receipt: z.string(), outcome: z.string() }))
      .parse(JSON.parse(listed.stdout));
    expect(entries.map(({ receipt, outcome }) => [receipt, outcome])).to.deep.equal([
      [digest, "operator lost"],
    ]);
    const disputeId = entries[0]?.disputeId ?? "";
    for (const name of [path, shown.requestId, shown.resultId, disputeId]) {
      const other = await assay("dispute", "show", name, "--json");
      expect(other.code, other.stderr).to.equal(0);
      const same = { ...shown, disputeId: name === disputeId ? disputeId : null };
      expect(schema.parse(JSON.parse(other.stdout)), name).to.deep.equal(same);
    }
    const back = await assay("unstake", "0.1", "--receipts", "--json", ...keyFlags);
    expect(back.code, back.stderr).to.equal(0);
    const { freeWei } = await held();
    expect(freeWei).to.equal(RESERVE + bond / 4n - RESERVE / 10n);
    const words = await assay("dispute", "show", path);
    expect(words.stdout).to.include("an answer over HTTP: input and output are not on chain");
    expect(words.stdout).to.include("of the reserve of the operator");
    expect(words.stdout).not.to.include("requester");
    const verified = await assay("verify", shown.requestId);
    expect([verified.code, verified.stdout]).to.deep.equal([2, ""]);
    expect(verified.stderr).to.include("assay receipt verify FILE");
  });

  it("are told of by status, and leave no wei unexplained", async () => {
    const schema = z.object({
      receipts: z.object({
        ...{ reserveWei: z.string(), coverWei: z.string(), freeWei: z.string(), onTrial: z.number() },
        deposits: z.object({ clients: z.number(), wei: z.string() }),
      }),
      work: z.object({ answers: z.object({ count: z.number() }), challengeable: z.number() }),
      profit: z.object({ unexplainedWei: z.string(), depositsWei: z.string(), protocolFeesWei: z.string() }),
    });
    const { code, stdout, stderr } = await assay(
      "status",
      "--address",
      liar.address,
      "--http",
      "off",
      "--json",
    );
    expect(code, stderr).to.equal(0);
    const { receipts, work, profit } = schema.parse(JSON.parse(stdout));
    const left = String(RESERVE - bondOfClass(CLASS));
    expect(receipts).to.deep.equal({
      ...{ reserveWei: left, coverWei: left, freeWei: "0", onTrial: 0 },
      deposits: { clients: 1, wei: String(10n ** 15n) },
    });
    expect([work.answers.count, work.challengeable]).to.deep.equal([0, 0]);
    expect(profit).to.deep.equal({
      ...{ unexplainedWei: "0", depositsWei: String(RESERVE), protocolFeesWei: "0" },
    });
  });

  it("show their place in line while their operator has too much on trial", async () => {
    const issued = await fillLine(world, digits, { operator: 5, challenger: 6, waiting: 2 });
    const [newest] = issued.slice(-1);
    if (newest === undefined) throw new Error("nothing was issued");
    const last = digestOf(placeOf(world), "Receipt", newest);
    const schema = z.object({
      ...{ disputeId: z.string().nullable(), state: z.string(), verdict: z.null(), money: z.null() },
      line: z.array(z.object({ number: z.number(), ahead: z.number(), disputeId: z.string() })),
      moves: z.array(z.object({ event: z.string() })),
    });
    const found = await assay("dispute", "show", last, "--json");
    expect(found.code, found.stderr).to.equal(0);
    const shown = schema.parse(JSON.parse(found.stdout));
    expect(shown.line.map(({ number, ahead }) => [number, ahead])).to.deep.equal([[1, 1]]);
    expect([shown.state, shown.moves.map(({ event }) => event)]).to.deep.equal([
      "waiting",
      ["ChallengeQueued"],
    ]);
    const words = await assay("dispute", "show", shown.line[0]?.disputeId ?? "");
    expect(words.stdout).to.match(/in line +number 1, 1 ahead of it: 0\.\d+ ETH locked by 0x/);
    const listed = await assay("dispute", "list", "--open", "--address", world.chain.wallet(6).address);
    expect(listed.stdout).to.include(`, about receipt ${last}: waiting in line, 1 ahead of it`);
    expect(listed.stdout.match(/the operator is on the move/g)).to.have.length(MAX_LIVE);
  });
});

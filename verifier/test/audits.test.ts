/** Receipts that strangers hand to a verifier; on a real chain. */
import { expect } from "chai";
import { toBeHex } from "ethers";
import { z } from "zod/v4";
import { inputsRoot } from "../../program/src/claim.ts";
import { connect } from "../../sdk/src/contracts.ts";
import { keccak } from "../../sdk/src/ids.ts";
import { AUDIT_PATH, toJson, type ReceiptFile } from "../../sdk/src/infer/wire.ts";
import { digestOf, RECEIPT_VALIDITY, signAs, type Receipt } from "../../sdk/src/receipts.ts";
import { toHex, ZERO_HASH, type Hex } from "../../sdk/src/structs.ts";
import { exactOutput } from "../src/compute/exact.ts";
import { startNode, type RunningNode } from "../src/node.ts";
import { placeOf } from "./buyer.ts";
import { CHECKS_ALL, nodeOptions } from "./player.ts";
import { handTo, RESERVE, standingOf, urlOf } from "./receipts.ts";
import { CUT, startProxy, type Proxy, type Trick } from "./rpc.ts";
import { until } from "./until.ts";
import { exampleModel, pass, publishFile, startWorld, type PublishedModel, type World } from "./world.ts";

/** Of these receipts: 0.128 ETH, which eight of cover a reserve. */
const CLASS = 7;
/** More than one dispute locks, and less than two. */
const STAKE = 3n * 10n ** 16n;
const MOST_OF_OPERATOR = 64;

interface Changes {
  readonly receipt?: Partial<Receipt>;
  readonly input?: Uint8Array;
  readonly output?: Uint8Array;
}

describe("receipts that are handed in", function () {
  this.timeout(280_000);
  let world: World;
  let digits: PublishedModel;
  let proxy: Proxy;
  let node: RunningNode;
  let numbers = 0;

  /** A receipt of an account that runs no node; its output is wrong by a bit unless it is said. */
  async function issue(account: number, { receipt, ...bytes }: Changes = {}): Promise<ReceiptFile> {
    const { chain } = world;
    const signer = chain.wallet(account);
    const { model, releaseId } = digits;
    const input = Uint8Array.from({ length: model.inputBytes }, (_, i) => (i + numbers) % 17);
    const output = exactOutput(model, input);
    output[0] = (output[0] ?? 0) ^ 1;
    const shown = { input, output, ...bytes };
    const { timestamp = 0 } = (await chain.provider.getBlock("latest")) ?? {};
    const signed: Receipt = {
      requestHash: keccak(new Uint8Array([numbers++])),
      releaseId,
      inputsRoot: toHex(inputsRoot(model.program, input)),
      outputHash: keccak(shown.output),
      operator: `0x${signer.address.slice(2)}`,
      issuedAt: timestamp,
      bondClass: CLASS,
      ...receipt,
    };
    const place = placeOf(world);
    const base64 = (blob: Uint8Array): string => Buffer.from(blob).toString("base64");
    return {
      version: 1,
      chainId: place.chainId,
      receipts: place.receipts,
      receipt: signed,
      signature: await signAs(signer, place, "Receipt", signed),
      ...{ input: base64(shown.input), output: base64(shown.output) },
    };
  }

  async function refusal(file: ReceiptFile): Promise<string> {
    const headers = { "content-type": "application/json" };
    const reply = await fetch(`${urlOf(node)}${AUDIT_PATH}`, { method: "POST", headers, body: toJson(file) });
    expect(reply.status).not.to.equal(202);
    return z.object({ error: z.string() }).parse(await reply.json()).error;
  }

  const digestIn = ({ receipt }: ReceiptFile): Hex => digestOf(placeOf(world), "Receipt", receipt);
  const standing = (file: ReceiptFile): ReturnType<typeof standingOf> => standingOf(node, digestIn(file));

  async function becomeOperator(account: number, reserveWei: bigint): Promise<void> {
    const signer = world.chain.wallet(account);
    const operator: Hex = `0x${signer.address.slice(2)}`;
    const { receipts } = connect(world.deployment, signer);
    const proof = await signAs(signer, placeOf(world), "Key", { operator });
    await (await receipts.addKey(operator, proof)).wait();
    if (reserveWei > 0n) await (await receipts.addReserve({ value: reserveWei })).wait();
  }

  async function tracesComputed(): Promise<number> {
    const text = await (await fetch(`${urlOf(node)}/metrics`)).text();
    return Number(
      /^assay_inference_runs_total\{interpreter="trace",outcome="done"\} (\d+)/m.exec(text)?.[1] ?? 0,
    );
  }

  before(async () => {
    world = await startWorld();
    proxy = await startProxy(world.chain.url);
    digits = await publishFile(world, exampleModel("digits"));
    for (const account of [4, 5]) await becomeOperator(account, RESERVE);
    await becomeOperator(6, 0n);
    node = await startNode({
      ...nodeOptions(world, 3),
      ...CHECKS_ALL,
      rpcUrls: [proxy.url],
      http: { host: "127.0.0.1", port: 0 },
    });
    await node.ready;
  });

  after(async () => {
    await node.stop();
    await proxy.stop();
    await world.stop();
  });

  it("are refused where nothing could be won", async () => {
    const { inputBytes, outputBytes } = digits.model;
    const { timestamp = 0 } = (await world.chain.provider.getBlock("latest")) ?? {};
    const ahead = Math.max(timestamp, Math.floor(Date.now() / 1000));
    const cases: readonly (readonly [Changes, string, number?])[] = [
      [{ output: new Uint8Array(outputBytes + 1) }, `the output has ${outputBytes + 1} bytes`],
      [{ output: new Uint8Array() }, "the output has 0 bytes"],
      [{ receipt: { outputHash: ZERO_HASH } }, "the output is not the one"],
      [{ input: new Uint8Array(inputBytes - 1) }, `the input has ${inputBytes - 1} bytes`],
      [{ input: new Uint8Array(inputBytes) }, "the input is not the one"],
      [{ receipt: { bondClass: 25 } }, "bondClass"],
      [{ receipt: { bondClass: 11 } }, "nothing can be won by it"],
      [{ receipt: { issuedAt: ahead + 1000 } }, "issued in the future"],
      [{ receipt: { issuedAt: timestamp - RECEIPT_VALIDITY - 1 } }, "the receipt has expired"],
      [{ receipt: { releaseId: ZERO_HASH } }, "there is no release"],
      [{}, "nothing can be won by it", 6],
      [{ receipt: { issuedAt: timestamp - RECEIPT_VALIDITY + 3000 } }, "within the hour"],
      [{}, "is not one of", 7],
    ];
    for (const [changes, text, account = 4] of cases)
      expect(await refusal(await issue(account, changes))).to.include(text);
    // The contract takes no twin of a signature, so the receipt could never be challenged with it.
    const { signature, ...file } = await issue(4, { receipt: { bondClass: 0 } });
    const v = Number.parseInt(signature.slice(-2), 16) - 27;
    const twin: Hex = `0x${signature.slice(2, -2)}0${v}`;
    expect(await refusal({ ...file, signature: twin })).to.include("the receipt's signature is none");
    await handTo(node, { ...file, signature });
  });

  it("hold no stake that others need once their operator's reserve is gone", async () => {
    await becomeOperator(7, 2n ** 8n * 10n ** 15n);
    await becomeOperator(8, RESERVE);
    const whole = { receipt: { bondClass: 8 } };
    const [won, hopeless] = [await issue(7, whole), await issue(7, whole)];
    await handTo(node, won);
    await handTo(node, hopeless);
    const vault = connect(world.deployment, world.chain.wallet(3)).receiptsVault;
    await until("both are judged", async () =>
      (await Promise.all([won, hopeless].map(standing))).every(({ state }) => state === "wrong"),
    );
    // While no challenge can be sent, no game asks for a trace: who cannot compute it in time must not begin.
    proxy.bend = ({ method }) => (method === "eth_sendRawTransaction" ? CUT : undefined);
    await (await vault.deposit({ value: STAKE })).wait();
    await until("the trace is there before the challenge", async () => (await tracesComputed()) > 0);
    proxy.bend = undefined;
    // Its operator says nothing.
    const both = () => Promise.all([won, hopeless].map(standing));
    await until("one is on trial", async () => (await both()).some(({ challenge }) => challenge === "open"));
    await pass(world, 200);
    await until("one is won", async () => (await both()).some(({ challenge }) => challenge === "won"));
    await until("it is hopeless", async () =>
      (await both()).some(({ reason }) => reason?.startsWith("nothing to win") === true),
    );
    const genuine = await issue(8, whole);
    await handTo(node, genuine);
    await until("it is on trial", async () => (await standing(genuine)).challenge === "open");
    expect((await both()).map(({ challenge }) => challenge).toSorted()).to.deep.equal(["none", "won"]);
  });

  it("are challenged though an endpoint lies about stake, reserve and tips", async () => {
    const proxies = await Promise.all(Array.from({ length: 3 }, () => startProxy(world.chain.url)));
    const [liar] = proxies;
    if (liar === undefined) throw new Error("no liar");
    let lies = 0;
    const lie = (result: unknown): Trick => {
      lies++;
      return { result };
    };
    // The first is asked first.
    liar.bend = ({ method }) => {
      if (method === "eth_maxPriorityFeePerGas") return lie(toBeHex(100_000_000_000n));
      return method === "eth_call" ? lie(`0x${"00".repeat(256)}`) : undefined;
    };
    const deceived = await startNode({
      ...nodeOptions(world, 9),
      ...CHECKS_ALL,
      rpcUrls: proxies.map(({ url }) => url),
      http: { host: "127.0.0.1", port: 0 },
    });
    await deceived.ready;
    await (
      await connect(world.deployment, world.chain.wallet(9)).receiptsVault.deposit({ value: STAKE })
    ).wait();
    const file = await issue(5, { receipt: { bondClass: 8 } });
    await handTo(deceived, file);
    await until(
      "it is on trial",
      async () => (await standingOf(deceived, digestIn(file))).challenge === "open",
    );
    expect(lies).to.be.greaterThan(1);
    await deceived.stop();
    await Promise.all(proxies.map((proxy) => proxy.stop()));
  });

  it("give way to those that stand for more, where one operator has too many", async () => {
    const first = await issue(4, { receipt: { bondClass: 1 } });
    await handTo(node, first);
    for (let i = 1; i < MOST_OF_OPERATOR; i++)
      await handTo(node, await issue(4, { receipt: { bondClass: 2 } }));
    expect(await refusal(await issue(4, { receipt: { bondClass: 1 } }))).to.include("too many receipts");
    await handTo(node, await issue(4));
    expect(await refusal(await issue(4, { receipt: { bondClass: 2 } }))).to.include("too many receipts");
    // What was judged is remembered: a game might be about it.
    expect((await standing(first)).state).to.equal("wrong");
    // Another operator's find their place.
    await handTo(node, await issue(5, { receipt: { bondClass: 0 } }));
  });
});

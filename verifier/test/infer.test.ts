import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { expect } from "chai";
import { formatEther } from "ethers";
import { decodeOutput } from "../../sdk/src/decode.ts";
import { keccak } from "../../sdk/src/ids.ts";
import { connect } from "../../sdk/src/contracts.ts";
import {
  HEADERS,
  INFER_PATH,
  requiredSchema,
  TERMS_PATH,
  AUDIT_PATH,
  fromHeader,
  toJson,
} from "../../sdk/src/infer/wire.ts";
import { bondOfClass, requireSigner } from "../../sdk/src/receipts.ts";
import { unpackParameters } from "../../sdk/src/parameters.ts";
import { readRelease } from "../../sdk/src/release.ts";
import {
  checkIncluded,
  readAnchored,
  sampleAnchored,
  type Anchored,
  type Inclusion,
} from "../../sdk/src/infer/anchors.ts";
import { address, type Hex } from "../../sdk/src/structs.ts";
import { exactOutput } from "../src/compute/exact.ts";
import type { ResultRecord } from "../src/chain/state.ts";
import { changeOf, ledgerOf, unexplainedWei } from "../src/economics/ledger.ts";
import { startNode, type RunningNode } from "../src/node.ts";
import type { OperatorParts } from "../src/roles/operator.ts";
import { digestSigner } from "../src/serve/digests.ts";
import { createWatch } from "../../scripts/simulate/watch.ts";
import { createBuyer, fileOf, placeOf, type Buyer, type Ordered } from "./buyer.ts";
import { CHECKS_ALL, nodeOptions } from "./player.ts";
import { standingOf } from "./receipts.ts";
import { until } from "./until.ts";
import { exampleModel, pass, publishFile, startWorld, type PublishedModel, type World } from "./world.ts";

const PRICE = 10n ** 13n;
const CLASS = 4;
const RESERVE = 10n ** 18n;
const DEPOSIT = 10n ** 15n;
const KEY: Hex = `0x${"5e".repeat(32)}`;
const LIAR_KEY: Hex = `0x${"6e".repeat(32)}`;

describe("answers over HTTP", function () {
  this.timeout(280_000);
  let world: World;
  let digits: PublishedModel;
  let operator: RunningNode;
  let liar: RunningNode;
  let verifier: RunningNode;
  let buyer: Buyer;
  const nodes: RunningNode[] = [];

  async function serve(account: number, key: Hex, parts: Partial<OperatorParts> = {}): Promise<RunningNode> {
    const wallet = world.chain.wallet(account);
    const { receipts } = connect(world.deployment, wallet);
    await (await receipts.addReserve({ value: RESERVE })).wait();
    const node = await startNode(
      {
        ...nodeOptions(world, account),
        operator: { serve: [digits.releaseId], minFee: 0n },
        http: { host: "127.0.0.1", port: 0 },
        receipts: {
          releases: [digits.releaseId],
          priceWei: PRICE,
          bondClass: CLASS,
          answers: "checked",
          signer: digestSigner(key),
          redeemFromWei: 5n * PRICE,
          anchorSeconds: account === 1 ? 10 : undefined,
        },
      },
      parts,
    );
    nodes.push(node);
    return node;
  }

  function urlOf({ url }: RunningNode): string {
    if (url === undefined) throw new Error("no server");
    return url;
  }

  function input(seed: number): Uint8Array {
    return Uint8Array.from({ length: digits.model.inputBytes }, (_, i) => (i * seed + 3) % 17);
  }

  async function isServed(node: RunningNode): Promise<boolean> {
    const terms = requiredSchema.parse(await (await fetch(`${urlOf(node)}${TERMS_PATH}`)).json());
    return terms.accepts.length === 1;
  }

  before(async () => {
    world = await startWorld();
    digits = await publishFile(world, exampleModel("digits"));
    operator = await serve(1, KEY);
    liar = await serve(2, LIAR_KEY, {
      receipt: async (_release, given) => {
        const output = exactOutput(digits.model, given);
        output[0] = (output[0] ?? 0) ^ 1;
        return Promise.resolve(output);
      },
    });
    const { receiptsVault } = connect(world.deployment, world.chain.wallet(3));
    await (await receiptsVault.deposit({ value: RESERVE })).wait();
    verifier = await startNode({
      ...nodeOptions(world, 3),
      ...CHECKS_ALL,
      http: { host: "127.0.0.1", port: 0 },
    });
    nodes.push(verifier);
    await Promise.all(nodes.map(({ ready }) => ready));
    buyer = await createBuyer(world, 5, operator.address, DEPOSIT);
    await until("served", async () => (await isServed(operator)) && (await isServed(liar)));
  });

  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await world.stop();
  });

  it("says what it costs to whoever does not pay", async () => {
    const reply = await fetch(`${urlOf(operator)}${INFER_PATH}`, {
      method: "POST",
      body: "{}",
      headers: { "content-type": "application/json" },
    });
    expect(reply.status).to.equal(402);
    const body = requiredSchema.parse(await reply.json());
    expect(fromHeader(requiredSchema, "terms", reply.headers.get(HEADERS.required) ?? "")).to.deep.equal(
      body,
    );
    const [terms] = body.accepts;
    expect(terms?.amount).to.equal(PRICE);
    expect(terms?.payTo).to.equal(operator.address);
    expect(terms?.network).to.equal(`eip155:${world.deployment.chainId}`);
  });

  it("lets web pages of other origins ask", async () => {
    for (const path of [INFER_PATH, AUDIT_PATH]) {
      const node = path === INFER_PATH ? operator : verifier;
      const reply = await fetch(`${urlOf(node)}${path}`, {
        method: "OPTIONS",
        headers: { origin: "https://example.org", "access-control-request-method": "POST" },
      });
      expect(reply.status).to.equal(204);
      expect(reply.headers.get("access-control-allow-headers")).to.include(HEADERS.payment);
    }
  });

  it("reads no body of whoever does not pay", async () => {
    const length = 32 * 2 ** 20;
    const headers = { "content-type": "application/octet-stream", "content-length": length };
    const posted = httpRequest(`${urlOf(operator)}${INFER_PATH}`, { method: "POST", headers });
    posted.on("error", () => undefined);
    // Nothing follows: whoever waited for the body would wait for ever.
    posted.flushHeaders();
    const [reply] = (await once(posted, "response")) as [IncomingMessage];
    posted.destroy();
    expect(reply.statusCode).to.equal(402);
  });

  let first: Ordered;

  it("answers a paid order with the right output and a receipt, and the same order with the same", async () => {
    first = await buyer.order(digits, input(5), PRICE, PRICE);
    await until(
      "the deposit is known",
      async () => (await buyer.send(urlOf(operator), first)).status === 200,
    );
    const bought = await buyer.send(urlOf(operator), first);
    const right = exactOutput(digits.model, input(5));
    expect(bought.body).to.deep.equal(right);
    if (bought.settlement === undefined) throw new Error("no receipt");
    const { receipt, signature } = bought.settlement;
    expect(receipt.outputHash).to.equal(keccak(right));
    expect(receipt.inputsRoot).to.equal(first.payment.order.inputsRoot);
    expect(receipt.bondClass).to.equal(CLASS);
    requireSigner(placeOf(world), "Receipt", receipt, signature, digestSigner(KEY).address);
    const again = await buyer.send(urlOf(operator), first);
    expect(again.settlement).to.deep.equal(bought.settlement);
    expect(again.body).to.deep.equal(right);
  });

  it("takes tensors as JSON too", async () => {
    const { payment } = await buyer.order(digits, input(6), PRICE, 2n * PRICE);
    const [spec] = digits.model.signature.inputs;
    const header = {
      x402Version: 2,
      accepted: { scheme: "assay-voucher", network: `eip155:${world.deployment.chainId}` },
      payload: payment,
    };
    const reply = await fetch(`${urlOf(operator)}${INFER_PATH}`, {
      method: "POST",
      headers: { "content-type": "application/json", [HEADERS.payment]: btoa(toJson(header)) },
      body: JSON.stringify({ inputs: { [spec?.name ?? ""]: [...input(6)] } }),
    });
    expect(reply.status).to.equal(200);
    const { outputs } = (await reply.json()) as { outputs: Record<string, number[]> };
    const right = decodeOutput(digits.model.signature, exactOutput(digits.model, input(6)));
    for (const [name, values] of Object.entries(right))
      expect(outputs[name]).to.deep.equal(Array.from<unknown>(values));
  });

  const paid = 2n * PRICE;
  const refusals: readonly (readonly [name: string, status: number, make: () => Promise<Ordered>])[] = [
    ["a voucher that was used up", 402, () => buyer.order(digits, input(7), PRICE, paid)],
    ["a voucher of less", 402, () => buyer.order(digits, input(7), PRICE, PRICE)],
    ["half the price", 402, () => buyer.order(digits, input(7), PRICE / 2n, paid + PRICE)],
    ["more than the deposit holds", 402, () => buyer.order(digits, input(7), DEPOSIT, paid + DEPOSIT)],
    [
      "an order that has expired",
      400,
      () => buyer.order(digits, input(7), PRICE, paid + PRICE, { expiresAt: 1 }),
    ],
    [
      "an order for a year",
      400,
      () => buyer.order(digits, input(7), PRICE, paid + PRICE, { expiresAt: 2 ** 31 }),
    ],
    [
      "an order for another operator",
      400,
      () => buyer.order(digits, input(7), PRICE, paid + PRICE, { operator: liar.address }),
    ],
    [
      "another input's root",
      400,
      () =>
        buyer.order(digits, input(7), PRICE, paid + PRICE, { inputsRoot: first.payment.order.inputsRoot }),
    ],
    [
      "another release",
      404,
      () => buyer.order(digits, input(7), PRICE, paid + PRICE, { releaseId: `0x${"ab".repeat(32)}` }),
    ],
    [
      "signatures for another chain",
      400,
      () => buyer.order(digits, input(7), PRICE, paid + PRICE, {}, { ...placeOf(world), chainId: 1 }),
    ],
    [
      "an input that is too short",
      400,
      async () => ({
        ...(await buyer.order(digits, input(7), PRICE, paid + PRICE)),
        input: input(7).subarray(1),
      }),
    ],
    [
      "another client's signature",
      400,
      async () => {
        const ordered = await buyer.order(digits, input(7), PRICE, paid + PRICE);
        const other = await createBuyer(world, 6, operator.address, 0n);
        const theirs = await other.order(digits, input(7), PRICE, paid + PRICE);
        return { ...ordered, payment: { ...ordered.payment, signature: theirs.payment.signature } };
      },
    ],
    [
      "a client without a deposit",
      402,
      async () => (await createBuyer(world, 6, operator.address, 0n)).order(digits, input(7), PRICE, PRICE),
    ],
  ];
  for (const [name, status, make] of refusals)
    it(`refuses ${name}`, async () => {
      const { status: got, body } = await buyer.send(urlOf(operator), await make());
      expect(got, Buffer.from(body).toString()).to.equal(status);
    });

  it("counts a refused order for nothing, and redeems what is owed to the wei", async () => {
    let total = paid;
    for (let i = 0; i < 4; i++) {
      total += PRICE;
      const ordered = await buyer.order(digits, input(20 + i), PRICE, total);
      expect((await buyer.send(urlOf(operator), ordered)).status).to.equal(200);
    }
    const redeemed = async (): Promise<bigint> =>
      (await buyer.deposits.accountOf(buyer.client, operator.address)).redeemedWei;
    await until("redeemed", async () => (await redeemed()) >= 5n * PRICE);
    const account = await buyer.deposits.accountOf(buyer.client, operator.address);
    expect(account.depositWei).to.equal(DEPOSIT);
    expect(account.redeemedWei % PRICE).to.equal(0n);
    expect(account.redeemedWei <= total).to.equal(true);
    const held = await world.chain.provider.getBalance(world.deployment.addresses.deposits);
    expect(held).to.equal(DEPOSIT - account.redeemedWei);

    const { events, state } = await createWatch(world.contracts, world.chain.provider)();
    const happened = events.map(({ event }) => event);
    const ours = ledgerOf(operator.address, happened, [], state);
    expect(ours.total.vouchersWei).to.equal(account.redeemedWei);
    const { freeWei, lockedWei } = await world.contracts.receiptsVault.accountOf(operator.address);
    expect(unexplainedWei(ours, { freeWei, lockedWei })).to.equal(0n);
    expect(changeOf(ledgerOf(buyer.client, happened, [], state))).to.equal(-DEPOSIT);
    const gained = `assay_profit_ether{source="fees"} ${Number(formatEther(account.redeemedWei))}`;
    await until("it is in the metrics", async () =>
      (await (await fetch(`${urlOf(operator)}/metrics`)).text()).includes(gained),
    );
  });

  it("has a wrong receipt overturned by whoever it is handed to, and takes its bond from the reserve", async () => {
    const theirs = await createBuyer(world, 7, liar.address, DEPOSIT);
    const ordered = await theirs.order(digits, input(9), PRICE, PRICE);
    await until("the deposit is known", async () => (await theirs.send(urlOf(liar), ordered)).status === 200);
    const bought = await theirs.send(urlOf(liar), ordered);
    const file = fileOf(placeOf(world), ordered, bought);
    const reply = await fetch(`${urlOf(verifier)}${AUDIT_PATH}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: toJson(file),
    });
    expect(reply.status, await reply.clone().text()).to.equal(202);
    const { digest } = (await reply.json()) as { digest: string };
    const standing = (): ReturnType<typeof standingOf> => standingOf(verifier, digest);
    await until("overturned", async () => (await standing()).challenge === "won");
    expect((await standing()).state).to.equal("wrong");
    const bond = bondOfClass(CLASS);
    const { receipts, receiptsVault } = world.contracts;
    expect((await receipts.reserveOf(liar.address)).reserveWei).to.equal(RESERVE - bond);
    await until("paid", async () => (await receiptsVault.accountOf(verifier.address)).lockedWei === 0n);
    expect((await receiptsVault.accountOf(verifier.address)).freeWei).to.equal(RESERVE + bond / 4n);
    const watch = createWatch(world.contracts, world.chain.provider);
    const overturned = [...(await watch()).state.requests.values()].filter(
      ({ status }) => status === "overturned",
    );
    expect(overturned.map(({ court }) => court)).to.deep.equal(["receipts"]);
  });

  it("answers an order again that has expired meanwhile, to nobody but its client", async () => {
    const total = 7n * PRICE;
    const expiresAt = Math.floor(Date.now() / 1000) + 3;
    const ordered = await buyer.order(digits, input(31), PRICE, total, { expiresAt });
    const bought = await buyer.send(urlOf(operator), ordered);
    expect(bought.status, Buffer.from(bought.body).toString()).to.equal(200);
    await until("it has expired", () => Promise.resolve(Date.now() / 1000 > expiresAt + 1));
    const again = await buyer.send(urlOf(operator), ordered);
    expect([again.status, again.settlement]).to.deep.equal([200, bought.settlement]);
    const signature: Hex = `0x${"11".repeat(64)}1b`;
    const stolen = { ...ordered, payment: { ...ordered.payment, signature } };
    expect((await buyer.send(urlOf(operator), stolen)).status).to.equal(400);
  });

  it("lets a right receipt be", async () => {
    const ordered = await buyer.order(digits, input(5), PRICE, 20n * PRICE);
    const bought = await buyer.send(urlOf(operator), ordered);
    const file = fileOf(placeOf(world), ordered, bought);
    const reply = await fetch(`${urlOf(verifier)}${AUDIT_PATH}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: toJson(file),
    });
    const { digest } = (await reply.json()) as { digest: string };
    const standing = (): ReturnType<typeof standingOf> => standingOf(verifier, digest);
    await until("judged", async () => (await standing()).state !== "pending");
    expect(await standing()).to.include({ state: "right", challenge: "none" });
  });

  it("publishes roots of all that it gave, by which anybody can hold it to that", async () => {
    const { contracts, chain, deployment } = world;
    const file = fileOf(placeOf(world), first, await buyer.send(urlOf(operator), first));
    const asking = { endpoint: urlOf(operator), trusted: true };
    const included = (): Promise<Inclusion> => checkIncluded(contracts, chain.provider, file, asking);
    await until("it is included", async () => (await included()).state === "included");
    const periods = await readAnchored(contracts, chain.provider, operator.address);
    for (const [i, anchored] of periods.entries()) {
      expect(anchored.from).to.equal(periods[i - 1]?.until ?? anchored.from);
      const drawn = await sampleAnchored(contracts, anchored, 100, asking);
      expect(drawn.length).to.equal(anchored.count);
      expect(drawn.filter(({ wrong }) => wrong !== undefined)).to.deep.equal([]);
    }
    const receipt = { ...file.receipt, issuedAt: file.receipt.issuedAt + 1 };
    expect((await checkIncluded(contracts, chain.provider, { ...file, receipt }, asking)).state).to.equal(
      "left out",
    );

    // An operator that takes another's receipts for its own, and one that anchors nothing.
    const wallet = chain.wallet(9);
    const theirs = connect(deployment, wallet).receipts;
    const [{ root, count, from, until: end }] = periods as [Anchored];
    await (await theirs.anchor(root, count, from, end)).wait();
    const [copied] = await readAnchored(contracts, chain.provider, address.parse(wallet.address));
    if (copied === undefined) throw new Error("nothing was anchored");
    const [drawn] = await sampleAnchored(contracts, copied, 1, asking);
    expect(drawn?.wrong).to.equal("it is another operator's");
    const nobodys = { ...file, receipt: { ...file.receipt, operator: liar.address } };
    expect((await checkIncluded(contracts, chain.provider, nobodys, asking)).state).to.equal("open");
  });

  it("defends a right receipt against whoever challenges it", async () => {
    const ordered = await buyer.order(digits, input(8), PRICE, 30n * PRICE);
    const { settlement } = await buyer.send(urlOf(operator), ordered);
    if (settlement === undefined) throw new Error("no receipt");
    const { receipts, receiptsVault } = connect(world.deployment, world.chain.wallet(8));
    await (await receiptsVault.deposit({ value: RESERVE })).wait();
    const { release } = await readRelease(world.contracts, world.chain.provider, digits.releaseId);
    await (await receipts.challenge(settlement.receipt, release, settlement.signature)).wait();
    const watch = createWatch(world.contracts, world.chain.provider);
    const trial = async (): Promise<ResultRecord | undefined> =>
      [...(await watch()).state.results.values()].find(
        ({ outputHash, operator: by, games }) =>
          outputHash === settlement.receipt.outputHash && by === operator.address && games.size > 0,
      );
    await until("the trace is committed", async () => (await trial())?.commit !== undefined);
    const { challengerClock } = unpackParameters(await world.contracts.market.packedParameters());
    await pass(world, challengerClock + 1);
    await until("the challenger has lost", async () => {
      const games = (await trial())?.games.values() ?? [];
      return [...games].every(({ status }) => status === "lost");
    });
    expect((await receipts.reserveOf(operator.address)).reserveWei).to.equal(RESERVE);
  });
});
